"""Reads evaluation tables (CSV), strictly: what is not as it should be is refused with its line, never guessed at."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Sequence

from governance.checks.contract import File

MAX_ROWS = 20_000_000
_NUMBER = re.compile(r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d{1,4})?")


class TableUnusable(ValueError):
    """The file is not the table it should be; the message says where and what to do."""


def header(file: File) -> tuple[str, ...]:
    """The names of the columns. Raises TableUnusable."""
    return next(_records(file))


def rows(file: File, *, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
    """The rows, cut down to the columns named, in that order; an optional column the file lacks yields empty text.

    Raises TableUnusable for a file that is missing or not UTF-8, a header that lacks a column or has one twice, and a
    row of another length than the header.
    """
    records = _records(file)
    names = next(records)
    lacking = [name for name in required if name not in names]
    if lacking:
        raise TableUnusable(f"{file.path} lacks the column {', '.join(lacking)}; it has {', '.join(names[:20])}.")
    places = [names.index(name) if name in names else None for name in (*required, *optional)]
    return (tuple(record[p] if p is not None else "" for p in places) for record in records)


def number(text: str, where: str) -> float:
    """A finite number. Raises TableUnusable for anything else: NaN, infinity, words, blanks."""
    if not _NUMBER.fullmatch(text.strip()) or not math.isfinite(value := float(text)):
        raise TableUnusable(f"{where}: {text[:40]!r} is not a finite number.")
    return value


def _records(file: File) -> Iterator[tuple[str, ...]]:
    """The header, then every row with as many fields."""
    if file.local is None:
        raise TableUnusable(f"{file.path} is not in storage. Add it again.")
    try:
        with file.local.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            names = tuple(name.strip() for name in next(reader, []))
            if not names or len(set(names)) != len(names):
                raise TableUnusable(f"{file.path} needs a header line that names every column once.")
            yield names
            for count, record in enumerate(reader, 1):
                if not record:
                    continue
                if len(record) != len(names):
                    raise TableUnusable(
                        f"{file.path}, line {reader.line_num}: {len(record)} fields, but the header has {len(names)}."
                    )
                if count > MAX_ROWS:
                    raise TableUnusable(f"{file.path} has more than {MAX_ROWS:,} rows. Take a sample.")
                yield tuple(record)
    except UnicodeDecodeError as error:
        raise TableUnusable(f"{file.path} is not UTF-8 text. Save it as CSV in UTF-8.") from error
    except csv.Error as error:
        raise TableUnusable(f"{file.path} is not CSV: {error}.") from error
