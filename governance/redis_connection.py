"""A connection to the broker's Redis, for everything but Celery itself."""

from __future__ import annotations

from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry


def redis_client(timeout: float = 2) -> redis.Redis[bytes]:
    """Connect to the broker's Redis directly; its URL may have Celery's form for sockets.

    Args:
        timeout: seconds to wait for a connection, and for each response.
    """
    url = settings.REDIS_URL
    # No retries: monitoring asks again, and a retrying health check responds too late.
    patience: dict[str, Any] = {
        "socket_timeout": timeout,
        "socket_connect_timeout": timeout,
        "retry": Retry(NoBackoff(), 0),
    }
    if url.startswith("redis+socket://"):
        path, _, query = url.removeprefix("redis+socket://").partition("?")
        number = dict(part.split("=", 1) for part in query.split("&") if "=" in part).get("virtual_host", "0")
        return redis.Redis(unix_socket_path=path, db=int(number), **patience)
    return redis.Redis.from_url(url, **patience)
