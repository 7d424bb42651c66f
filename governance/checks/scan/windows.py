"""A part of a seekable stream as a stream of its own, such as a stored member of an archive. Pure."""

from __future__ import annotations

import io
from typing import IO, cast


class Window(io.RawIOBase):
    """A part of a seekable stream as a stream of its own."""

    def __init__(self, file: IO[bytes], start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position in the part."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("negative seek position")
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        """Return the position in the part."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # the buffer that RawIOBase gives
        """Read into a buffer, at most to the end of the part."""
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


def window(file: IO[bytes], start: int, size: int) -> IO[bytes]:
    """Return a part of a seekable stream as a buffered stream; nothing is copied."""
    return cast("IO[bytes]", io.BufferedReader(cast("io.RawIOBase", Window(file, start, size))))
