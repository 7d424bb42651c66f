"""Archives and compressed files: their members are files of the artifact, and their tricks are refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable

import pytest

from governance.checks.scan import unpacking
from governance.checks.scan.report import Verdict
from tests.governance.checks import formats_made
from tests.governance.checks.formats_made import zipped
from tests.governance.checks.scan.made import codes, scanned

CODE = b"import os\n"


def tarred(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize(
    "pack",
    [
        zipped,
        tarred,
        lambda members: gzip.compress(tarred(members)),
        lambda members: lzma.compress(tarred(members)),
        lambda members: bz2.compress(tarred(members)),
        lambda members: zipped({"inner.zip": zipped(members)}),
        lambda members: tarred({"inner.tar.gz": gzip.compress(tarred(members))}),
    ],
)
def test_members_are_scanned_as_a_folder(pack: Callable[[dict[str, bytes]], bytes]) -> None:
    files = {"MLmodel": b"flavors: {python_function: {loader_module: x, code: code}}", "code/x.py": CODE, "z": b""}
    found = scanned({"model": pack(files)})
    assert found.verdict is Verdict.UNSAFE
    assert {finding.code for finding in found.findings} >= {"unknown_loader", "code_runs", "empty_file"}
    places = [finding.where for finding in found.findings if finding.code == "code_runs"]
    assert len(places) == 1
    assert places[0].startswith("model: ")
    assert places[0].endswith("code/x.py")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (gzip.compress(b"a" * 9_000)[:-9], "cut short"),
        (gzip.compress(b"a" * 9_000) + b"PK", "other bytes follow"),
        (bz2.compress(b"a" * 9_000) + b"PK", "other bytes follow"),
        (lzma.compress(b"a" * 9_000) + b"PK\3\4", "cut short"),
        (tarred({"a": b"1"}) + b"x", "behind its end"),
        (gzip.compress(bytes(unpacking.SMALL + 1)), "decompression bomb"),
        (zipped({"a": bytes(unpacking.SMALL + 1)}, compression=8), "decompression bomb"),
        (zipped({"a": b"1", "../b": b"2"}), "leads out"),
    ],
)
def test_a_trick_is_unreadable(content: bytes, said: str) -> None:
    found = scanned({"model": content})
    assert found.verdict is Verdict.UNREADABLE
    assert said in " ".join(finding.message for finding in found.findings)


def test_streams_in_a_row_and_padding_are_one_content() -> None:
    content = gzip.compress(b"import ") + gzip.compress(b"os\n") + bytes(512)
    assert codes(scanned({"x.py.gz": content})) == {("code_file", "x.py.gz")}


def test_depth_and_unpacked_bytes_are_limited() -> None:
    nested = zipped({"a.zip": zipped({"b.zip": zipped({"c": b"text"})})})
    assert ("unreadable_file", "m") in codes(scanned({"m": nested}, max_depth=2))
    assert codes(scanned({"m": nested}, max_depth=3)) == set()
    packed = {str(number): gzip.compress(bytes(range(256)) * 100) for number in range(3)}
    assert "max_unpacked_gb" in " ".join(f.message for f in scanned(packed, max_unpacked=60_000).findings)


@pytest.mark.parametrize(
    "magic", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x01\0", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"]
)
def test_an_archive_that_is_not_read_is_unsupported(magic: bytes) -> None:
    found = scanned({"model": magic + bytes(range(100))})
    assert found.verdict is Verdict.UNSUPPORTED
    assert "tar.gz" in found.findings[0].message


def test_a_stored_member_is_read_in_place() -> None:
    weights = formats_made.safetensors(formats_made.ONE_TENSOR, bytes(16))
    found = scanned({"m.zip": zipped({"w.safetensors": weights}, compression=0)})
    ((_, archive),) = found.files
    assert [str(member.format) for _, member in archive.members] == ["safetensors"]
