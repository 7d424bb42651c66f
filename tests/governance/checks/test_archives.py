"""Tricks of archives, each named, and nothing unpacked to judge them."""

import io
import stat
import tarfile
import zipfile

import pytest

from governance.checks.formats import archives
from governance.checks.formats.names import Format
from tests.governance.checks.formats_made import reason, recognised, zipped


def tarred(*members: tuple[str, bytes, str]) -> bytes:
    """A tar archive of members: name, kind, and where a link leads."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, kind, leads_to in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, leads_to
            archive.addfile(member, io.BytesIO())
    return file.getvalue()


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([("a", tarfile.SYMTYPE, "/etc/passwd")], "symbolic link"),
        ([("a", tarfile.REGTYPE, ""), ("b", tarfile.LNKTYPE, "a")], "hard link"),
        ([("a", tarfile.CHRTYPE, "")], "device"),
        ([("a", tarfile.BLKTYPE, "")], "device"),
        ([("a", tarfile.FIFOTYPE, "")], "device"),
        ([("/etc/cron.d/x", tarfile.REGTYPE, "")], "leads out"),
        ([("a/../../x", tarfile.REGTYPE, "")], "leads out"),
        ([("c:x", tarfile.REGTYPE, "")], "leads out"),
        ([("a\\b", tarfile.REGTYPE, "")], "leads out"),
        ([("a\u202eb", tarfile.REGTYPE, "")], "leads out"),
        ([("a", tarfile.REGTYPE, ""), ("A", tarfile.REGTYPE, "")], "two members"),
        ([("d/a", tarfile.REGTYPE, ""), ("./d/./a", tarfile.REGTYPE, "")], "two members"),
        ([("caf\u00e9", tarfile.REGTYPE, ""), ("cafe\u0301", tarfile.REGTYPE, "")], "two members"),
    ],
)
def test_a_trick_in_a_tar_archive_is_named(members: list[tuple[str, bytes, str]], said: str) -> None:
    content = tarred(("fine", tarfile.REGTYPE, ""), *members)
    assert recognised(content) is Format.UNKNOWN
    assert said in reason(content)


def test_a_tar_archive_that_is_cut_off_is_broken() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("a")
        member.size = 100_000
        archive.addfile(member, io.BytesIO(bytes(100_000)))
    assert recognised(file.getvalue()) is Format.TAR
    cut = file.getvalue()[:50_000]
    assert recognised(cut) is Format.UNKNOWN
    assert "broken tar archive" in reason(cut)


@pytest.mark.parametrize(
    ("name", "mode", "said"),
    [
        ("a", stat.S_IFLNK, "symbolic link"),
        ("a", stat.S_IFCHR, "device"),
        ("a", stat.S_IFIFO, "device"),
        ("/a", stat.S_IFREG, "leads out"),
        ("../a", stat.S_IFREG, "leads out"),
        ("a\x7f", stat.S_IFREG, "leads out"),
        ("FINE", stat.S_IFREG, "two members"),
    ],
)
def test_a_trick_in_a_zip_archive_is_named(name: str, mode: int, said: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("fine", b"")
        member = zipfile.ZipInfo(name)
        member.external_attr = (mode | 0o644) << 16
        archive.writestr(member, b"/etc/passwd")
    assert recognised(file.getvalue()) is Format.UNKNOWN
    assert said in reason(file.getvalue())


def test_a_zip_bomb_is_named_and_never_unpacked() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("a", "w") as member:
        for _ in range(archives.BOMB_SIZE // (1 << 20) + 1):
            member.write(bytes(1 << 20))
    content = file.getvalue()
    assert len(content) < 1 << 20
    assert recognised(content) is Format.UNKNOWN
    assert "zip bomb" in reason(content)
    assert "that unpack to 269,484,032" in reason(content)


def test_an_archive_in_an_archive_in_an_archive_is_not_followed() -> None:
    content = b"a"
    for _ in range(4):
        content = zipped({"inner.zip": content})
    assert recognised(content) in (Format.ZIP, Format.UNKNOWN)
