"""Waiting for a promotion request to change: the answer is held back, not the database.

Between two looks no transaction and no lock is held. A process holds few such requests open; one more is answered at
once and asks again by itself.
"""

from __future__ import annotations

import re
import threading
from time import monotonic, sleep
from typing import Final

from django.conf import settings
from rest_framework.request import Request

from governance.models import PromotionRequest

LONGEST: Final = 25
"""Seconds an answer is held back at most; proxies commonly give up after 30."""
LOOK_EVERY: Final = 1.0
"""Seconds between two looks."""
RETRY_AFTER: Final = 2
"""Seconds a caller who got no news should wait before asking again."""

_PREFERENCE = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])")
_lock = threading.Lock()
_waiting = 0


def requested_wait(request: Request, asked: int | None) -> int:
    """How long the caller would wait, in seconds: by `?wait=`, else by `Prefer: wait=` (RFC 7240); at most 25."""
    if asked is None:
        found = _PREFERENCE.search(request.headers.get("Prefer", ""))
        asked = int(found[1]) if found is not None else 0
    return min(asked, LONGEST)


def until_changed(number: int, revision: int, seconds: float) -> bool:
    """Wait until request `number` has another revision than `revision`, at most `seconds`. False where this process
    holds as many waiting requests as it may: then it does not wait at all."""
    if not _enter():
        return False
    try:
        end = monotonic() + seconds
        while True:
            found = PromotionRequest.objects.filter(pk=number).values_list("revision", "state").first()
            if found is None or found[0] != revision or found[1] not in PromotionRequest.LIVE:
                return True
            left = end - monotonic()
            if left <= 0:
                return True
            sleep(min(LOOK_EVERY, left))
    finally:
        _leave()


def _enter() -> bool:
    global _waiting  # noqa: PLW0603 (counts the waiting requests of this process)
    with _lock:
        if _waiting >= settings.COUNTERSIGN_API_WAITERS:
            return False
        _waiting += 1
        return True


def _leave() -> None:
    global _waiting  # noqa: PLW0603
    with _lock:
        _waiting -= 1
