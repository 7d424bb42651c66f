"""Skeletons of names (UTS #39 section 4): two names with the same skeleton look alike.

No library on PyPI is both maintained and complete (`confusable-homoglyphs` has no skeletons and was last released in
January 2024, `disarm` is a beta of 5 MB that does much else), and the algorithm is four lines over Unicode's own data.
The data are those of Unicode 17 (`confusables.txt` in this folder, written by `registry.characters.generate`).
"""

from __future__ import annotations

import hashlib
import unicodedata
from functools import cache
from pathlib import Path

from registry.characters.classes import DEFAULT_IGNORABLE

_DATA = Path(__file__).with_name("confusables.txt")


def skeleton(name: str) -> str:
    """Return the skeleton of a name: NFD, without ignorable characters, each character replaced by its prototype, NFD.

    For comparison, not for display. Upper and lower case differ, as in Unicode: readers can tell “K” from “k”.
    Directions are not applied (bidiSkeleton), because names may not contain characters that change them.

    Args:
        name: any text.

    Returns:
        The skeleton; equal for names that look alike.
    """
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).translate(_prototypes()))


def caseless_skeleton(name: str) -> str:
    """Return a skeleton that ignores case: for user names, groups and aliases.

    Args:
        name: any text.

    Returns:
        The skeleton; equal for names that look alike or differ only in case.
    """
    return skeleton(skeleton(name.casefold()).casefold())


def skeleton_digest(name: str) -> str:
    """Return the SHA-256 of a name's skeleton in hexadecimal: fixed length, for a unique index."""
    return hashlib.sha256(skeleton(name).encode()).hexdigest()


@cache
def _prototypes() -> dict[int, str | None]:
    mapped: dict[int, str | None] = {}
    for line in _DATA.read_text(encoding="ascii").splitlines():
        if not line.startswith("#"):
            source, _, target = line.partition(";")
            mapped[int(source, 16)] = "".join(chr(int(code, 16)) for code in target.split())
    for first, last in DEFAULT_IGNORABLE:
        mapped.update(dict.fromkeys(range(first, last + 1)))
    return mapped
