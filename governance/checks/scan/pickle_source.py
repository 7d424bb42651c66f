"""The bytes of a pickle: buffered, read once from front to back, with the boundaries of frames."""

from __future__ import annotations

from typing import IO

from governance.checks.formats.effort import Malformed

CHUNK = 1 << 16
LONGEST_LINE = 1 << 20
"""Characters of a line of protocol 0 that is read; a longer one is skipped."""
NO_FRAME = 1 << 62
_SKIPPED_BY_SEEKING = 1 << 20
"""Bytes from which skipping seeks, where the size of the stream is known."""


class Source:
    """A stream of which `buffer[at:]` is read ahead.

    `start` is the position of `buffer[0]` in the stream, `frame_end` that of the end of the current frame. The streams
    of archive members and compressed files cannot seek at no cost, so only a file of known size is sought in.
    """

    __slots__ = ("at", "buffer", "end", "frame_end", "length", "size", "start", "stream")

    def __init__(self, stream: IO[bytes], size: int | None, *, start: int = 0) -> None:
        self.stream = stream
        self.size = size
        self.start = start
        self.buffer = b""
        self.length = 0
        self.at = 0
        self.end = False
        self.frame_end = NO_FRAME

    @property
    def position(self) -> int:
        """Position in the stream, in bytes."""
        return self.start + self.at

    def fill(self, wanted: int) -> None:
        """Read ahead until `wanted` bytes are in the buffer, or the stream ends."""
        parts = [self.buffer[self.at :]]
        have = len(parts[0])
        while have < wanted and not self.end:
            chunk = self.stream.read(max(CHUNK, wanted - have))
            self.end = not chunk
            parts.append(chunk)
            have += len(chunk)
        self.start += self.at
        self.at = 0
        self.buffer = b"".join(parts)
        self.length = len(self.buffer)

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes. Raises Malformed if the stream ends before."""
        if self.length - self.at < size:
            self.fill(size)
            if self.length < size:
                raise Malformed("is cut short")
        found = self.buffer[self.at : self.at + size]
        self.at += size
        return found

    def number(self, width: int, *, signed: bool = False) -> int:
        """Return the next little-endian number of `width` bytes. Raises Malformed as `read`."""
        return int.from_bytes(self.read(width), "little", signed=signed)

    def skip(self, size: int) -> None:
        """Skip bytes without keeping them. Raises Malformed if the stream ends before."""
        ahead = self.length - self.at
        if size <= ahead:
            self.at += size
            return
        position = self.position + size
        if self.size is not None and position > self.size:
            raise Malformed("is cut short")
        self.buffer, self.length, self.at = b"", 0, 0
        left = size - ahead
        if self.size is not None and left > _SKIPPED_BY_SEEKING:
            self.stream.seek(position)
            left = 0
        while left > 0:
            chunk = self.stream.read(min(left, 1 << 20))
            if not chunk:
                raise Malformed("is cut short")
            left -= len(chunk)
        self.start = position

    def line(self) -> bytes | None:
        """Return the next line without its end; None for a line that is too long to matter.

        Raises:
            Malformed: the stream ends before the line does.
        """
        searched = 0
        while (found := self.buffer.find(b"\n", self.at + searched)) < 0:
            searched = self.length - self.at
            if searched > LONGEST_LINE:
                self._skip_line()
                return None
            self.fill(searched + CHUNK)
            if self.length == searched:
                raise Malformed("is cut short")
        found_line = self.buffer[self.at : found]
        self.at = found + 1
        return found_line

    def _skip_line(self) -> None:
        while (found := self.buffer.find(b"\n", self.at)) < 0:
            self.at = self.length
            self.fill(CHUNK)
            if not self.length:
                raise Malformed("is cut short")
        self.at = found + 1

    def at_end(self) -> bool:
        """Return whether the stream ends here."""
        if self.at == self.length:
            self.fill(1)
        return self.at == self.length
