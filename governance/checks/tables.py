"""Reads evaluation tables, in CSV and by an extra in Parquet, as common tools export them.

Ambiguous input is refused with its line, never guessed.

Accepted are UTF-8, UTF-16 with a byte order mark and Windows-1252; columns separated by commas, semicolons, tabs or
bars, also with Excel's first line `sep=;`; trailing separators; and common column names in any case.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from governance.checks.base import File
from governance.checks.number_columns import TableFormatError, number

__all__ = ["Table", "TableFormatError", "header", "number", "open_table", "rows"]

MAX_ROWS = 20_000_000
MAX_RECORD = 1 << 20
"""Maximum characters of the header line and of a row, which is kept whole."""
_CHUNK = 1 << 20
BATCH = 10_000
_SHOWN = 80
"""Maximum characters of a column's name in messages."""

SEPARATORS: Mapping[str, str] = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
ROLES: Mapping[str, tuple[str, ...]] = {
    "label": ("y_true", "target", "truth", "ground_truth", "actual", "true_label", "labels", "y"),
    "prediction": ("y_pred", "predicted", "pred", "predicted_label", "predictions", "y_hat", "yhat"),
    "score": ("y_score", "y_prob", "y_proba", "probability", "proba", "prob", "predict_proba", "scores"),
    "id": ("example_id", "sample_id", "row_id", "record_id", "uuid"),
}
"""The columns with a meaning here, and other names that tools use for them."""


@dataclass(frozen=True)
class Table:
    """A file of known form: encoding, separator, and column names as written."""

    file: File
    local: Path
    encoding: str
    separator: str
    columns: tuple[str, ...]
    lines_before: int
    """Number of lines before the header: blank ones, and `sep=;`."""

    def place(self, name: str) -> int | None:
        """Return the index of a column by name or by a common alternative (`ROLES`), in any case; None if there is
        none.

        Raises:
            TableFormatError: two columns could be meant.
        """
        if name in self.columns:
            return self.columns.index(name)
        plain = [_plain(column) for column in self.columns]
        for wanted in ((_plain(name),), ROLES.get(name, ())):
            places = [place for place, column in enumerate(plain) if column in wanted]
            if len(places) > 1:
                named = " and ".join(f"“{self.columns[place][:_SHOWN]}”" for place in places[:3])
                raise TableFormatError(f"{self.file.path}: {named} could each be the column {name}. Keep one of them.")
            if places:
                return places[0]
        return None

    def described(self) -> str:
        """Return what was found in the header, for messages."""
        listed = ", ".join(column[:_SHOWN] or "(no name)" for column in self.columns[:20])
        more = " …" if len(self.columns) > 20 else ""
        separated = f"columns are separated by {SEPARATORS[self.separator]}" if len(self.columns) > 1 else "one column"
        return f"{separated}, line {self.lines_before + 1}; found: {listed}{more}"

    @property
    def peculiarities(self) -> tuple[str, ...]:
        """How the file differs from CSV in UTF-8 with commas, as text."""
        found = []
        if self.encoding not in ("utf-8-sig", "utf-8"):
            found.append({"utf-16": "UTF-16", "cp1252": "Windows-1252"}[self.encoding])
        if self.separator != ",":
            found.append(f"columns separated by {SEPARATORS[self.separator]}")
        return tuple(found)

    def rows(self, *, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
        """Return an iterator over the rows, reduced to the named columns in that order.

        Args:
            required: columns that must exist.
            optional: columns that yield empty text if they are missing.

        Raises:
            TableFormatError: a required column is missing, or a row has another length than the header.
        """
        places = [self.place(name) for name in (*required, *optional)]
        lacking = [name for name, place in zip(required, places, strict=False) if place is None]
        if lacking:
            raise TableFormatError(self.missing_columns_message(lacking))
        return (tuple(record[p] if p is not None else "" for p in places) for record in self.records())

    def missing_columns_message(self, names: Sequence[str]) -> str:
        """Return the message for missing columns: what was found, and the remedy."""
        wanted = " and ".join(f"“{name}”{_or_as(name)}" for name in names)
        return f"{self.file.path} lacks a column {wanted}: {self.described()}. Name the column in the header line."

    def records(self) -> Iterator[tuple[str, ...]]:
        """Yield every row with as many fields as the header has. Raises TableFormatError."""
        for _, batch in self.batches():
            yield from batch

    def batches(self) -> Iterator[tuple[int, list[tuple[str, ...]]]]:
        """Yield the rows in groups, each with the line of its first row. Raises TableFormatError."""
        batch: list[tuple[str, ...]] = []
        count = 0
        for record in self._records():
            batch.append(record)
            count += 1
            if len(batch) == BATCH:
                if count > MAX_ROWS:
                    raise TableFormatError(f"{self.file.path} has more than {MAX_ROWS:,} rows. Take a sample.")
                yield self.lines_before + 2 + count - len(batch), batch
                batch = []
        if batch:
            yield self.lines_before + 2 + count - len(batch), batch

    def _records(self) -> Iterator[tuple[str, ...]]:
        width = len(self.columns)
        try:
            with self._open() as stream:
                lines = _Lines(stream, self.file.path)
                reader = csv.reader(lines, delimiter=self.separator, strict=True)
                skipped = 0
                for given in reader:
                    lines.length = 0
                    if skipped <= self.lines_before:  # the header, and the lines before it
                        skipped += 1
                        continue
                    record = given if len(given) == width else _trimmed(given, width)
                    if not (record and record[0].strip()) and not any(map(str.strip, record)):
                        continue
                    if len(record) != width:
                        raise TableFormatError(self._of_another_length(reader.line_num, len(record)))
                    if record[0] == self.columns[0] and tuple(map(str.strip, record)) == self.columns:
                        raise TableFormatError(
                            f"{self.file.path}, line {reader.line_num}, repeats the header. Remove the line."
                        )
                    yield tuple(record)
        except UnicodeError as error:
            raise TableFormatError(f"{self.file.path} is not text in one encoding. Save it as CSV in UTF-8.") from error
        except csv.Error as error:
            raise TableFormatError(f"{self.file.path} is not CSV: {error}.") from error

    def _of_another_length(self, line: int, fields: int) -> str:
        width = len(self.columns)
        decimals = (
            " If commas separate decimals, separate the columns with semicolons, or write decimals with a point."
            if self.separator == "," and fields > width
            else ""
        )
        found = f"{self.file.path}, line {line}: {fields} fields, but the header has {width}"
        return f"{found} ({self.described()}).{decimals}"

    def _open(self) -> TextIO:
        return self.local.open(encoding=self.encoding, newline="")


_OTHER_FORMATS = {
    b"pk\x03\x04": "a ZIP archive, perhaps a workbook of Excel",
    b"\xd0\xcf\x11\xe0": "a workbook of an old Excel",
    b"\x1f\x8b": "compressed with gzip",
    b"arrow1\0": "a Feather file",
    b'{"': "JSON",
    b"[{": "JSON",
    b"<html": "HTML",
    b"<table": "HTML",
    b"<!doctype": "HTML",
    b"<?xml": "XML",
}
"""Beginnings of files that are no table of text, in lower case."""


class _Lines:
    """The lines of a table for the CSV reader, with at most `MAX_RECORD` characters per row.

    The caller sets `length` to 0 at the end of each row. Raises TableFormatError.
    """

    def __init__(self, stream: TextIO, path: str) -> None:
        self._stream, self._path = stream, path
        self._count = 0
        self.length = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(MAX_RECORD + 1)
        if not line:
            raise StopIteration
        self._count += 1
        self.length += len(line)
        if self.length > MAX_RECORD:
            raise TableFormatError(
                f"{self._path}, line {self._count}: a row has more than {MAX_RECORD:,} characters. Close every "
                "quotation mark, and keep the columns that the evaluation needs."
            )
        return line


def open_table(file: File) -> Table:
    """Detect the form of a table from its first lines.

    Raises:
        TableFormatError: the file is not in storage, is not text, or has no header line.
    """
    if file.local is None:
        raise TableFormatError(f"{file.path} is not in storage. Add it again.")
    if _is_parquet(file.local):
        return _open_parquet(file)
    encoding = _encoding(file, file.local)
    lines_before, separator = 0, ""
    try:
        with file.local.open(encoding=encoding, newline="") as stream:
            lines = _Lines(stream, file.path)
            for line in lines:
                lines.length = 0
                text = line.strip("\r\n")
                declaration = re.fullmatch(r'"?sep=(.)"? *', text, re.IGNORECASE) if not separator else None
                if declaration is not None and declaration[1] in SEPARATORS:
                    separator = declaration[1]
                elif text.strip():
                    return _headed(
                        file, encoding, separator or _separator(file, text, lines_before + 1), text, lines_before
                    )
                lines_before += 1
    except UnicodeError as error:
        raise TableFormatError(f"{file.path} is not text in one encoding. Save it as CSV in UTF-8.") from error
    raise TableFormatError(f"{file.path} is empty: it needs a header line that names every column once, and rows.")


def _is_parquet(local: Path) -> bool:
    with local.open("rb") as stream:
        return stream.read(4) in (b"PAR1", b"PARE")


def _open_parquet(file: File) -> Table:
    try:
        from governance.checks import parquet_tables  # noqa: PLC0415 (pyarrow is installed by an extra only)
    except ImportError:
        raise TableFormatError(
            f"{file.path} is a Parquet file, and this server has no library that reads it. Save the rows as CSV, or "
            "an operator installs it: pip install countersign[parquet]."
        ) from None
    return parquet_tables.open_parquet(file)


def header(file: File) -> tuple[str, ...]:
    """Return the names of the columns as written. Raises TableFormatError."""
    return open_table(file).columns


def rows(file: File, *, required: Sequence[str], optional: Sequence[str] = ()) -> Iterator[tuple[str, ...]]:
    """Return the rows of a table, reduced to the named columns; see `Table.rows`. Raises TableFormatError."""
    return open_table(file).rows(required=required, optional=optional)


def _or_as(name: str) -> str:
    others = ROLES.get(name, ())
    return f" (or {', '.join(others[:3])})" if others else ""


def _plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().casefold())


def _encoding(file: File, local: Path) -> str:
    """Return the encoding: by byte order mark, else UTF-8 if valid, else Windows-1252."""
    with local.open("rb") as stream:
        start = stream.read(16)
        for magic, what in _OTHER_FORMATS.items():
            if start.lstrip().lower().startswith(magic):
                raise TableFormatError(f"{file.path} is {what}. Save the rows as CSV in UTF-8.")
        if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            raise TableFormatError(f"{file.path} is UTF-32. Save it as CSV in UTF-8.")
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        stream.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        valid, strange = True, False
        while chunk := stream.read(_CHUNK):
            if b"\0" in chunk:
                raise TableFormatError(
                    f"{file.path} is not text: it holds NUL bytes. Save it as CSV in UTF-8 (UTF-16 needs its byte "
                    "order mark)."
                )
            strange = strange or any(byte in chunk for byte in b"\x81\x8d\x8f\x90\x9d")
            if valid:
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    valid = False
        if valid:
            try:
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                valid = False
    if valid:
        return "utf-8-sig"
    if strange:
        raise TableFormatError(f"{file.path} is neither UTF-8 nor Windows-1252 text. Save it as CSV in UTF-8.")
    return "cp1252"


def _separator(file: File, text: str, line: int) -> str:
    """Return the separator of a header line: the only one outside quotes; of several, the one with which a column
    is a label.
    """
    bare = re.sub(r'"[^"]*+"', "", text)
    found = [separator for separator in SEPARATORS if separator in bare]
    if len(found) < 2:
        return found[0] if found else ","
    labels = {"label", *ROLES["label"]}
    meant = [s for s in found if labels & {_plain(name.strip('"')) for name in text.split(s)}]
    if len(meant) != 1:
        named = " and ".join(SEPARATORS[s] for s in found)
        raise TableFormatError(
            f"{file.path}, line {line}, has {named}: say which separates the columns in a first line, such as sep=;"
        )
    return meant[0]


def _headed(file: File, encoding: str, separator: str, text: str, lines_before: int) -> Table:
    try:
        names = [name.strip() for name in next(csv.reader([text], delimiter=separator, strict=True))]
    except csv.Error as error:
        raise TableFormatError(f"{file.path}, line {lines_before + 1}, is not CSV: {error}.") from error
    while len(names) > 1 and not names[-1]:
        names.pop()
    named = [name for name in names if name]
    twice = next((name for name, times in Counter(named).items() if times > 1), None)
    if twice is not None or not named:
        what = f"names “{twice[:80]}” twice" if twice is not None else "names no column"
        raise TableFormatError(f"{file.path}, line {lines_before + 1}, {what}: the header names every column once.")
    assert file.local is not None
    return Table(file, file.local, encoding, separator, tuple(names), lines_before)


def _trimmed(record: list[str], width: int) -> list[str]:
    """Return a row without blank trailing fields."""
    extra = record[width:]
    return record[:width] if len(record) > width and not any(map(str.strip, extra)) else record
