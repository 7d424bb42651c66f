"""Text for a PDF whose fonts hold Western European letters only. Pure.

The fonts every PDF reader has cover Windows-1252, and no font is shipped. What is beyond is written in the letters
there are where a faithful way exists (ő as o, ≥ as >=), and as its code point where none does, and counted: paper says
so on its first page. HTML and JSON have every letter as it was given.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

_WRITTEN: Final = {
    "→": "->", "←": "<-", "↔": "<->", "⇒": "=>", "≥": ">=", "≤": "<=", "≠": "!=", "≈": "~", "−": "-", "‑": "-",
    "‐": "-", "―": "-", "′": "'", "″": '"', "✓": "[x]", "✔": "[x]", "✗": "[ ]", "☐": "[ ]", "☑": "[x]", "∞": "infinity",
    "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ħ": "h", "Ħ": "H", "ı": "i", "ŧ": "t", "Ŧ": "T", "ŋ": "ng", "Ŋ": "NG",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "λ": "lambda", "μ": "µ", "π": "pi",
    "σ": "sigma", "τ": "tau", "φ": "phi", "χ": "chi", "ω": "omega", "Δ": "Delta", "Σ": "Sigma", "Ω": "Omega",
    "\u2002": " ", "\u2003": " ", "\u2009": " ", "\u200a": " ", "\u202f": " ", "\u00a0": " ", "\ufeff": "",
    "\u200b": "", "\u00ad": "",
}  # fmt: skip
_SILENT: Final = {"\t": "    ", "\r": "", "\v": " ", "\f": " ", "\u2028": "\n", "\u2029": "\n"}


@dataclass
class Letters:
    """Turns text into what a PDF's own fonts can show, and counts what was written otherwise."""

    changed: int = 0

    def shown(self, text: str) -> str:
        """The text in Windows-1252."""
        if text.isascii() and text.isprintable():
            return text
        return "".join(map(self._letter, text))

    def _letter(self, letter: str) -> str:
        if letter in _SILENT:
            return _SILENT[letter]
        if letter == "\n" or (" " <= letter <= "~"):
            return letter
        if letter not in _WRITTEN and _has(letter):
            return letter
        self.changed += 1
        if letter in _WRITTEN:
            return _WRITTEN[letter]
        bare = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
        if bare and bare != letter and all(_has(c) for c in bare):
            return bare
        if unicodedata.combining(letter):
            return ""
        return f"[U+{ord(letter):04X}]"


def _has(letter: str) -> bool:
    try:
        letter.encode("windows-1252")
    except UnicodeEncodeError:
        return False
    return unicodedata.category(letter)[0] != "C"
