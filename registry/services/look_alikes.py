"""Detection of names of people and groups that look like an existing one, regardless of case.

Accounts and groups are few and created by administrators and officers, so names are compared one by one. A lock until
the end of the transaction serialises new names.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from django.db import connection

from registry import characters
from registry.validation import ErrorCollector

_LOCK = 0x6E616D65
"""Key of pg_advisory_xact_lock that serialises new names of people and groups."""

_skeleton = lru_cache(maxsize=50_000)(characters.caseless_skeleton)


def refuse_look_alike(faults: ErrorCollector, pointer: str, name: str, known: Iterable[str], what: str) -> None:
    """Add an error for a name that looks like an existing one. The caller refuses the identical name, as taken.

    Args:
        faults: receives the error.
        pointer: JSON pointer of the field.
        name: the new name.
        known: the existing names; a query set is read once the lock is held.
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
            f"“{name}” looks like “{alike}”, which is {what}: choose a name that differs clearly.",
        )
