"""Skeletons of names (UTS #39 section 4): two names with one skeleton cannot be told apart by sight.

No library on PyPI is both kept and complete (`confusable-homoglyphs` has no skeletons and was last released in January
2024, `disarm` is a beta of 5 MB that does much else), and the algorithm is four lines over Unicode's own data. The data
are those of Unicode 17 (`confusables.txt` beside this module, written by `registry.characters.generate`).
"""

from __future__ import annotations

import hashlib
import unicodedata
from functools import cache
from pathlib import Path

from registry.characters.classes import DEFAULT_IGNORABLE

_DATA = Path(__file__).with_name("confusables.txt")


def skeleton(name: str) -> str:
    """Reduce a name to its skeleton: NFD, without ignorable characters, each character by its prototype, NFD.

    The result is for comparing, not for showing. Capitals are kept apart, as Unicode does: “K” and “k” are seen to
    differ. Directions are not applied (bidiSkeleton), because names hold no character that changes one.

    Args:
        name: any text.

    Returns:
        The skeleton; equal for names that look alike.
    """
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).translate(_prototypes()))


def caseless_skeleton(name: str) -> str:
    """Reduce a name to a skeleton that is the same for capitals and small letters: for user names, groups and aliases.

    Args:
        name: any text.

    Returns:
        The skeleton; equal for names that look alike or differ in capitals alone.
    """
    return skeleton(skeleton(name.casefold()).casefold())


def skeleton_digest(name: str) -> str:
    """Reduce a name to the SHA-256 of its skeleton, in hexadecimal: of one length, for a unique index."""
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
