"""The fonts that every PDF file embeds, and text limited to the characters of those fonts. Pure.

A character that the fonts do not have is written as its code point: 中文 becomes [U+4E2D U+6587]. The same holds for
characters that are not visible and change the order of text. The first page of a file states it. Right-to-left scripts
are not in the fonts, because they need text shaping to be legible.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from fpdf import FPDF
from fpdf.fonts import TTFFont

SANS: Final = "DejaVu Sans Condensed"
MONO: Final = "DejaVu Sans Mono"
FOLDER: Final = Path(__file__).parent / "fonts"
FILES: Final = {
    (SANS, ""): FOLDER / "DejaVuSansCondensed.ttf",
    (SANS, "B"): FOLDER / "DejaVuSansCondensed-Bold.ttf",
    (MONO, ""): FOLDER / "DejaVuSansMono.ttf",
}
"""Font files by family and style. The two styles of SANS have the same characters. A character that MONO does not have
is drawn in SANS."""

_LAYOUT: Final = str.maketrans({
    "\t": "    ", "\r": None, "\v": " ", "\f": " ", "\u2028": "\n", "\u2029": "\n",
})  # fmt: skip
_OMITTED: Final = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff") | {chr(code) for code in range(0xFE00, 0xFE10)}
"""Hyphenation points, joiners and variation selectors: nothing is lost without them where a character beside them is in
the fonts."""


def add_fonts(file: FPDF) -> None:
    """Add the fonts of prose to a file. `add_mono` adds the font for code."""
    for (family, style), path in FILES.items():
        if family == SANS:
            file.add_font(family, style, path)


def add_mono(file: FPDF) -> None:
    """Add the font for code to a file, unless it has it already."""
    if MONO.lower() not in file.fonts:
        file.add_font(MONO, "", FILES[MONO, ""])


def close_fonts(file: FPDF) -> None:
    """Close the font files that a file reads from, after its last use."""
    for font in file.fonts.values():
        if isinstance(font, TTFFont):
            font.close()


def fitted(text: str) -> str:
    """Limit a text to what the fonts of a PDF file can show.

    Args:
        text: any text.

    Returns:
        The text in Normalization Form C, with every run of characters that the fonts do not have as code points in
        brackets, and without characters that are not visible and only direct hyphenation or joining.
    """
    if text.isascii() and text.isprintable():
        return text
    return _outside().sub(_replacement, unicodedata.normalize("NFC", text).translate(_LAYOUT))


def has_replacement(texts: Iterable[str]) -> bool:
    """Return whether `fitted` writes a character of one of the texts as its code point."""
    return any(
        _replacement(found)
        for text in texts
        if not text.isascii() or not text.isprintable()
        for found in _outside().finditer(unicodedata.normalize("NFC", text).translate(_LAYOUT))
    )


def _replacement(found: re.Match[str]) -> str:
    run = found[0]
    if _OMITTED.issuperset(run):
        return ""
    return "[" + " ".join(f"U+{ord(character):04X}" for character in run) + "]"


@cache
def _outside() -> re.Pattern[str]:
    """The pattern of a run of characters that the fonts do not have. Line breaks are layout and are kept."""
    file = FPDF()
    add_fonts(file)
    font = file.fonts[SANS.lower()]
    assert isinstance(font, TTFFont)
    codes = sorted(font.cmap)
    close_fonts(file)
    ranges: list[tuple[int, int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1] = (ranges[-1][0], code)
        else:
            ranges.append((code, code))
    known = "".join(f"{re.escape(chr(first))}-{re.escape(chr(last))}" for first, last in ranges)
    return re.compile(f"[^\n{known}]+")
