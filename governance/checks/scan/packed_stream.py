"""Unpack a compressed file while it is read, in the five ways that joblib compresses. Nothing is kept."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Any

from governance.checks.formats import archives, effort
from governance.checks.formats.effort import Malformed
from governance.checks.scan.report import Options

CHUNK = 1 << 20
_MEMORY_OF_XZ = 256 << 20
_PACKERS: tuple[tuple[bytes, Callable[[], Any]], ...] = (
    (b"\x1f\x8b", lambda: zlib.decompressobj(31)),
    (b"\xfd7zXZ", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_OF_XZ)),
    (b"BZ", bz2.BZ2Decompressor),
    (b"\x78", lambda: zlib.decompressobj(15)),
    (b"\x5d\x00", lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY_OF_XZ)),
)
"""The beginnings by which joblib recognises compression (joblib.compressor), and the decompressors."""


def is_packed(head: bytes) -> bool:
    """Return whether a file begins as a compressed one."""
    return _decompressor(head) is not None


def _decompressor(head: bytes) -> Callable[[], Any] | None:
    return next((start for magic, start in _PACKERS if head.startswith(magic)), None)


class PackedStream:
    """The unpacked bytes of a compressed file, read from front to back.

    One compressed stream may follow another, as in gzip; anything else behind the end is malformed, because loaders
    ignore it.
    """

    def __init__(self, stream: IO[bytes], size: int, options: Options) -> None:
        stream.seek(0)
        self._stream = stream
        self._size = size
        self._options = options
        self._raw = stream.read(CHUNK)
        start = _decompressor(self._raw)
        if start is None:
            raise Malformed("is not compressed")
        self._start = start
        self._current = start()
        self._unpacked = 0
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; none at the end. Raises Malformed."""
        while not self._rest:
            try:
                self._rest = self._next()
            except (OSError, ValueError, EOFError, lzma.LZMAError, zlib.error) as error:
                raise Malformed(f"does not unpack, or other bytes follow its end ({str(error)[:80]})") from error
            if not self._rest:
                return b""
            self._count(len(self._rest))
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def _next(self) -> bytes:
        while True:
            if self._current.eof:
                self._raw = self._current.unused_data or self._raw or self._stream.read(CHUNK)
                if not self._raw:
                    return b""
                self._current = self._start()
            if not self._raw and getattr(self._current, "needs_input", True):
                self._raw = self._stream.read(CHUNK)
                if not self._raw:
                    raise Malformed("is compressed and cut short")
            found: bytes = self._current.decompress(self._raw, CHUNK)
            self._raw = getattr(self._current, "unconsumed_tail", b"")
            if found:
                return found

    def _count(self, size: int) -> None:
        self._unpacked += size
        effort.spend_bytes(size)
        limit = max(archives.BOMB_SIZE, self._options.max_ratio * self._size)
        if self._unpacked > min(limit, self._options.max_unpacked):
            raise Malformed(f"unpacks to more bytes than the policy allows ({self._size:,} bytes to over {limit:,})")
