"""Names of people and groups that look like one that is there, also but for capitals.

Accounts and groups are few and made by administrators and officers, so names are compared one by one; a lock that lasts
until the transaction ends lets one name at a time be given.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from django.db import connection

from registry import characters
from registry.validation import ErrorCollector

_LOCK = 0x6E616D65
"""Of pg_advisory_xact_lock: names of people and groups are given one at a time."""

_skeleton = lru_cache(maxsize=50_000)(characters.caseless_skeleton)


def refuse_look_alike(faults: ErrorCollector, pointer: str, name: str, known: Iterable[str], what: str) -> None:
    """Refuse a name that looks like one that is there. The same name again is refused by the caller, as taken.

    Args:
        faults: receives the fault.
        pointer: the field that gave the name.
        name: the new name.
        known: the names that are there; read once the lock is held where it is a query set.
        what: what has such names, with its article: "an account".
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    wanted = _skeleton(name)
    alike = next((one for one in known if one.casefold() != name.casefold() and _skeleton(one) == wanted), None)
    if alike is not None:
        faults.add(
            pointer,
            "looks_alike",
            f"“{name}” looks like “{alike}”, which is {what}: choose a name that can be told apart.",
        )
