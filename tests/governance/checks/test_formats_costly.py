"""Small files that would take much time or memory to recognise are refused, and none breaks the check."""

import gzip
import io
import json
import struct
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.checks.base import EVALUATION_TABLE, File
from governance.checks.formats import effort
from governance.checks.formats.detect import sniff
from governance.checks.formats.names import Format, Sniffed
from governance.checks.tables import MAX_RECORD, TableFormatError, header, rows
from tests.governance.checks.formats_made import safetensors, zipped

Recognised = Callable[[bytes], Sniffed]


@pytest.fixture
def recognised(tmp_path: Path) -> Recognised:
    """Recognise bytes as a file."""

    def recognise(content: bytes) -> Sniffed:
        path = tmp_path / "file"
        path.write_bytes(content)
        return sniff(path)

    return recognise


def nested(times: int, pack: Callable[[bytes], bytes]) -> bytes:
    content = b"words"
    for _ in range(times):
        content = pack(content)
    return content


def npy(descr: str) -> bytes:
    said = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': (1,)}}".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(said)) + said + b"1234"


def tar_header(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo("member")
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


END_OF_TAR = b"\0" * 1024


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (nested(400, gzip.compress), "nested too deep"),
        (nested(400, lambda content: zipped({"a.zip": content})), "nested too deep"),
        (npy("<f" + "9" * 5_000), "array of Python objects"),
        (tar_header(0) + tar_header(-512) + END_OF_TAR, "an impossible size"),
        (tar_header(-512, tarfile.XHDTYPE) + END_OF_TAR, "an impossible size"),
        (tar_header(1 << 80) + END_OF_TAR, "an impossible size"),
        (tar_header(1 << 80, tarfile.GNUTYPE_LONGNAME) + END_OF_TAR, "an impossible size"),
        (tar_header(32 << 10, tarfile.XHDTYPE) + b"1" * (32 << 10) + END_OF_TAR, "a header of more than"),
        (gzip.compress(tar_header(1 << 20, tarfile.GNUTYPE_LONGNAME) + b"\0" * (1 << 20)), "a header of more than"),
        (safetensors({"a": {"dtype": "F32", "shape": [1] * 65, "data_offsets": [0, 4]}}, b"1234"), "a size its dtype"),
        (zipped({"a" * 1_001: b"words"}), "a member whose name is longer than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_costly_file_is_refused_with_what_is_wrong(content: bytes, said: str, recognised: Recognised) -> None:
    found = recognised(content)
    assert found.format in (Format.UNKNOWN, Format.PICKLE)
    assert said in found.reason


def test_what_a_small_archive_unpacks_to_takes_no_more_work_than_its_size_allows(
    recognised: Recognised, monkeypatch: pytest.MonkeyPatch
) -> None:
    opcodes = zipped({f"{place}": b"N0" * 2_000 + b"\xff" for place in range(10)})
    assert recognised(opcodes).format is Format.ZIP
    monkeypatch.setattr(effort, "MAX_STEPS", 10_000)
    assert "more work to judge" in recognised(opcodes).reason
    assert "more work to judge" in recognised(b"\x08\x01" + b"\x12\x02\x12\x00" * 20_000).reason


def test_the_fields_of_a_message_are_not_kept(recognised: Recognised) -> None:
    content = b"\x08\x01" + b"\x12\x02\x12\x00" * 20_000
    tracemalloc.start()
    try:
        assert recognised(content).format is Format.SAVEDMODEL
        assert tracemalloc.get_traced_memory()[1] < 10 * len(content)
    finally:
        tracemalloc.stop()


def test_a_directory_whose_size_is_in_the_64_bit_record_is_held_to_the_limit(recognised: Recognised) -> None:
    with io.BytesIO() as made:
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("a.txt", "words")
        content = made.getvalue()
    end, place = content[-22:], len(content) - 22
    size, offset = struct.unpack("<LL", end[12:20])
    said = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 1 << 40, offset)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, place, 1)
    large = content[:-22] + said + locator + end[:12] + b"\xff" * 4 + end[16:]
    assert size < 1 << 20
    assert "a directory that is too large" in recognised(large).reason


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], File]:
    """An evaluation table."""

    def made(text: str) -> File:
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return File(EVALUATION_TABLE, "table.csv", "0" * 64, len(text), path)

    return made


@pytest.mark.parametrize(
    "row", ["," * MAX_RECORD, '"\n",' * (MAX_RECORD // 4), "a" * MAX_RECORD], ids=["fields", "lines", "a field"]
)
def test_a_row_without_end_is_refused(row: str, table: Callable[[str], File]) -> None:
    with pytest.raises(TableFormatError, match=r"line \d+: a row has more than"):
        list(rows(table("label,score\n" + row + ",1\n"), required=["label"]))


def test_a_header_without_end_is_refused(table: Callable[[str], File]) -> None:
    with pytest.raises(TableFormatError, match="line 1: a row has more than"):
        header(table("label," + "a" * MAX_RECORD + "\n1,2\n"))


def test_a_message_shows_the_beginning_of_a_long_name(table: Callable[[str], File]) -> None:
    with pytest.raises(TableFormatError) as refused:
        list(rows(table("a" * 100_000 + "\n1\n"), required=["label"]))
    assert len(str(refused.value)) < 1_000


def test_safetensors_of_many_dimensions_take_no_product(recognised: Recognised) -> None:
    said = json.dumps({"a": {"dtype": "F32", "shape": [2**63 - 1] * 20_000, "data_offsets": [0, 4]}}).encode()
    assert recognised(struct.pack("<Q", len(said)) + said + b"1234").format is Format.UNKNOWN
