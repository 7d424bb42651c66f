"""Reads evaluation tables in Parquet. The only module that imports pyarrow, which the extra `parquet` installs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from governance.checks.base import File
from governance.checks.number_columns import TableFormatError
from governance.checks.tables import BATCH, MAX_ROWS, Table

# One thread and no reserved memory: the sandbox limits the address space.
pa.set_cpu_count(1)
pa.set_io_thread_count(1)
pa.set_memory_pool(pa.system_memory_pool())

_TEXTS: Mapping[Callable[[Any], bool], Callable[[Any], str]] = {
    pa.types.is_boolean: lambda value: "true" if value else "false",
    pa.types.is_floating: lambda value: repr(float(value)),
    pa.types.is_decimal: lambda value: format(value, "f"),
    pa.types.is_integer: str,
    pa.types.is_string: str,
    pa.types.is_large_string: str,
    pa.types.is_date: str,
    pa.types.is_timestamp: str,
    pa.types.is_null: str,
}
"""By type of a column: the text of a value, as a CSV file has it."""


@dataclass(frozen=True)
class ParquetTable(Table):
    """A Parquet file. Columns of values with members, such as lists, and of bytes are left out."""

    left_out: tuple[str, ...] = ()

    def described(self) -> str:
        """Return what was found, for messages."""
        listed = ", ".join(column[:80] for column in self.columns[:20]) or "no column of numbers or text"
        more = f"; left out: {', '.join(self.left_out[:5])}" if self.left_out else ""
        return f"Parquet; found: {listed}{' …' if len(self.columns) > 20 else ''}{more}"

    def missing_columns_message(self, names: Any) -> str:
        """Return the message for missing columns."""
        return super().missing_columns_message(names).replace("in the header line", "when you write the file")

    @property
    def peculiarities(self) -> tuple[str, ...]:
        """The format, as text."""
        return ("Parquet",)

    def batches(self) -> Iterator[tuple[int, list[tuple[str, ...]]]]:
        """Yield the rows in groups, each with the number of its first row. Raises TableFormatError."""
        first = 1
        reading = _read(self.file, lambda: _batches(self))
        while (batch := _read(self.file, lambda: next(reading, None))) is not None:
            yield first, batch
            first += len(batch)


def open_parquet(file: File) -> Table:
    """Read the columns of a Parquet file.

    Raises:
        TableFormatError: the file is damaged, has too many rows, or names a column twice.
    """
    assert file.local is not None
    metadata, schema = _read(file, lambda: _metadata(file))
    if metadata.num_rows > MAX_ROWS:
        raise TableFormatError(f"{file.path} has more than {MAX_ROWS:,} rows. Take a sample.")
    columns = [field.name for field in schema if _text_of(field.type) is not None]
    if twice := next((name for name in columns if columns.count(name) > 1), None):
        raise TableFormatError(f"{file.path} names “{twice[:80]}” twice: every column has a name of its own.")
    left_out = tuple(f"{field.name[:80]} ({field.type})"[:120] for field in schema if _text_of(field.type) is None)
    return ParquetTable(file, file.local, "parquet", ",", tuple(columns), -1, left_out)


def _metadata(file: File) -> tuple[Any, Any]:
    with parquet.ParquetFile(file.local, pre_buffer=False) as opened:
        return opened.metadata, opened.schema_arrow


def _batches(table: ParquetTable) -> Iterator[list[tuple[str, ...]]]:
    with parquet.ParquetFile(table.local, pre_buffer=False) as opened:
        for batch in opened.iter_batches(BATCH, columns=list(table.columns), use_threads=False):
            columns = [_texts(batch.column(name)) for name in table.columns]
            yield list(zip(*columns, strict=True))


def _texts(column: Any) -> list[str]:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    text = _text_of(column.type)
    assert text is not None
    return ["" if value is None else text(value) for value in column.to_pylist()]


def _text_of(kind: Any) -> Callable[[Any], str] | None:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return next((text for is_kind, text in _TEXTS.items() if is_kind(kind)), None)


def _read(file: File, read: Callable[[], Any]) -> Any:
    """Call a function of pyarrow, whose exceptions for a damaged file are of many types."""
    try:
        return read()
    except (MemoryError, TableFormatError):
        raise
    except Exception as error:
        reason = str(error).split("\n")[0][:200]
        raise TableFormatError(f"{file.path} is not a Parquet file that can be read: {reason}.") from error
