"""Read the members of a zip archive as seekable streams. Nothing is written to disk."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import IO

from governance.checks.formats import archives, effort
from governance.checks.formats.effort import Malformed
from governance.checks.scan.windows import window

MAX_IN_MEMORY = 64 << 20
"""Maximum unpacked bytes of a compressed member that is scanned."""
_LOCAL_SIZE = 30


def opened(archive: archives.Archive, file: IO[bytes], member: zipfile.ZipInfo) -> IO[bytes]:
    """Return a member as a seekable stream: a window of the archive, or unpacked in memory.

    Args:
        archive: the archive, whose layout is validated.
        file: the stream that contains it.
        member: one of its members.

    Raises:
        Malformed: the member cannot be unpacked, or is compressed and larger than the limit.
    """
    if member.compress_type == zipfile.ZIP_STORED:
        file.seek(member.header_offset + 26)
        name, extra = struct.unpack("<HH", file.read(4))
        start = member.header_offset + _LOCAL_SIZE + name + extra
        return window(file, start, member.file_size)
    if member.file_size > MAX_IN_MEMORY:
        raise Malformed(
            f"has a compressed member of {member.file_size:,} bytes, {member.filename[:80]!r}; more than "
            f"{MAX_IN_MEMORY:,} are not judged: store it without compression"
        )
    return io.BytesIO(read(archive, member))


def read(archive: archives.Archive, member: zipfile.ZipInfo, limit: int = MAX_IN_MEMORY) -> bytes:
    """Return the content of a member. Raises Malformed if it is larger than `limit` or shorter than listed."""
    if member.file_size > limit:
        raise Malformed(f"has a member of {member.file_size:,} bytes, {member.filename[:80]!r}; the limit is {limit:,}")
    effort.spend_bytes(member.file_size)
    content = archive.head(member, member.file_size + 1)
    if len(content) != member.file_size:
        raise Malformed(f"has a member whose size its directory does not give: {member.filename[:80]!r}")
    return content
