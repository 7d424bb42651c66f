"""Rate limit per token: counted in Redis in fixed windows. Requests are not limited while Redis is unavailable.

DRF imports this module while its own views load: do not import them here.
"""

from __future__ import annotations

import functools
import logging
import time
from typing import TYPE_CHECKING, Final

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from audit import clock
from audit.actor import Actor
from governance.health import redis_client

if TYPE_CHECKING:
    from rest_framework.views import APIView

log = logging.getLogger(__name__)

REDIS_TIMEOUT: Final = 0.25
"""Timeout in seconds of one Redis call."""
REDIS_BACKOFF: Final = 5.0
"""Seconds for which a process does not call Redis after an error."""

_resting_until = 0.0


class TokenThrottle(BaseThrottle):
    """At most COUNTERSIGN_API_RATE requests per token and window. The quota left is reported in the header fields of
    draft-ietf-httpapi-ratelimit-headers (`RateLimit-Policy`, `RateLimit`).
    """

    retry_after: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        actor = request.auth
        if not isinstance(actor, Actor):
            return True
        quota, window = settings.COUNTERSIGN_API_RATE
        moment = clock.now().timestamp()
        number, elapsed = divmod(moment, window)
        used = _count(f"countersign:rate:{actor.id}:{int(number)}", window)
        if used is None:
            return True
        left = max(0, quota - used)
        resets = max(1, round(window - elapsed))
        request._request.META["countersign.rate"] = (
            f'"token";q={quota};w={window}',
            f'"token";r={left};t={resets}',
        )
        if used > quota:
            self.retry_after = resets
            return False
        return True

    def wait(self) -> float | None:
        """Seconds until the window ends."""
        return self.retry_after


def _count(key: str, window: int) -> int | None:
    """Return the number of requests in the window, including this one; None if Redis is unavailable."""
    global _resting_until  # noqa: PLW0603 (one backoff for the whole process)
    if time.monotonic() < _resting_until:
        return None
    try:
        pipeline = _client(settings.REDIS_URL).pipeline()
        pipeline.set(key, 0, ex=window + 1, nx=True)
        pipeline.incr(key)
        return int(pipeline.execute()[1])
    except redis.RedisError as error:
        _resting_until = time.monotonic() + REDIS_BACKOFF
        log.warning("requests are not counted for %s s: Redis does not answer (%s)", REDIS_BACKOFF, error)
        return None


@functools.lru_cache(maxsize=8)
def _client(url: str) -> redis.Redis[bytes]:
    """One connection pool per process; `url` is only the cache key."""
    client = redis_client(timeout=REDIS_TIMEOUT)
    client.set_retry(Retry(NoBackoff(), 0))  # type: ignore[attr-defined]  # type: ignore[attr-defined]  # the stubs are of an older client
    return client
