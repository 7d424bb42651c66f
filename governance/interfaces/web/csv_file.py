"""Streamed CSV files."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from django.http import StreamingHttpResponse

from governance.csv_lines import BYTE_ORDER_MARK, csv_lines


def csv_response(name: str, heading: Iterable[str], rows: Iterable[Iterable[Any]]) -> StreamingHttpResponse:
    """Return a CSV file response (RFC 4180, UTF-8 with a byte order mark).

    Args:
        name: file name without extension.
        heading: the first line.
        rows: the other lines; None becomes an empty cell.
    """
    lines = chain([BYTE_ORDER_MARK], csv_lines(chain([heading], rows)))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
