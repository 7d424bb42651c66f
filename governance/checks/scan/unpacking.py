"""Unpack compressed content for a scan, within limits.

Content above `IN_MEMORY` is written to a temporary file without a name, so that memory stays flat and a scanner can
seek.
"""

from __future__ import annotations

import bz2
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, Any, cast

from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan.report import Options

IN_MEMORY = 8 << 20
SMALL = 16 << 20
"""Unpacked bytes up to which the ratio is not limited: small texts of equal lines are packed very well."""
CHUNK = 1 << 20
_MEMORY_OF_XZ = 256 << 20

_left: ContextVar[list[int] | None] = ContextVar("bytes that an artifact may still unpack to", default=None)


@contextmanager
def bounded(limit: int) -> Iterator[None]:
    """Limit the unpacked bytes of an artifact. Within another limit, the outer one stays in force."""
    if _left.get() is not None:
        yield
        return
    token = _left.set([limit])
    try:
        yield
    finally:
        _left.reset(token)


def spend(size: int) -> None:
    """Count unpacked bytes of the artifact.

    Raises:
        Malformed: the limit is exceeded.
    """
    left = _left.get()
    if left is None:
        return
    left[0] -= size
    if left[0] < 0:
        raise Malformed("unpacks to more bytes than the policy lets an artifact have (max_unpacked_gb)")


def refuse_bomb(unpacked: int, packed: int, options: Options) -> None:
    """Refuse content that unpacks to far more bytes than it has. Raises Malformed."""
    if unpacked > SMALL and unpacked > options.max_ratio * max(1, packed):
        raise Malformed(
            f"is a decompression bomb: {packed:,} bytes unpack to {unpacked:,} or more, over {options.max_ratio} times "
            "as many (max_ratio)"
        )


@contextmanager
def unpacked(chunks: Iterator[bytes], packed: int, options: Options) -> Iterator[tuple[IO[bytes], int]]:
    """Unpack content to a seekable stream.

    Args:
        chunks: the unpacked bytes.
        packed: size in bytes before unpacking.
        options: the limits.

    Returns:
        The stream and its size in bytes.

    Raises:
        Malformed: a limit is exceeded.
        OSError: the temporary file cannot be written.
    """
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            spend(len(chunk))
            refuse_bomb(size, packed, options)
            file.write(chunk)
        file.seek(0)
        yield cast("IO[bytes]", file), size


def decompress(file: IO[bytes], form: Format) -> Iterator[bytes]:
    """Unpack a gzip, xz or bzip2 file in chunks, to its last byte.

    Raises:
        Malformed: it is damaged or cut short, or other bytes follow it, which readers ignore without a message.
    """
    start = _DECOMPRESSORS[form]
    file.seek(0)
    rest = file.read(CHUNK)
    while rest:
        stream = start()
        try:
            while not stream.eof:
                data = stream.decompress(rest, CHUNK)
                # zlib returns what it did not take; the others keep it.
                rest = getattr(stream, "unconsumed_tail", b"")
                if data:
                    yield data
                if not rest and getattr(stream, "needs_input", True) and not stream.eof:
                    rest = file.read(CHUNK)
                    if not rest:
                        raise Malformed(f"begins as {form} and is cut short")
        except (OSError, ValueError, EOFError, lzma.LZMAError, zlib.error) as error:
            raise Malformed(f"is a broken {form} file, or other bytes follow its end ({str(error)[:80]})") from error
        rest = stream.unused_data or file.read(CHUNK)
        rest = _without_padding(file, rest)


def _without_padding(file: IO[bytes], rest: bytes) -> bytes:
    """Skip the zeros that may follow a compressed stream."""
    while rest and not (left := rest.lstrip(b"\0")):
        rest = file.read(CHUNK)
    return left if rest else b""


_DECOMPRESSORS: dict[Format, Callable[[], Any]] = {
    Format.GZIP: lambda: zlib.decompressobj(31),
    Format.XZ: lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_OF_XZ),
    Format.BZIP2: bz2.BZ2Decompressor,
}
