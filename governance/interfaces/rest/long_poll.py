"""Long polling for changes of a promotion request.

No transaction and no lock is held between two reads. The number of waiting requests per process is limited; further
requests get an immediate response and have to poll.
"""

from __future__ import annotations

import re
import threading
from time import monotonic, sleep
from typing import Final

from django.conf import settings
from rest_framework.request import Request

from governance.models import PromotionRequest
from governance.selectors import request_revision

LONGEST: Final = 25
"""Maximum wait in seconds; many proxies time out after 30."""
LOOK_EVERY: Final = 1.0
"""Seconds between two reads."""
RETRY_AFTER: Final = 2
"""Seconds a client should wait before it repeats a request that saw no change."""

_PREFERENCE = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])")
_lock = threading.Lock()
_waiting = 0


def requested_wait(request: Request, seconds: int | None) -> int:
    """Return the wait in seconds: from `?wait=`, else from `Prefer: wait=` (RFC 7240); at most 25."""
    if seconds is None:
        found = _PREFERENCE.search(request.headers.get("Prefer", ""))
        seconds = int(found[1]) if found is not None else 0
    return min(seconds, LONGEST)


def until_changed(number: int, revision: int, seconds: float) -> bool:
    """Wait until request `number` has another revision or is closed, for at most `seconds`.

    Args:
        number: primary key of the promotion request.
        revision: the revision the client knows.
        seconds: maximum wait.

    Returns:
        False without waiting if this process already holds the maximum number of waiting requests; otherwise True.
    """
    if not _enter():
        return False
    try:
        end = monotonic() + seconds
        while True:
            found = request_revision(number)
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
    global _waiting  # noqa: PLW0603  # one count for the process
    with _lock:
        _waiting -= 1
