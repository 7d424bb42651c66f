"""Lines of CSV files without cells that a spreadsheet would evaluate as formulas. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

BYTE_ORDER_MARK = "\ufeff"
"""Begins a file: without it Excel does not detect UTF-8."""

# Start of a cell, also after the separators that spreadsheets use instead of the comma in some locales.
_FORMULA = re.compile(r"(^|[;|\t\r\n])(?=\s*[=+\-@＝＋－＠\t\r])")


class _Echo:
    """A write target for `csv.writer` that returns the line."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield each row as a line of CSV (RFC 4180); None becomes an empty cell."""
    writer: Any = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([cell_text(value) for value in row])


def cell_text(value: Any) -> str:
    """Return the text of a cell. Text that a spreadsheet would evaluate as a formula is prefixed with an apostrophe.

    Source: OWASP, CSV injection.
    """
    return _FORMULA.sub(r"\1'", "" if value is None else str(value))
