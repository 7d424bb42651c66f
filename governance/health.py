"""Health endpoints for monitoring: liveness and readiness."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.backoff import NoBackoff
from redis.retry import Retry

from registry import storage


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Report that the process responds. Tests nothing else: an unavailable database is no reason to kill a web
    process.
    """
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Report for each part whether requests can be served; 503 if one part cannot.

    The response is public, so it contains only the kind of an error; details are in the log.
    """
    parts = state_of_parts()
    ready = all(answer == "ok" for answer in parts.values())
    return JsonResponse({"ready": ready, "parts": parts}, status=200 if ready else 503)


def state_of_parts() -> dict[str, str]:
    """Check every part that requests need.

    Returns:
        For each part "ok", or the kind of the error.
    """
    return {name: _ask(probe) for name, probe in PROBES.items()}


class NotReady(Exception):
    """A part responds, but is not usable; the message is public."""


def _ask(probe: Callable[[], None]) -> str:
    try:
        probe()
    except NotReady as error:
        return str(error)
    except Exception as error:
        return type(error).__name__
    return "ok"


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _migrations() -> None:
    if due := _known_migrations() - set(MigrationRecorder(connection).applied_migrations()):
        raise NotReady(f"{len(due)} migrations are not applied")


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    """Return the migrations of this release, read once: files do not change under a running process."""
    return frozenset(MigrationLoader(None).disk_migrations or ())


def _redis() -> None:
    with redis_client() as client:
        client.ping()


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


def _storage() -> None:
    storage.store().check_health()


PROBES: dict[str, Callable[[], None]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "storage": _storage,
}
