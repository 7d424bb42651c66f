"""Read a FlatBuffer with every offset checked. Source: https://flatbuffers.dev/internals"""

from __future__ import annotations

from typing import IO

from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed

MAX_ITEMS = 1_000_000
MAX_TEXT = 64 << 10


class Flatbuffer:
    """A FlatBuffer in a part of a file.

    Args:
        file: seekable, binary.
        size: bytes of the FlatBuffer.
        start: its offset in the file.
    """

    def __init__(self, file: IO[bytes], size: int, start: int = 0) -> None:
        self._file, self._size, self._start = file, size, start

    def number(self, at: int, width: int, *, signed: bool = False) -> int:
        """Return the number at a position. Raises Malformed if it is not in the buffer."""
        self.check(at, width)
        self._file.seek(self._start + at)
        raw = self._file.read(width)
        if len(raw) < width:
            raise Malformed("is a FlatBuffer that is cut short")
        return int.from_bytes(raw, "little", signed=signed)

    def check(self, at: int, length: int) -> None:
        """Raise Malformed unless the bytes are in the buffer."""
        if at < 0 or length < 0 or at + length > self._size:
            raise Malformed("is a FlatBuffer with an offset beyond its end")

    def read(self, at: int, length: int) -> bytes:
        """Return bytes. Raises Malformed if they are not in the buffer."""
        self.check(at, length)
        self._file.seek(self._start + at)
        return self._file.read(length)

    def root(self) -> Table:
        """Return the root table."""
        return Table(self, self.number(0, 4))


class Table:
    """A table of a FlatBuffer; fields are given by their number in the schema."""

    def __init__(self, buffer: Flatbuffer, at: int) -> None:
        self._buffer, self._at = buffer, at
        self._fields = at - buffer.number(at, 4, signed=True)
        self._length = buffer.number(self._fields, 2)
        buffer.check(self._fields, self._length)
        buffer.check(at, buffer.number(self._fields + 2, 2))
        effort.spend(10)

    def _place(self, number: int) -> int | None:
        entry = 4 + 2 * number
        if entry + 2 > self._length:
            return None
        offset = self._buffer.number(self._fields + entry, 2)
        return self._at + offset if offset else None

    def number(self, number: int, width: int) -> int:
        """Return a number; 0 if it is not given."""
        place = self._place(number)
        return 0 if place is None else self._buffer.number(place, width)

    def _target(self, number: int) -> tuple[int, int] | None:
        """Return the first item and the count of a vector or text."""
        place = self._place(number)
        if place is None:
            return None
        at = place + self._buffer.number(place, 4)
        return at + 4, self._buffer.number(at, 4)

    def text(self, number: int) -> str:
        """Return a text; empty if it is not given."""
        found = self._target(number)
        if found is None:
            return ""
        if found[1] > MAX_TEXT:
            raise Malformed(f"is a FlatBuffer with a name of more than {MAX_TEXT:,} bytes")
        return self._buffer.read(*found).decode("utf-8", errors="replace")

    def check_bytes(self, number: int) -> None:
        """Raise Malformed unless a vector of bytes is in the buffer."""
        found = self._target(number)
        if found is not None:
            self._buffer.check(*found)

    def tables(self, number: int) -> list[Table]:
        """Return the tables of a vector."""
        found = self._target(number)
        if found is None:
            return []
        first, count = found
        if count > MAX_ITEMS:
            raise Malformed(f"is a FlatBuffer with a list of more than {MAX_ITEMS:,} items")
        self._buffer.check(first, 4 * count)
        places = range(first, first + 4 * count, 4)
        return [Table(self._buffer, place + self._buffer.number(place, 4)) for place in places]
