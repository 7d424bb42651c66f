"""Validate the structure of archives: every reader must find the same members in them, and nothing else.

Nothing is unpacked to disk, and only the beginning of a member is unpacked at all. A zip has two lists of its members,
and readers differ in which one they use. So the two must agree, members may not overlap or leave gaps, and no bytes may
precede, separate or follow them.
"""

from __future__ import annotations

import stat
import struct
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Self

from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed

LOCAL_HEADER = b"PK\x03\x04"
END_RECORD = b"PK\x05\x06"
MAX_MEMBERS = 100_000
MAX_DIRECTORY = 16 << 20
"""Maximum bytes of the central directory: zipfile reads it whole and keeps an object per at least 47 bytes."""
MAX_NAME = 1_000
"""Maximum characters of a member's name: comparing names takes time quadratic in consecutive combining marks."""
MAX_TAR_EXTENSION = 16 << 10
"""Maximum bytes of a tar extension header: tarfile reads it whole, with non-linear patterns."""
BOMB_SIZE = 256 << 20
BOMB_RATIO = 200
"""An archive is a bomb if it unpacks to more bytes than the first, and to more times its size than the second."""
_END_SIZE = 22
_END_64_SIZE = 56 + 20
"""The 64-bit end record and its locator, which precede the end record."""
_MAX_COMMENT = 0xFFFF
_LOCAL_SIZE = 30
_DESCRIPTOR = 24
"""The longest data descriptor, with signature and 64-bit sizes: the largest allowed gap between members."""
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1 | 0x40 | 0x2000


@dataclass(frozen=True)
class Archive:
    """A zip archive with a valid structure."""

    zip: zipfile.ZipFile
    members: tuple[zipfile.ZipInfo, ...]

    @property
    def names(self) -> frozenset[str]:
        """Names of the members."""
        return frozenset(m.filename for m in self.members)

    def head(self, member: zipfile.ZipInfo, size: int) -> bytes:
        """Return the first `size` bytes of a member, unpacked.

        Raises:
            Malformed: the member cannot be unpacked.
        """
        try:
            with self.zip.open(member) as stream:
                return stream.read(size)
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise Malformed(f"has a member that does not unpack: {member.filename[:80]!r} ({error})") from error
        except Exception as error:
            if type(error).__module__ == "zlib":
                raise Malformed(f"has a member that does not unpack: {member.filename[:80]!r} ({error})") from error
            raise


def ends_as_zip(file: IO[bytes], size: int) -> bool:
    """Return whether the file ends as a zip archive, whatever its beginning."""
    return _end_record(file, size) is not None


def open_zip(file: IO[bytes], size: int) -> Archive | None:
    """Open a file that begins as a zip archive; None for other files.

    Raises:
        Malformed: the archive is damaged or its structure is invalid.
    """
    file.seek(0)
    if file.read(4) != LOCAL_HEADER:
        return None
    found = _end_record(file, size)
    if found is None:
        raise Malformed("begins as a zip archive but does not end as one: it is cut short, or something follows it")
    directory_size, count = found
    if directory_size > MAX_DIRECTORY or count > MAX_MEMBERS:
        raise Malformed(f"is a zip archive with more than {MAX_MEMBERS:,} members or a directory that is too large")
    try:
        opened = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error) as error:
        raise Malformed(f"is a broken zip archive: {error}") from error
    members = tuple(opened.infolist())
    if not members or len(members) > MAX_MEMBERS:
        raise Malformed("is a zip archive without members, or with too many")
    _refuse_members(members)
    _refuse_layout(file, opened, members)
    return Archive(opened, members)


def _end_record(file: IO[bytes], size: int) -> tuple[int, int] | None:
    """Return size of the directory and number of members, from an end record whose comment ends exactly at the
    file's end.
    """
    if size < _END_SIZE:
        return None
    length = min(size, _END_SIZE + _MAX_COMMENT)
    file.seek(size - length)
    tail = file.read(length)
    at = tail.rfind(END_RECORD)
    while at >= 0:
        if at + _END_SIZE <= len(tail):
            count, directory_size, comment = (
                struct.unpack("<H", tail[at + 10 : at + 12])[0],
                *struct.unpack("<L4xH", tail[at + 12 : at + 22]),
            )
            if at + _END_SIZE + comment == len(tail):
                if directory_size == 0xFFFFFFFF or count == 0xFFFF:
                    return _end_record_64(file, size - length + at)
                return directory_size, count
        at = tail.rfind(END_RECORD, 0, at)
    return None


def _end_record_64(file: IO[bytes], end_record: int) -> tuple[int, int]:
    """Return the same from the 64-bit record before an end record, where zipfile reads it. Raises Malformed."""
    place = end_record - _END_64_SIZE
    if place < 0:
        raise Malformed("is a zip archive without the 64-bit record that its end names")
    file.seek(place)
    raw = file.read(_END_64_SIZE)
    if raw[:4] != b"PK\x06\x06" or raw[56:60] != b"PK\x06\x07":
        raise Malformed("is a zip archive without the 64-bit record that its end names")
    count, directory_size = struct.unpack("<QQ", raw[32:48])
    return directory_size, count


class TarHeader(tarfile.TarInfo):
    """A tar header that refuses extension headers of unlimited size and impossible file sizes."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Parse a header block. Raises Malformed."""
        found = super().frombuf(buf, encoding, errors)
        if not 0 <= found.size < 1 << 62:
            raise Malformed("is a tar archive that gives a member an impossible size")
        if found.type in _TAR_EXTENSIONS:
            if found.size > MAX_TAR_EXTENSION:
                raise Malformed(f"is a tar archive with a header of more than {MAX_TAR_EXTENSION:,} bytes")
            effort.spend(found.size * found.size // 1024)
        return found


_TAR_EXTENSIONS = {
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
}


def refuse_tar(file: IO[bytes]) -> int:
    """Validate a tar archive by the same rules as a zip archive.

    Returns:
        The number of members.

    Raises:
        Malformed: the archive is damaged or its structure is invalid.
    """
    file.seek(0)
    names: list[str] = []
    try:
        with tarfile.open(fileobj=file, mode="r:", tarinfo=TarHeader) as opened:
            for member in opened:
                shown = repr(member.name[:80])
                if member.issym() or member.islnk():
                    kind = "symbolic" if member.issym() else "hard"
                    raise Malformed(f"has a {kind} link as a member: {shown}, to {member.linkname[:80]!r}")
                if not member.isreg() and not member.isdir():
                    raise Malformed(f"has a device or another thing that is no file as a member: {shown}")
                if member.issparse():
                    raise Malformed(f"has a member with holes, which readers fill differently: {shown}")
                names.append(member.name.rstrip("/"))
                if len(names) > MAX_MEMBERS:
                    raise Malformed(f"is a tar archive with more than {MAX_MEMBERS:,} members")
                opened.members.clear()  # type: ignore[attr-defined]  # kept by tarfile for lookup by name
            _refuse_tail(file, opened.offset)
    except (tarfile.TarError, ValueError, OSError, EOFError) as error:
        raise Malformed(f"is a broken tar archive: {error}") from error
    _refuse_names(names)
    return len(names)


def tar_files(file: IO[bytes]) -> Iterator[tuple[str, int, int]]:
    """Return the regular files of a tar archive that `refuse_tar` accepts: name, offset and size of the content.

    Raises:
        Malformed: the archive is damaged.
    """
    file.seek(0)
    try:
        with tarfile.open(fileobj=file, mode="r:", tarinfo=TarHeader) as opened:
            for member in opened:
                if member.isreg():
                    yield _plain(member.name), member.offset_data, member.size
                opened.members.clear()  # type: ignore[attr-defined]  # kept by tarfile for lookup by name
    except (tarfile.TarError, ValueError, OSError, EOFError) as error:
        raise Malformed(f"is a broken tar archive: {error}") from error


def _refuse_tail(file: IO[bytes], position: int) -> None:
    file.seek(position)
    while chunk := file.read(1 << 20):
        if chunk.count(0) != len(chunk):
            raise Malformed("is a tar archive with other bytes behind its end")


def _plain(name: str) -> str:
    """Return the name of a member without "./", which `tar -c .` writes before each."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _refuse_names(names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        shown = repr(name[:80])
        if len(name) > MAX_NAME:
            raise Malformed(f"has a member whose name is longer than {MAX_NAME:,} characters: {shown}")
        parts = name.split("/")
        if name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0] or not name.isprintable():
            raise Malformed(f"has a member whose name leads out of the archive: {shown}")
        key = unicodedata.normalize("NFC", unicodedata.normalize("NFC", _plain(name)).casefold())
        if key in seen:
            raise Malformed(f"has two members called {shown}: readers differ in which one they take")
        seen.add(key)


def _refuse_members(members: tuple[zipfile.ZipInfo, ...]) -> None:
    _refuse_names(member.orig_filename for member in members)
    for member in members:
        shown = repr(member.orig_filename[:80])
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind == stat.S_IFLNK:
            raise Malformed(f"has a symbolic link as a member: {shown}")
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise Malformed(f"has a device or another thing that is no file as a member: {shown}")
        if member.flag_bits & _ENCRYPTED:
            raise Malformed(f"has an encrypted member: {shown}")
        if member.compress_type not in _METHODS:
            raise Malformed(f"has a member packed in an unusual way: {shown}")
    unpacked, packed = sum(m.file_size for m in members), sum(m.compress_size for m in members)
    if unpacked > BOMB_SIZE and unpacked > BOMB_RATIO * max(1, packed):
        raise Malformed(f"is a zip bomb: {packed:,} bytes that unpack to {unpacked:,}")


def _refuse_layout(file: IO[bytes], opened: zipfile.ZipFile, members: tuple[zipfile.ZipInfo, ...]) -> None:
    position = 0
    for member in sorted(members, key=lambda m: m.header_offset):
        gap = member.header_offset - position
        if gap < 0 or gap > (_DESCRIPTOR if position else 0):
            raise Malformed("is a zip archive with members that overlap, or with hidden bytes before or between them")
        file.seek(member.header_offset)
        raw = file.read(_LOCAL_SIZE)
        if len(raw) < _LOCAL_SIZE or raw[:4] != LOCAL_HEADER:
            raise Malformed("is a zip archive whose directory points at nothing")
        flags, method = struct.unpack("<HH", raw[6:10])
        name_length, extra_length = struct.unpack("<HH", raw[26:30])
        name = file.read(name_length)
        listed = member.orig_filename.encode("utf-8" if flags & 0x800 else "cp437", errors="replace")
        if name != listed or method != member.compress_type or flags & _ENCRYPTED:
            raise Malformed(f"is a zip archive whose two lists disagree about {member.orig_filename[:80]!r}")
        position = member.header_offset + _LOCAL_SIZE + name_length + extra_length + member.compress_size
    directory_gap = opened.start_dir - position
    if not 0 <= directory_gap <= _DESCRIPTOR:
        raise Malformed("is a zip archive with hidden bytes before its directory")
