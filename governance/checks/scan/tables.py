"""Scan tables: Parquet and Arrow (Feather). Their footers are walked; the numbers are skipped.

Source: parquet.thrift; Thrift compact protocol; Arrow columnar format; CVE-2023-47248 (pickles as extension types).
"""

from __future__ import annotations

import base64
import binascii
from typing import IO

from governance.checks.base import Severity
from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan.collecting import Collector, collected
from governance.checks.scan.report import Scan

MAX_FOOTER = 64 << 20
MAX_LEVELS = 32
_CHUNK = 1 << 20
_EXTENSION = b"arrow.py_extension_type"
_FILE_PATH = (4, 1, 1)
"""FileMetaData.row_groups, RowGroup.columns, ColumnChunk.file_path."""
_VALUE = (5, 2)
"""FileMetaData.key_value_metadata, KeyValue.value."""


@collected(Format.PARQUET)
def scan_parquet(scan: Scan, found: Collector) -> None:
    """Scan a Parquet file."""
    scan.stream.seek(max(0, scan.size - 8))
    length = int.from_bytes(scan.stream.read(4), "little")
    if scan.size < 12 or length > min(MAX_FOOTER, scan.size - 12):
        raise Malformed(f"is a Parquet file with a footer of {length:,} bytes, beyond its beginning or the limit")
    start = scan.size - 8 - length
    walk = _Thrift(scan.stream, start, start + length, found)
    walk.structure((), 0)
    if scan.stream.tell() != start + length:
        raise Malformed("is a Parquet file with bytes behind its metadata")


@collected(Format.FEATHER)
def scan_feather(scan: Scan, found: Collector) -> None:
    """Scan an Arrow file."""
    scan.stream.seek(0)
    before = b""
    while chunk := scan.stream.read(_CHUNK):
        if _EXTENSION in before + chunk:
            _refuse_extension(found)
            break
        before = chunk[-len(_EXTENSION) :]


def _refuse_extension(found: Collector) -> None:
    found.executes("pickle", "schema")
    found.find(
        "arrow_python_type",
        "The schema has an extension type of Python, which is a pickle that old versions of pyarrow load. Write the "
        "table without it.",
        "schema",
        severity=Severity.CRITICAL,
    )


class _Thrift:
    """A walk over a structure in the compact protocol of Thrift."""

    def __init__(self, file: IO[bytes], start: int, end: int, found: Collector) -> None:
        self._file, self._end, self._found = file, end, found
        file.seek(start)

    def structure(self, place: tuple[int, ...], level: int) -> None:
        """Walk the fields of a structure to its end."""
        if level > MAX_LEVELS:
            raise Malformed(f"is a Parquet file with metadata of more than {MAX_LEVELS} levels")
        number = 0
        while True:
            effort.spend(1)
            head = self._byte()
            kind, step = head & 15, head >> 4
            if kind == 0:
                return
            number = number + step if step else self._signed()
            self._value(kind, (*place, number), level, in_list=False)

    def _value(self, kind: int, place: tuple[int, ...], level: int, *, in_list: bool) -> None:
        if kind in (1, 2):
            if in_list:
                self._byte()
        elif kind == 3:
            self._byte()
        elif kind in (4, 5, 6):
            self._varint()
        elif kind == 7:
            self._skip(8)
        elif kind == 8:
            self._binary(place)
        elif kind in (9, 10):
            self._list(place, level)
        elif kind == 12:
            self.structure(place, level + 1)
        else:
            raise Malformed(f"is a Parquet file with metadata of the unknown type {kind}")

    def _list(self, place: tuple[int, ...], level: int) -> None:
        head = self._byte()
        count = head >> 4
        if count == 15:
            count = self._varint()
        if count > self._end or level > MAX_LEVELS:
            raise Malformed("is a Parquet file with a list that is longer than its footer")
        for _ in range(count):
            effort.spend(1)
            self._value(head & 15, place, level + 1, in_list=True)

    def _binary(self, place: tuple[int, ...]) -> None:
        length = self._varint()
        start = self._file.tell()
        self._skip(length)
        if place not in (_FILE_PATH, _VALUE):
            return
        self._file.seek(start)
        raw = self._file.read(length)
        if place == _FILE_PATH:
            self._found.refer(raw.decode("utf-8", errors="replace"), "row group", "a column")
        elif _EXTENSION in raw or _EXTENSION in _unpacked(raw):
            _refuse_extension(self._found)

    def _skip(self, length: int) -> None:
        if self._file.tell() + length > self._end:
            raise Malformed("is a Parquet file with metadata that end beyond its footer")
        self._file.seek(length, 1)

    def _byte(self) -> int:
        raw = self._file.read(1)
        if not raw or self._file.tell() > self._end:
            raise Malformed("is a Parquet file with metadata that are cut short")
        return raw[0]

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise Malformed("is a Parquet file with a number of more than ten bytes")

    def _signed(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)


def _unpacked(raw: bytes) -> bytes:
    try:
        return base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        return b""
