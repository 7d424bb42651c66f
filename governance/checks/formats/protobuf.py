"""Iterate over the fields of a protobuf message without a schema. Values are skipped, not read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from governance.checks.formats import effort

_COUNTED_AT_ONCE = 1_000
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


class NotProtobufError(ValueError):
    """The bytes are not a protobuf message."""


@dataclass(frozen=True)
class Field:
    """A field: its number and wire type, its value (for LENGTH the number of bytes), and the offset of its bytes."""

    number: int
    wire: int
    value: int
    start: int


def fields(file: IO[bytes], start: int, end: int, *, cut: bool = False) -> Iterator[Field]:
    """Yield the fields between two offsets of a file.

    Args:
        file: seekable; its position may change between two fields.
        start: offset of the message.
        end: offset of its end.
        cut: the bytes end before the message does, so that a value may extend beyond them.

    Raises:
        NotProtobufError: the bytes are not a sequence of fields.
        Malformed: the step limit is exceeded.
    """
    position = start
    steps = 0
    while position < end:
        steps += 1
        if steps % _COUNTED_AT_ONCE == 0:
            effort.spend(_COUNTED_AT_ONCE)
        file.seek(position)
        key = varint(file)
        if key is None or key >> 3 == 0:
            raise NotProtobufError
        wire = key & 7
        value = 0
        if wire in (VARINT, LENGTH):
            found = varint(file)
            if found is None:
                raise NotProtobufError
            value = found
        elif wire not in (FIXED64, FIXED32):
            raise NotProtobufError
        begins = file.tell()
        position = begins + {VARINT: 0, FIXED64: 8, FIXED32: 4, LENGTH: value}[wire]
        if position > end and not cut:
            raise NotProtobufError
        yield Field(key >> 3, wire, value, begins)


def varint(file: IO[bytes]) -> int | None:
    """Read a variable-length integer; None if there is none."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            return None
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    return None


def is_message(file: IO[bytes], start: int, end: int, known: Mapping[int, int]) -> bool:
    """Return whether the bytes between two offsets are a message of known fields (number to wire type), in any
    order.
    """
    try:
        return all(known.get(field.number) == field.wire for field in fields(file, start, end))
    except NotProtobufError:
        return False


def size_of(file: IO[bytes]) -> int:
    """Return the size of a seekable stream in bytes."""
    return file.seek(0, io.SEEK_END)
