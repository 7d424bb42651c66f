"""Scan archives and compressed files: each file in them is scanned as one of the artifact, and all of them as a folder.

Members are validated by `formats.archives` (names that lead out, links, duplicates, disagreeing lists, encryption), so
a violation is found before a member is read.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import PurePosixPath
from typing import IO

from governance.checks.base import Severity
from governance.checks.formats import archives
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import UNREAD_ARCHIVES, Format
from governance.checks.scan import folder, unpacking
from governance.checks.scan.report import FileScan, Scan, ScanFinding, Scanner, Verdict, worst
from governance.checks.scan.windows import window

_CHUNK = 1 << 20


def scan_zip(scan: Scan) -> FileScan:
    """Scan the members of a zip archive."""
    archive = archives.open_zip(scan.stream, scan.size)
    if archive is None:
        raise Malformed("is not a zip archive")
    _refuse_depth(scan)
    unpacking.refuse_bomb(sum(m.file_size for m in archive.members), scan.size, scan.options)
    entries = []
    for member in archive.members:
        if not member.is_dir():
            with _zip_member(scan, archive, member) as (stream, size):
                entries.append(_entry(scan, stream, size, member.filename))
    return _judged(scan, Format.ZIP, entries)


@contextmanager
def _zip_member(scan: Scan, archive: archives.Archive, member: zipfile.ZipInfo) -> Iterator[tuple[IO[bytes], int]]:
    """Open a member: a stored one in place, a deflated one unpacked."""
    shown = repr(member.filename[:80])
    if member.compress_type == zipfile.ZIP_STORED:
        if member.compress_size != member.file_size:
            raise Malformed(f"has a stored member with two sizes: {shown}")
        scan.stream.seek(member.header_offset + 26)
        lengths = scan.stream.read(4)
        start = (
            member.header_offset + 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
        )
        yield window(scan.stream, start, member.file_size), member.file_size
        return
    with unpacking.unpacked(_inflated(archive, member), member.compress_size, scan.options) as (stream, size):
        if size != member.file_size:
            raise Malformed(f"has a member of another size than its directory says: {shown}")
        yield stream, size


def _inflated(archive: archives.Archive, member: zipfile.ZipInfo) -> Iterator[bytes]:
    try:
        with archive.zip.open(member) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise Malformed(f"has a member that does not unpack: {member.filename[:80]!r} ({error})") from error


def scan_tar(scan: Scan) -> FileScan:
    """Scan the members of a tar archive."""
    archives.refuse_tar(scan.stream)
    _refuse_depth(scan)
    entries = [
        _entry(scan, window(scan.stream, start, size), size, name)
        for name, start, size in archives.tar_files(scan.stream)
    ]
    return _judged(scan, Format.TAR, entries)


def scan_compressed(scan: Scan, form: Format) -> FileScan:
    """Scan the content of a compressed file; a tar archive in it is a container of its own."""
    _refuse_depth(scan)
    with unpacking.unpacked(unpacking.decompress(scan.stream, form), scan.size, scan.options) as (stream, size):
        return _judged(scan, form, [_entry(scan, stream, size, _name_within(scan.name))])


_SUFFIXES = {".gz": "", ".xz": "", ".bz2": "", ".tgz": ".tar", ".txz": ".tar", ".tbz2": ".tar"}


def _name_within(name: str) -> str:
    """Return the name of the file in a compressed one: "model.tar" for "model.tar.gz"."""
    path = PurePosixPath(name)
    ending = _SUFFIXES.get(path.suffix.lower())
    return path.name if ending is None else f"{path.stem}{ending}"


def _entry(scan: Scan, stream: IO[bytes], size: int, name: str) -> folder.Entry:
    found = scan.scan_part(scan.part(stream, size, name))
    text = b""
    if folder.is_configuration(name) and size <= folder.MAX_CONFIGURATION:
        stream.seek(0)
        text = stream.read(folder.MAX_CONFIGURATION)
    return folder.Entry(name, found, size, _digest(stream) if found.format is Format.CODE else "", text)


def _digest(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _judged(scan: Scan, form: Format, entries: list[folder.Entry]) -> FileScan:
    judged = folder.judge(entries, scan.options)
    placed = [found.within(name) for name, found in judged.files]
    return FileScan(
        form,
        worst(found.verdict for found in placed),
        tuple(finding for found in placed for finding in found.findings),
        tuple(effect for found in placed for effect in found.effects),
        (),
        judged.files,
    )


def _refuse_depth(scan: Scan) -> None:
    if scan.depth >= scan.options.max_depth:
        raise Malformed(
            f"is a container within {scan.depth} others; the policy reads {scan.options.max_depth} levels (max_depth)"
        )


def _scan_unread(scan: Scan, form: Format) -> FileScan:
    message = (
        f"The file is of the format {form}, whose content this engine does not read, so what loading it would do "
        "cannot be judged. Unpack it and register its files, or pack them as zip or tar.gz."
    )
    return FileScan(form, Verdict.UNSUPPORTED, (ScanFinding("unsupported_file", message, Severity.HIGH),))


CONTAINERS: Mapping[Format, Scanner] = {
    Format.ZIP: scan_zip,
    Format.TAR: scan_tar,
    **{form: partial(scan_compressed, form=form) for form in (Format.GZIP, Format.XZ, Format.BZIP2)},
    **{form: partial(_scan_unread, form=form) for form in sorted(UNREAD_ARCHIVES)},
}
"""The scanner of each kind of container."""

bounded = unpacking.bounded
