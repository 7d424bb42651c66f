"""How often a token may ask: counted in Redis, in fixed windows. Without Redis nobody is held up.

DRF imports this module while its own views load, so nothing here may import those.
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
"""Seconds one request waits for the counter."""
REDIS_BACKOFF: Final = 5.0
"""Seconds a process leaves Redis alone after it failed."""

_resting_until = 0.0


class TokenThrottle(BaseThrottle):
    """At most COUNTERSIGN_API_RATE requests of a token in a window. The answer says what is left, in the fields of
    draft-ietf-httpapi-ratelimit-headers (`RateLimit-Policy`, `RateLimit`)."""

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
    """How many requests the window has seen, this one included; None where Redis does not say."""
    global _resting_until  # noqa: PLW0603 (one pause for the whole process)
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
    """One pool for the process; `url` is its key only."""
    client = redis_client(timeout=REDIS_TIMEOUT)
    client.set_retry(Retry(NoBackoff(), 0))  # type: ignore[attr-defined]  # the stubs are of an older client
    return client
