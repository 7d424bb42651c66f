"""Parses columns of numbers as tools and spreadsheets write them. A column has one notation, or it is refused.

Accepted are decimal points, decimal commas, separators of thousands (comma, point, space, apostrophe), percent signs
and exponents. `1,234` alone may be 1.234 or 1234: it is read only if another cell of the column decides which. Pure.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


class TableFormatError(ValueError):
    """The file is not a valid table; the message names position and remedy."""


_EXPONENT = r"(?:[eE][+-]?[0-9]{1,4})?"
_PLAIN = rf" *+[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++){_EXPONENT} *+"
_NUMBER = re.compile(_PLAIN)
_PLAIN_COLUMN = re.compile(rf"(?:{_PLAIN}\n)++")
_COMMA_NUMBER = re.compile(rf"[+-]?(?:[0-9]++,[0-9]++|,[0-9]++){_EXPONENT}")
_ONE_GROUP = re.compile(r"[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}")
"""A number with a decimal separator, or with one separator of thousands."""
_SURE_POINT = re.compile(r"^ *+[+-]?(?![1-9][0-9]{0,2}\.[0-9]{3} *+$)[0-9]*+\.[0-9]", re.MULTILINE)
_GROUPED = {
    ",": re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})++\.[0-9]++|(?:,[0-9]{3}){2,}+)"),
    ".": re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:\.[0-9]{3})++,[0-9]++|(?:\.[0-9]{3}){2,}+)"),
}
_SPACED = re.compile(r"([+-]?[1-9][0-9]{0,2})((?:[ '\u2019\u00a0\u202f][0-9]{3})++)((?:[.,][0-9]*+)?)")


def number(text: str, where: str) -> float:
    """Parse a finite number with a decimal point.

    Raises:
        TableFormatError: anything else, such as NaN, infinity, words or blanks.
    """
    if not _NUMBER.fullmatch(text.strip()) or not math.isfinite(value := float(text)):
        raise TableFormatError(f"{where}: {text[:40]!r} is not a finite number.")
    return value


@dataclass
class NumberColumn:
    """Collects the numbers of one column. `where` begins each message, such as "eval.csv, row "."""

    where: str
    name: str = ""
    _values: array[float] = field(default_factory=lambda: array("d"))
    _first: dict[str, str] = field(default_factory=dict)
    """Place of the first cell of each notation."""
    _undecided: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: {",": [], ".": []})
    """By separator: positions of cells with one group of three digits, and their values in thousands."""

    def add(self, cells: Sequence[str], line: int) -> None:
        """Add consecutive cells; `line` is the line of the first one. Raises TableFormatError."""
        joined = "\n".join(cells) + "\n"
        if self._is_plain(joined, line):
            try:
                values = array("d", map(float, cells))
            except ValueError:  # a quoted cell with a line break
                values = array("d")
            if len(values) == len(cells) and np.isfinite(np.frombuffer(values)).all():
                self._values.extend(values)
                self._first.setdefault("plain", self._place(line))
                return
        for at, cell in enumerate(cells, line):
            self._values.append(self._read(cell, self._place(at)))

    def finish(self) -> NDArray[np.float64]:
        """Return the numbers, one per cell.

        Raises:
            TableFormatError: the cells do not have one unambiguous notation.
        """
        seen = self._first
        comma = seen.get("decimal comma") or seen.get("thousands .")
        point = seen.get("decimal point") or seen.get("thousands ,")
        maybe = {mark: seen.get(f"one group {mark}") for mark in ",."}
        if comma is None and maybe[","] and "thousands ," not in seen and not (point or maybe["."]):
            raise TableFormatError(
                f"{maybe[',']}: the comma may separate decimals or thousands. Write decimals with a point."
            )
        comma = comma or (maybe[","] if "thousands ," not in seen else None)
        point = point or (maybe["."] if "thousands ." not in seen else None)
        if comma and point:
            raise TableFormatError(f"{comma} has a comma and {point} a point: write all decimals with a point.")
        if "percent" in seen and "plain" in seen:
            raise TableFormatError(
                f"{seen['percent']} is in percent and {seen['plain']} is not: write all numbers one way."
            )
        for mark in ",.":
            if f"thousands {mark}" in seen:
                for position, value in self._undecided[mark]:
                    self._values[position] = value
        values = np.frombuffer(self._values, dtype=np.float64)
        return values / 100 if "percent" in seen else values

    @property
    def peculiarities(self) -> tuple[str, ...]:
        """Unusual notation of the numbers, as text."""
        seen = " ".join(self._first)
        named = {
            "decimal comma": "decimal commas" if "decimal comma" in seen or "thousands ." in seen else "",
            "thousands": "separators of thousands" if "thousands" in seen else "",
            "percent": "percent signs" if "percent" in seen else "",
        }
        return tuple(text for text in named.values() if text)

    def _is_plain(self, joined: str, line: int) -> bool:
        """Return whether cells need no notation but digits and, surely, a decimal point."""
        if not _PLAIN_COLUMN.fullmatch(joined):
            return False
        if "." not in joined or "decimal point" in self._first:
            return True
        found = _SURE_POINT.search(joined)
        if found is None:
            return False
        self._first["decimal point"] = self._place(line + joined.count("\n", 0, found.start()))
        return True

    def _place(self, line: int) -> str:
        return f"{self.where}{line}, {self.name}" if self.name else self.where

    def _read(self, text: str, place: str) -> float:
        cell = text.strip().replace("\u2212", "-")
        share = cell.endswith("%")
        if share:
            cell = cell[:-1].rstrip()
        self._first.setdefault("percent" if share else "plain", place)
        spaced = _SPACED.fullmatch(cell)
        if spaced is not None:
            self._first.setdefault("thousands", place)
            cell = spaced[1] + re.sub(r"[^0-9]", "", spaced[2]) + spaced[3]
        for mark, decimal in ((",", "."), (".", ",")):
            if spaced is None and _GROUPED[mark].fullmatch(cell):
                self._first.setdefault(f"thousands {mark}", place)
                return number(cell.replace(mark, "").replace(decimal, "."), place)
        mark = "," if _COMMA_NUMBER.fullmatch(cell) else "." if "." in cell else ""
        if mark and spaced is None and _ONE_GROUP.fullmatch(cell):
            self._first.setdefault(f"one group {mark}", place)
            self._undecided[mark].append((len(self._values), float(cell.replace(mark, ""))))
        elif mark:
            self._first.setdefault(f"decimal {'comma' if mark == ',' else 'point'}", place)
        if not _NUMBER.fullmatch(plain := cell.replace(",", ".") if mark == "," else cell):
            raise TableFormatError(f"{place}: {text[:40]!r} is not a finite number.")
        return number(plain, place)
