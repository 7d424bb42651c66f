"""Recognise companion files: tables (Parquet, Arrow), images, PDF. Where the format has an end, no bytes may
follow it.
"""

from __future__ import annotations

import struct
from typing import IO

from governance.checks.formats.effort import Malformed

_PNG = b"\x89PNG\r\n\x1a\n"


def table(file: IO[bytes], head: bytes, size: int) -> tuple[str, str] | None:
    """Recognise Parquet and Arrow files: ("parquet" or "feather", description)."""
    if size < 12:
        return None
    file.seek(size - 10)
    tail = file.read(10)
    if head[:4] == b"PAR1":
        if tail[6:] != b"PAR1" or int.from_bytes(tail[2:6], "little") > size - 12:
            raise Malformed("begins as a Parquet file and does not end as one, or is cut short")
        return "parquet", "a Parquet file"
    if head[:8] == b"ARROW1\0\0":
        if tail[4:] != b"ARROW1":
            raise Malformed("begins as an Arrow file and does not end as one, or is cut short")
        return "feather", "an Arrow file (Feather 2)"
    if head[:4] == b"FEA1" and tail[6:] == b"FEA1":
        return "feather", "a Feather file (version 1)"
    return None


def image(file: IO[bytes], head: bytes, size: int) -> str | None:
    """Recognise PNG, JPEG, GIF, WebP, BMP and TIFF files that end where their format ends."""
    if head.startswith(_PNG):
        _walk_png(file, size)
        return "a PNG image"
    if head[:3] == b"\xff\xd8\xff" and _ends_with(file, size, b"\xff\xd9"):
        return "a JPEG image"
    if head[:6] in (b"GIF87a", b"GIF89a") and _ends_with(file, size, b";"):
        return "a GIF image"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP" and int.from_bytes(head[4:8], "little") + 8 == size:
        return "a WebP image"
    if head[:2] == b"BM" and int.from_bytes(head[2:6], "little") == size and head[6:10] == bytes(4):
        return "a BMP image"
    if head[:4] in (b"II*\0", b"MM\0*"):
        return "a TIFF image"
    return None


def _walk_png(file: IO[bytes], size: int) -> None:
    position = len(_PNG)
    kind = b""
    while position + 12 <= size:
        file.seek(position)
        length, kind = struct.unpack(">I4s", file.read(8))
        position += 12 + length
        if kind == b"IEND":
            break
    if kind != b"IEND" or position != size:
        raise Malformed("begins as a PNG image and does not end as one: it is cut short, or something follows it")


def _ends_with(file: IO[bytes], size: int, ending: bytes) -> bool:
    file.seek(max(0, size - len(ending)))
    return file.read() == ending


def pdf(file: IO[bytes], head: bytes, size: int) -> bool:
    """Return whether the file begins and ends as PDF. Source: ISO 32000-1, 7.5."""
    if not head.startswith(b"%PDF-"):
        return False
    file.seek(max(0, size - 1024))
    if b"%%EOF" not in file.read():
        raise Malformed("begins as a PDF file and does not end as one, or is cut short")
    return True
