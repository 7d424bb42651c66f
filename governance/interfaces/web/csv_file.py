"""Streamed CSV files without cells that a spreadsheet would evaluate as formulas."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse

# Start of a cell, also after the separators that spreadsheets use instead of the comma in some locales.
_FORMULA = re.compile(r"(^|[;|\t\r\n])(?=\s*[=+\-@＝＋－＠\t\r])")


class _Echo:
    """A write target for `csv.writer` that returns the line."""

    def write(self, line: str) -> str:
        return line


def csv_response(name: str, heading: Iterable[str], rows: Iterable[Iterable[Any]]) -> StreamingHttpResponse:
    """Return a CSV file response (RFC 4180, UTF-8 with a byte order mark, without which Excel does not detect UTF-8).

    Args:
        name: file name without extension.
        heading: the first line.
        rows: the other lines; None becomes an empty cell.
    """
    response = StreamingHttpResponse(_lines(heading, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def _lines(heading: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    writer: Any = csv.writer(_Echo())
    yield "\ufeff"
    yield writer.writerow(heading)
    for row in rows:
        yield writer.writerow([cell_text(value) for value in row])


def cell_text(value: Any) -> str:
    """Return the text of a cell. Text that a spreadsheet would evaluate as a formula is prefixed with an apostrophe.

    Source: OWASP, CSV injection.
    """
    return _FORMULA.sub(r"\1'", "" if value is None else str(value))
