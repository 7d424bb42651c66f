"""Scans of GGUF, trees, tables, R data, images and PDF files."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zlib

import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from governance.checks.scan.report import Reference
from tests.governance.checks import formats_made
from tests.governance.checks.scan.scanned import codes, scanned, summary

# --- GGUF and trees ---


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def gguf(
    template: bytes = b"{{ x }}", offsets: tuple[int, ...] = (0, 32), key: bytes = b"tokenizer.chat_template"
) -> bytes:
    entries = text(key) + struct.pack("<I", 8) + text(template) + text(b"n") + struct.pack("<II", 4, 7)
    tensors = b"".join(text(b"t%d" % n) + struct.pack("<IQIQ", 1, 4, 0, at) for n, at in enumerate(offsets))
    head = b"GGUF" + struct.pack("<IQQ", 3, len(offsets), 2) + entries + tensors
    return head + bytes(-len(head) % 32) + bytes(64)


def test_gguf_lies_in_its_bounds_and_its_template_is_judged() -> None:
    assert summary(scanned(gguf())) == ("safe", set())
    assert summary(scanned(gguf(b"{{ x.__class__ }}"))) == ("unsafe", {"template_reaches_code"})
    assert codes(scanned(gguf(b"{{ x.__class__ }}", key=b"tokenizer.chat_template.tool_use"))) == {
        "template_reaches_code"
    }
    for broken in (gguf(offsets=(0, 8)), gguf(offsets=(0, 0)), gguf(offsets=(0, 64)), gguf(key=b"n"), gguf()[:150]):
        assert str(scanned(broken).verdict) == "unreadable"


def test_models_of_trees_are_safe_to_their_last_byte() -> None:
    catboost = b"CBM1" + struct.pack("<I", 16) + struct.pack("<IHHi", 8, 4, 4, 4) + bytes(4)
    lightgbm = b"tree\nversion=v4\nTree=0\nend of trees\n"
    for content in (formats_made.ubj_model(), formats_made.sentencepiece(), catboost, lightgbm):
        assert summary(scanned(content)) == ("safe", set())
    for broken in (catboost[:8] + b"\xff" * 16, lightgbm[:20]):
        assert str(scanned(broken).verdict) == "unreadable"


# --- tables ---


def table(python_type: bool = False) -> pa.Table:
    name = b"arrow.py_extension_type" if python_type else b"arrow.json"
    schema = pa.schema([pa.field("x", pa.int64(), metadata={b"ARROW:extension:name": name})])
    return pa.table([[1, 2]], schema=schema)


def written(write: object, of: pa.Table) -> bytes:
    file = io.BytesIO()
    write(of, file)  # type: ignore[operator]  # a function of pyarrow
    return file.getvalue()


@pytest.mark.parametrize("write", [parquet.write_table, feather.write_feather])
def test_tables_are_safe_unless_their_schema_has_a_pickle(write: object) -> None:
    assert summary(scanned(written(write, table()))) == ("safe", set())
    assert summary(scanned(written(write, table(python_type=True)))) == ("unsafe", {"arrow_python_type"})


def metadata_of(path: str) -> bytes:
    part, target = io.BytesIO(), io.BytesIO()
    collected: list[parquet.FileMetaData] = []
    parquet.write_table(table(), part, metadata_collector=collected)
    collected[0].set_file_path(path)
    collected[0].write_metadata_file(target)
    return target.getvalue()


def test_columns_in_other_files_are_references() -> None:
    assert scanned(metadata_of("sub/part.parquet")).references == (Reference("sub/part.parquet", "row group"),)
    assert summary(scanned(metadata_of("../../etc/passwd"))) == ("unsafe", {"reference_outside"})


def test_a_broken_footer_is_unreadable() -> None:
    raw = written(parquet.write_table, table())
    assert str(scanned(raw[:-40] + bytes(32) + raw[-8:]).verdict) == "unreadable"


# --- R data ---


def item(kind: int, content: bytes = b"", flags: int = 0) -> bytes:
    return struct.pack(">I", kind | flags) + content


def chars(value: str) -> bytes:
    return item(9, struct.pack(">i", len(value)) + value.encode())


def symbol(value: str) -> bytes:
    return item(1, chars(value))


NIL = item(254)
NUMBERS = item(14, struct.pack(">i", 2) + bytes(16))
NAMES = item(2, symbol("names") + item(16, struct.pack(">i", 1) + chars("a")) + NIL, 0x400)
FRAME = item(19, struct.pack(">i", 1) + NUMBERS, 0x200) + NAMES


def rds(content: bytes) -> bytes:
    return b"X\n" + struct.pack(">iii", 2, 0x40300, 0x20300) + content


SEQUENCE = item(238, item(2, symbol("compact_intseq") + item(2, symbol("base") + NIL)) + NUMBERS + NIL)
MAPPED = item(238, item(2, symbol("mmap_real") + item(2, symbol("simplemmap") + NIL)) + NUMBERS + NIL)
ENVIRONMENT = item(4, struct.pack(">i", 0) + item(253) + NIL + NIL + NIL)


@pytest.mark.parametrize(
    "content", [NUMBERS, FRAME, SEQUENCE, ENVIRONMENT, item(25, flags=0x200) + NAMES, item(16, struct.pack(">i", 0))]
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_vectors_and_lists_of_r_are_safe(content: bytes, pack: object) -> None:
    assert summary(scanned(pack(rds(content)))) == ("safe", set())  # type: ignore[operator]  # a compressor


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (item(3, NIL + NIL + NIL, 0x400), "r_code"),
        (item(5, NIL + NIL + NIL, 0x400), "r_code"),
        (item(19, struct.pack(">i", 2) + NUMBERS + item(6, symbol("system") + NIL)), "r_code"),
        (
            item(14, struct.pack(">i", 0), 0x200) + item(2, symbol("a") + item(6, symbol("f") + NIL) + NIL, 0x400),
            "r_code",
        ),
        (item(21), "r_code"),
        (item(22, NIL + NIL), "r_code"),
        (item(20, struct.pack(">i", 1) + NIL), "r_code"),
        (MAPPED, "r_representation"),
        (item(249, struct.pack(">ii", 0, 1) + chars("evil")), "r_namespace"),
    ],
)
def test_code_of_r_is_unsafe_wherever_it_is(content: bytes, code: str) -> None:
    assert summary(scanned(rds(content))) == ("unsafe", {code})
    assert scanned(gzip.compress(rds(item(19, struct.pack(">i", 1) + content)))).verdict == "unsafe"


def test_r_data_as_text() -> None:
    ascii_header = b"A\n2\n262912\n131840\n"
    assert summary(scanned(ascii_header + b"19\n1\n14\n2\n1.5\nNA\n")) == ("safe", set())
    assert codes(scanned(ascii_header + b"6\n1\n262153\n6\nsystem\n254\n")) == {"r_code"}


@pytest.mark.parametrize(
    "content", [rds(NUMBERS) + b"x", rds(NUMBERS)[:-1], gzip.compress(rds(NUMBERS)) + b"hidden", rds(item(99))]
)
def test_r_data_with_another_end_are_unreadable(content: bytes) -> None:
    assert str(scanned(content).verdict) == "unreadable"


# --- images and PDF ---

JPEG = b"\xff\xd8\xff\xe0\0\x04ab\xff\xda\0\x03\0" + b"data\xff\0more\xff\xd0" + b"\xff\xd9"
GIF = b"GIF89a" + bytes(4) + b"\x80\0\0" + bytes(6) + b"\x2c" + bytes(9) + b"\x02\x01x\0;"
WEBP = b"RIFF" + struct.pack("<I", 16) + b"WEBPVP8 " + struct.pack("<I", 4) + bytes(4)
BMP = b"BM" + struct.pack("<I", 30) + bytes(24)
TIFF = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 256, 3, 1, 5, 0)


@pytest.mark.parametrize("image", [formats_made.png(), JPEG, GIF, WEBP, BMP, TIFF])
def test_images_are_safe_if_nothing_follows_them(image: bytes) -> None:
    result = scanned(image)
    assert (str(result.format), *summary(result)) == ("image", "safe", set())
    for changed in (image + b"hidden\xff\xd9;", image[: len(image) - 6]):
        assert str(scanned(changed).verdict) != "safe" or image is TIFF


def pdf(body: bytes) -> bytes:
    return b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog " + body + b" >>\nendobj\ntrailer\n%%EOF\n"


def test_a_pdf_file_with_an_action_is_unsafe() -> None:
    assert summary(scanned(pdf(b"/OpenAction [3 0 R /Fit]"))) == ("safe", set())
    for body in (b"/AA << /S /JavaScript >>", b"/S /J#61vaScript", b"/S/Launch", b"/EF << /Type /EmbeddedFile >>"):
        assert summary(scanned(pdf(body))) == ("unsafe", {"pdf_action"})


def test_object_streams_of_a_pdf_file_are_unpacked() -> None:
    def packed(inside: bytes) -> bytes:
        return pdf(b"/Type /ObjStm /Filter /FlateDecode >>\nstream\n" + zlib.compress(inside) + b"\nendstream\n")

    assert summary(scanned(packed(b"<< /Type /Page >>"))) == ("safe", set())
    assert summary(scanned(packed(b"<< /S /JavaScript /JS (x) >>"))) == ("unsafe", {"pdf_action"})
    assert summary(scanned(pdf(b"/Type /ObjStm >>\nstream\nnot packed"))) == ("unreadable", {"pdf_stream"})
    assert codes(scanned(pdf(b"/Encrypt 5 0 R"))) == {"pdf_encrypted"}
