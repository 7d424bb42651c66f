"""Invisible characters, and characters that change the order in which a text is shown.

Every character of a name must be visible. A text of several lines may have what scripts need: joiners (Persian, Indic,
emoji) and the marks LRM, RLM and ALM, which order neutral characters beside them and cannot reverse a word. It may not
have embeddings, overrides and isolates, with which a text is shown in another order than it is stored (CVE-2021-42574).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

DEFAULT_IGNORABLE = (
    (0x00AD, 0x00AD),
    (0x034F, 0x034F),
    (0x061C, 0x061C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
"""Default_Ignorable_Code_Point (Unicode, DerivedCoreProperties.txt): invisible if a font does not support it."""
BLANK = frozenset("\u2800")
"""Characters whose glyph is empty."""
DIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates (UAX #9 section 2)."""

_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(17)
)
_UNFIT_FOR_TEXT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # controls except line breaks and tabs
    "\u2028\u2029"  # separators of lines
    "\u202a-\u202e\u2066-\u2069"  # DIRECTIONAL
    "\u206a-\u206f\ufff9-\ufffb"  # formats that Unicode deprecates or keeps for its own use
    "\U000e0000-\U000e007f"  # tags
    "\ud800-\udfff"  # lone surrogates
    f"{_NONCHARACTERS}]"
)
_NONCHARACTER = re.compile(f"[{_NONCHARACTERS}]")


@dataclass(frozen=True)
class Place:
    """A character that is not allowed, with its line and column, which count from 1."""

    character: str
    line: int
    column: int

    @property
    def code_point(self) -> str:
        """The character in Unicode notation, with its name if it has one."""
        return code_point(self.character)


def code_point(character: str) -> str:
    """Return a character in Unicode notation: U+202E RIGHT-TO-LEFT OVERRIDE."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


def is_ignorable(character: str) -> bool:
    """Return whether the character alone is shown as nothing."""
    code = ord(character)
    return character in BLANK or any(first <= code <= last for first, last in DEFAULT_IGNORABLE)


def is_unseen(character: str) -> bool:
    """Return whether the character is invisible in a single line: controls, ignorable characters, line
    separators, lone surrogates, noncharacters. Spaces count as visible.
    """
    if character.isascii():
        return not character.isprintable()
    return (
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        or _NONCHARACTER.match(character) is not None
        or is_ignorable(character)
    )


def is_unfit_for_name(character: str) -> bool:
    """Return whether the character is not allowed in a name: invisible, a space other than U+0020, or for private
    use.
    """
    if character.isascii():
        return not character.isprintable()
    return is_unseen(character) or unicodedata.category(character) in ("Zs", "Co")


def first_unfit(text: str) -> Place | None:
    """Find the first character that is not allowed in a text that people read and sign.

    These are controls except line breaks and tabs, lone surrogates, line separators, characters that change the order
    in which the text is shown, noncharacters, tag characters, and deprecated or interlinear format characters.

    Args:
        text: a text of several lines.

    Returns:
        The character with its place; None if there is none.
    """
    found = _UNFIT_FOR_TEXT.search(text)
    if found is None:
        return None
    before = text[: found.start()]
    return Place(found[0], before.count("\n") + 1, found.start() - (before.rfind("\n") + 1) + 1)


def marked(text: str) -> str:
    """Replace characters that are not allowed by visible marks, for texts stored before they were refused.

    Args:
        text: a text of several lines.

    Returns:
        The text with each such character as [U+202E].
    """
    return _UNFIT_FOR_TEXT.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
