"""Lists as CSV files: streamed, for spreadsheets, without cells that a spreadsheet would run as a formula."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse

# Where a cell begins for some spreadsheet: also after the separators that its language may use instead of the comma.
_FORMULA = re.compile(r"(^|[;|\t\r\n])(?=\s*[=+\-@＝＋－＠\t\r])")


class _Echo:
    """What `csv.writer` writes to: it gives the line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def csv_response(name: str, heading: Iterable[str], rows: Iterable[Iterable[Any]]) -> StreamingHttpResponse:
    """Answer with a CSV file (RFC 4180, UTF-8 with a byte order mark, which Excel needs to read it as UTF-8).

    Args:
        name: of the file, without its ending.
        heading: the first line.
        rows: the others; None is an empty cell.
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
    """Return a cell's text. What a spreadsheet would take for a formula is preceded by an apostrophe (OWASP, CSV
    injection)."""
    return _FORMULA.sub(r"\1'", "" if value is None else str(value))
