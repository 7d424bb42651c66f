"""Scan images: their parts follow each other to the end of the file, so that nothing is hidden behind them.

Source: PNG (ISO 15948), JPEG (ITU T.81), GIF89a, WebP (RFC 9649), BMP, TIFF 6.0.
"""

from __future__ import annotations

import struct
from typing import IO

from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan.collecting import Collector, collected
from governance.checks.scan.report import Scan

_CHUNK = 1 << 16
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})
"""JPEG markers without a length: TEM and the restart markers."""
_EOI, _SOS = 0xD9, 0xDA
_STRIP_OFFSET, _TILE_OFFSET, _LONG = 273, 324, 4
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}


@collected(Format.IMAGE)
def scan(scan: Scan, found: Collector) -> None:
    """Scan an image."""
    file, size = scan.stream, scan.size
    file.seek(0)
    head = file.read(12)
    try:
        if head.startswith(b"\xff\xd8"):
            end = _jpeg(file, size)
        elif head.startswith(b"GIF8"):
            end = _gif(file)
        elif head.startswith(b"RIFF"):
            end = _riff(file, size)
        elif head.startswith((b"II*\0", b"MM\0*")):
            end = _tiff(file, size)
        else:
            end = size  # PNG and BMP: the detection compares the end with the size of the file
    except (struct.error, IndexError):
        raise Malformed("is an image that is cut short") from None
    if end != size:
        raise Malformed("is an image with bytes behind its end, or is cut short")


def _jpeg(file: IO[bytes], size: int) -> int:
    position = 2
    while True:
        effort.spend(10)
        file.seek(position)
        mark, kind = file.read(2)
        if mark != 0xFF:
            raise Malformed("is a JPEG image with bytes between its parts")
        if kind == 0xFF:
            position += 1
            continue
        if kind == _EOI:
            return position + 2
        position += 2
        if kind in _ALONE:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if length < 2 or position + length > size:
            raise Malformed("is a JPEG image with a part that lies beyond its end")
        position += length
        if kind == _SOS:
            position = _entropy_end(file, position)


def _entropy_end(file: IO[bytes], position: int) -> int:
    """Return the position of the marker behind compressed data."""
    file.seek(position)
    while chunk := file.read(_CHUNK):
        at = chunk.find(b"\xff")
        while at >= 0:
            if at + 1 == len(chunk):
                chunk += file.read(1)
                if at + 1 == len(chunk):
                    raise Malformed("is a JPEG image that is cut short")
            follows = chunk[at + 1]
            if follows and not 0xD0 <= follows < 0xD8:
                return position + at
            effort.spend(1)
            at = chunk.find(b"\xff", at + 2)
        position += len(chunk)
    raise Malformed("is a JPEG image that is cut short")


def _gif(file: IO[bytes]) -> int:
    file.seek(10)
    flags = file.read(3)[0]
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    while True:
        effort.spend(10)
        file.seek(position)
        kind = file.read(1)[0]
        if kind == 0x3B:
            return position + 1
        if kind == 0x21:
            position += 2
        elif kind == 0x2C:
            flags = file.read(9)[8]
            position += 11 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
        else:
            raise Malformed("is a GIF image with bytes between its parts")
        file.seek(position)
        while (length := file.read(1)[0]) != 0:
            effort.spend(1)
            position += 1 + length
            file.seek(position)
        position += 1


def _riff(file: IO[bytes], size: int) -> int:
    position = 12
    while position < size:
        effort.spend(10)
        file.seek(position)
        _, length = struct.unpack("<4sI", file.read(8))
        position += 8 + length + (length & 1)
    return position


def _tiff(file: IO[bytes], size: int) -> int:
    """Check the directories of a TIFF image; its parts are in any order, so the end proves nothing."""
    file.seek(0)
    order = "<" if file.read(2) == b"II" else ">"
    file.seek(4)
    (position,) = struct.unpack(f"{order}I", file.read(4))
    seen: set[int] = set()
    while position:
        if position in seen or position + 2 > size:
            raise Malformed("is a TIFF image with a directory beyond its end, or in a circle")
        seen.add(position)
        file.seek(position)
        (count,) = struct.unpack(f"{order}H", file.read(2))
        effort.spend(count)
        for _ in range(count):
            tag, kind, number, value = struct.unpack(f"{order}HHII", file.read(12))
            length = _TIFF_SIZES.get(kind, 0) * number
            if length > 4 and value + length > size:
                raise Malformed("is a TIFF image with a value beyond its end")
            if number == 1 and tag in (_STRIP_OFFSET, _TILE_OFFSET) and kind == _LONG and value >= size:
                raise Malformed("is a TIFF image that is cut short")
        (position,) = struct.unpack(f"{order}I", file.read(4))
    if not seen:
        raise Malformed("is a TIFF image without a directory")
    return size
