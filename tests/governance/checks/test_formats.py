"""Formats are told by content: real files of real libraries, and files made to pass for something else."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import stat
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
import scipy.sparse
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from governance.checks.formats import archives, pickles, sniff
from governance.checks.formats.sniff import Format

SAMPLES = np.arange(40.0).reshape(20, 2)
LABELS = np.array([0, 1] * 10)


class Payload:
    """What a pickle can do: call anything. Never loaded here."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.getpid, ()


def recognised(content: bytes) -> Format:
    return sniff.sniff_stream(io.BytesIO(content), len(content)).format


def reason(content: bytes) -> str:
    return sniff.sniff_stream(io.BytesIO(content), len(content)).reason


def written(write: Callable[[Path], object], tmp_path: Path) -> bytes:
    path = tmp_path / "written"
    write(path)
    (found,) = tmp_path.glob("written*")
    return found.read_bytes()


def saved(save: Callable[..., object], *arguments: Any, **named: Any) -> bytes:
    file = io.BytesIO()
    save(file, *arguments, **named)
    return file.getvalue()


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


ONE_TENSOR = {"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}


def zipped(members: dict[str, bytes], **named: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **named) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


SCHEMA = json.dumps({"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "protocol": 0}).encode()


# --- what honest libraries write ---


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "thing", [None, [1, 2.5, "a", {"b": (True, b"c")}], "text", 7, LogisticRegression().fit(SAMPLES, LABELS), Payload()]
)
def test_a_pickle_of_every_protocol(protocol: int, thing: object) -> None:
    assert recognised(pickle.dumps(thing, protocol)) is Format.PICKLE


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3), ("zlib", 3)])
def test_joblib_packed_or_not(compress: Any, tmp_path: Path) -> None:
    model = RandomForestClassifier(5).fit(SAMPLES, LABELS)
    assert recognised(written(lambda path: joblib.dump(model, path, compress=compress), tmp_path)) is Format.JOBLIB


@pytest.mark.parametrize(
    "thing",
    [
        LogisticRegression().fit(SAMPLES, LABELS),
        RandomForestClassifier(30).fit(SAMPLES, LABELS),
        {"state": np.random.RandomState(1), "sparse": scipy.sparse.csr_matrix(np.eye(300)), "bytes": b"\x80\x04."},
        np.array([1, "a", None], dtype=object),
    ],
)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_skops(thing: object, compression: int) -> None:
    assert recognised(skops.io.dumps(thing, compression=compression)) is Format.SKOPS


def test_numpy() -> None:
    assert recognised(saved(np.save, SAMPLES)) is Format.NPY
    assert recognised(saved(np.save, np.array(["a", "bc"]))) is Format.NPY
    assert recognised(saved(np.save, np.zeros(3, dtype=[("a", "<i4"), ("b", "<f8", (2,))]))) is Format.NPY
    assert recognised(saved(np.savez, a=SAMPLES, b=LABELS)) is Format.NPZ
    assert recognised(saved(np.savez_compressed, a=np.zeros((500, 500)))) is Format.NPZ
    assert recognised(saved(scipy.sparse.save_npz, scipy.sparse.eye(50).tocsr())) is Format.NPZ


def test_numpy_of_python_objects_is_a_pickle() -> None:
    objects = np.array([None, Payload()], dtype=object)
    assert recognised(saved(np.save, objects, allow_pickle=True)) is Format.PICKLE
    assert recognised(saved(np.savez, a=SAMPLES, b=objects)) is Format.PICKLE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mixed = np.zeros(2, dtype=[("a", "<i4"), ("b", "O")])
    assert recognised(saved(np.save, mixed, allow_pickle=True)) is Format.PICKLE


def test_safetensors() -> None:
    assert recognised(safetensors(ONE_TENSOR, bytes(16))) is Format.SAFETENSORS
    assert recognised(safetensors({"__metadata__": {"format": "pt"}, **ONE_TENSOR}, bytes(16))) is Format.SAFETENSORS
    assert recognised(safetensors({})) is Format.SAFETENSORS
    assert recognised(safetensors(json.dumps(ONE_TENSOR).encode() + b"   ", bytes(16))) is Format.SAFETENSORS


def onnx_model(graph: bytes = bytes(300)) -> bytes:
    """ModelProto with ir_version, producer_name, graph, opset_import."""
    length = bytes([len(graph) & 0x7F | 0x80, len(graph) >> 7])
    return b"\x08\x09" + b"\x12\x07skl2onn" + b"\x3a" + length + graph + b"\x42\x04\x0a\x00\x10\x0f"


def test_onnx() -> None:
    assert recognised(onnx_model()) is Format.ONNX
    assert recognised(onnx_model()[:-1]) is Format.UNKNOWN
    assert recognised(onnx_model() + b"\xff") is Format.UNKNOWN
    assert recognised(b"\x08\x09") is Format.UNKNOWN


def test_torch_and_keras() -> None:
    state = zipped({"model/data.pkl": pickle.dumps(Payload()), "model/version": b"3\n", "model/data/0": bytes(64)})
    assert recognised(state) is Format.TORCH_ZIP
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
    assert recognised(magic + pickle.dumps(1001, 2) + pickle.dumps({}, 2)) is Format.TORCH_LEGACY
    keras = {"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(99)}
    assert recognised(zipped(keras)) is Format.KERAS
    assert recognised(zipped({**keras, "extra.pkl": pickle.dumps(Payload())})) is Format.PICKLE
    assert recognised(b"\x89HDF\r\n\x1a\n" + bytes(99)) is Format.HDF5


def test_packed_things() -> None:
    assert recognised(gzip.compress(b"text")) is Format.GZIP
    assert recognised(lzma.compress(b"text")) is Format.XZ
    assert recognised(bz2.compress(b"text")) is Format.BZIP2
    assert recognised(zlib.compress(b"text")) is Format.UNKNOWN
    assert recognised(zipped({"a.txt": b"text"})) is Format.ZIP
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
    assert recognised(tar.getvalue()) is Format.TAR
    for pack in (gzip.compress, lzma.compress, bz2.compress, zlib.compress):
        assert recognised(pack(pickle.dumps(Payload(), 0))) is Format.JOBLIB


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# Model card\n\nWords.\n",
        "label,score\n1,0.5\n",
        "class,score\na,1\nb,2\n",
        "class\nspam\nham\n",
        "category\ncat\n(none)\n",
        '{"a": [1, 2.5]}',
        "[1, 2]",
        "N\n",
        "I am text\n",
        "Is this\nok?\n",
        "Field\n1.5\n",
        "Since 1999.\n",
        "Version 2\n\nNotes.\n",
        "Copyright 2024 Acme. All rights reserved. " * 9,
        "Unless required by applicable law. " * 9,
        "Licence: none\n.\n.\n",
        "(a)\n(b)\n",
        "]\n}\n",
        "2\n3\n4\n",
        "grüße\u2003€\n",
        "\ufeffwith a mark\n",
        "a" * 5_000_000,
        "x" * 70_000 + "\n" + "cos\nsystem\n",
    ],
)
def test_text_is_text(text: str) -> None:
    assert recognised(text.encode()) is Format.TEXT


@pytest.mark.parametrize(
    "content", [b"\x00", b"text\x00", b"caf\xe9", "text".encode("utf-16"), b"\x1b[2J", b"\xed\xa0\x80"]
)
def test_what_is_not_clean_utf8_is_not_text(content: bytes) -> None:
    assert recognised(content) is Format.UNKNOWN


# --- what was made to deceive ---

GETPID = b"cos\ngetpid\n(tR."


@pytest.mark.parametrize(
    "stream",
    [
        GETPID,
        b"(ios\ngetpid\n.",
        b"(cos\ngetpid\no.",
        b"N0" + GETPID,
        b"Vharmless words\n0" + GETPID,
        b"S'harmless'\n0" + GETPID,
        b"V" + b"x" * 200_000 + b"\n0" + GETPID,
        b"I1\n0I01\n0L5L\n0F1.5\n0" + GETPID,
        b"Vfirst of two\n." + GETPID,
        b"cos\ngetpid\np0\n0g0\n(tR.",
        b"cos\ngetpid\n.and words behind",
        b"(dp0\nVa\np1\nI1\ns.",
        b"U\x10sixteen bytes ab0" + GETPID,
        b"(lp0\nVword\n(e" + GETPID,
        GETPID + b"\x00\xff and anything behind",
        GETPID[:-1],
        b"]q\x00(K\x01K\x02e.",
        b"\x95" + struct.pack("<Q", 20) + GETPID,
        b"N\x95" + struct.pack("<Q", 3) + b"0N.",
        b"I1\x00 what C does not read\n0" + GETPID,
        b"F\x00\n0" + GETPID,
    ],
)
def test_a_pickle_without_announcement_is_found(stream: bytes) -> None:
    assert recognised(stream) is Format.PICKLE


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(max_size=5), inner, max_size=4)
            | st.tuples(inner, inner)
        ),
        max_leaves=15,
    ),
    st.sampled_from([0, 1]),
)
def test_every_pickle_of_the_old_protocols_is_found(thing: object, protocol: int) -> None:
    # A pickle that speaks of joblib is taken for one of joblib's: refused wherever a pickle is.
    found = {Format.PICKLE, Format.JOBLIB}
    assert recognised(pickle.dumps(thing, protocol)) in found
    assert recognised(pickle.dumps((thing, Payload()), protocol) + b" and more") in found


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from([
    b"N", b"(", b"0", b"1", b"2", b"I1\n", b"I0x\n", b"Vab\n", b"S'a'\n", b"S'a\n", b"U\x01a", b"]", b"a", b"e", b"l",
    b"t", b")", b"}", b"s", b"u", b"d", b"p0\n", b"q\x01", b"g0\n", b"h\x01", b"cos\ngetpid\n", b"(ios\ngetpid\n", b"R",
    b"o", b"b", b"\x81", b"\x85", b"\x8c\x02os", b"\x8c\x06getpid", b"\x93", b"\x94", b".", b"K\x01",
    b"J\x01\x00\x00\x00", b"X\x01\x00\x00\x00a", b"C\x01a", b"\x88", b"G" + bytes(8), b"\x8a\x01a", b"x", b"\n",
]), max_size=12))  # fmt: skip
def test_what_the_real_unpickler_would_call_or_import_is_found(parts: list[bytes]) -> None:
    """The real unpickler, given harmless stand-ins to import, against the walk, on streams made of opcodes."""
    stream = b"".join(parts)
    imported, called, returned = loaded(stream)
    if called or (imported and returned):
        assert pickles.protocol(io.BytesIO(stream)) == 0
        assert recognised(stream) is Format.PICKLE


def loaded(stream: bytes) -> tuple[bool, bool, bool]:
    """Load a stream with stand-ins: whether it imported something, called that, and came to its end."""
    imported, called = [], []

    class StandIn:
        def __new__(cls, *arguments: object) -> "StandIn":
            called.append(arguments)
            return object.__new__(cls)

    class Loader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            imported.append(module)
            return StandIn

    try:
        Loader(io.BytesIO(stream)).load()
    except Exception:  # it broke off; what it did until then is what counts
        return bool(imported), bool(called), False
    return bool(imported), bool(called), True


def test_a_safetensors_file_that_is_a_pickle_too() -> None:
    """The first byte of the length is an opcode that skips into the data: loaded as a pickle, it calls."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [64], "data_offsets": [0, 64]}}).encode()
    for size in range(len(header), 70_000):
        raw = struct.pack("<Q", size)
        # "X" and four bytes of length: a string that ends in the data.
        if raw[0] == ord("X") and int.from_bytes(raw[1:5], "little") + 5 >= size + 8 - 300:
            break
    content = raw + header.ljust(size) + b"\x00" * 64
    skipped = 5 + int.from_bytes(raw[1:5], "little")
    both = bytearray(content)
    both[skipped : skipped + len(GETPID) + 1] = b"0" + GETPID
    assert recognised(content) in (Format.SAFETENSORS, Format.UNKNOWN)
    assert recognised(bytes(both)) is not Format.SAFETENSORS


@pytest.mark.parametrize(
    "content",
    [
        safetensors(ONE_TENSOR, bytes(17)),
        safetensors(ONE_TENSOR, bytes(15)),
        safetensors({"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [4, 20]}}, bytes(20)),
        safetensors({"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 12]}}, bytes(12)),
        safetensors({**ONE_TENSOR, "v": {"dtype": "F32", "shape": [1], "data_offsets": [12, 16]}}, bytes(16)),
        safetensors({"w": {"dtype": "OBJECT", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
        safetensors({"w": {"dtype": "F32", "shape": [-1, -4], "data_offsets": [0, 16]}}, bytes(16)),
        safetensors({"w": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, bytes(4)),
        safetensors({"w": 1}),
        safetensors({"__metadata__": {"a": 1}}),
        safetensors(b'{"w": 1, "w": 1}'),
        safetensors(json.dumps(ONE_TENSOR).encode("utf-16"), bytes(16)),
        safetensors(b"{" + b"[" * 200_000),
        safetensors(ONE_TENSOR, bytes(16), length=1 << 62),
        safetensors(ONE_TENSOR, bytes(16), length=10),
        struct.pack("<Q", 33 << 20) + b"{" + bytes(33 << 20),
    ],
)
def test_safetensors_that_break_their_rules(content: bytes) -> None:
    assert recognised(content) is Format.UNKNOWN


@pytest.mark.parametrize(
    "content",
    [
        saved(np.save, SAMPLES)[:-1],
        saved(np.save, SAMPLES) + b"x",
        b"\x93NUMPY\x09\x00" + bytes(200),
        b"\x93NUMPY\x02\x00" + struct.pack("<L", 1 << 31) + bytes(200),
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 9_000) + b"(" * 9_000,
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 20) + b"__import__('os')    ",
        b"\x93NUMPY",
    ],
)
def test_npy_that_breaks_its_rules(content: bytes) -> None:
    assert recognised(content) is Format.UNKNOWN


def with_local_name(content: bytes, before: bytes, after: bytes) -> bytes:
    """Rename a member in the local header alone."""
    return content.replace(before, after, 1)


def linked() -> bytes:
    info = zipfile.ZipInfo("schema.json")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(info, SCHEMA)
    return file.getvalue()


def twice() -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("schema.json", SCHEMA)
        archive.writestr("schema.json", b"{}")
    return file.getvalue()


def encrypted() -> bytes:
    """The flag says encrypted, in both lists."""
    content = bytearray(zipped({"schema.json": SCHEMA}))
    content[6] |= 1
    at = content.rindex(b"PK\x01\x02")
    content[at + 8] |= 1
    return bytes(content)


def hidden_between() -> bytes:
    """A member is left out of the directory, so only readers of local headers see it."""
    whole = zipped({"schema.json": SCHEMA, "data.pkl": pickle.dumps(Payload())})
    second = whole.index(b"PK\x03\x04", 4)
    directory = whole.index(b"PK\x01\x02")
    entries = whole[directory:]
    first_entry = entries[: entries.index(b"PK\x01\x02", 4)]
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(first_entry), directory, 0)
    assert second < directory
    return whole[:directory] + first_entry + end


ZIP_TRICKS = {
    "behind text": b"innocent words\n" + zipped({"schema.json": SCHEMA}),
    "behind tensors": safetensors(ONE_TENSOR, bytes(16)) + zipped({"schema.json": SCHEMA}),
    "something follows": zipped({"schema.json": SCHEMA}) + b"trailing",
    "cut short": zipped({"schema.json": SCHEMA})[:-30],
    "only a local header": b"PK\x03\x04" + bytes(100),
    "two names": with_local_name(zipped({"schema.json": SCHEMA}), b"schema.json", b"data.pkl\x00\x00\x00"),
    "way out": zipped({"schema.json": SCHEMA, "../evil": b"x"}),
    "absolute": zipped({"schema.json": SCHEMA, "/etc/evil": b"x"}),
    "drive": zipped({"schema.json": SCHEMA, "C:/evil": b"x"}),
    "backslash": zipped({"schema.json": SCHEMA, "a\\..\\evil": b"x"}),
    "case twins": zipped({"schema.json": SCHEMA, "Schema.json": b"{}"}),
    "same twice": twice(),
    "link": linked(),
    "encrypted": encrypted(),
    "unusual packing": zipped({"schema.json": SCHEMA}, compression=zipfile.ZIP_BZIP2),
    "hidden member": hidden_between(),
    "no schema": zipped({"schema.json": b"not json"}),
    "empty schema": zipped({"schema.json": b"{}"}),
    "deep schema": zipped({"schema.json": b"[" * 200_000}),
}


@pytest.mark.parametrize("content", ZIP_TRICKS.values(), ids=ZIP_TRICKS.keys())
def test_zip_tricks(content: bytes) -> None:
    assert recognised(content) is Format.UNKNOWN
    assert reason(content)


def test_a_damaged_member_is_found() -> None:
    content = bytearray(zipped({"schema.json": SCHEMA, "a.npy": saved(np.save, SAMPLES)}))
    content[content.index(b"NUMPY") + 200] ^= 1
    assert recognised(bytes(content)) is Format.UNKNOWN
    assert "does not unpack" in reason(bytes(content))


@pytest.mark.parametrize(
    "member",
    [
        pickle.dumps(Payload(), 4),
        GETPID,
        b"\x80\x04" + pickle.dumps([0] * 60_000, 4)[2:],
        zlib.compress(pickle.dumps(Payload())),
        saved(np.save, np.array([Payload()], dtype=object), allow_pickle=True),
        saved(np.savez, a=np.array([Payload()], dtype=object)),
        zipped({"model/data.pkl": pickle.dumps(Payload())}),
        saved(np.savez, a=np.zeros(20_000), b=np.array([Payload()], dtype=object)),
    ],
)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_pickle_inside_a_model_file_is_found_whatever_it_is_called(member: bytes, compression: int) -> None:
    content = zipped({"schema.json": SCHEMA, "weights.bin": member}, compression=compression)
    assert recognised(content) is Format.PICKLE
    assert "weights.bin" in reason(content)


def test_a_model_file_with_a_strange_member_is_not_let_through() -> None:
    assert recognised(zipped({"a.npy": b"not an array"})) is Format.UNKNOWN
    assert recognised(zipped({"schema.json": SCHEMA, "inner": zipped({"a": b"b"})})) is Format.UNKNOWN
    assert recognised(zipped({"schema.json": SCHEMA, "x.tar.gz": gzip.compress(b"a")})) is Format.UNKNOWN


def test_a_bomb_costs_nothing() -> None:
    """A gigabyte of zeros in a megabyte is not unpacked to be looked at."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", SCHEMA)
        with archive.open("bomb.bin", "w") as member:
            for _ in range(64):
                member.write(bytes(1 << 20))
    reads: list[int] = []
    original = archives.Archive.head

    def head(self: archives.Archive, member: zipfile.ZipInfo, size: int) -> bytes:
        found = original(self, member, size)
        reads.append(len(found))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archives.Archive, "head", head)
        assert recognised(file.getvalue()) is Format.SKOPS
    assert max(reads) <= sniff.PEEK


def test_a_directory_larger_than_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    assert recognised(zipped({"schema.json": SCHEMA, "a": b"", "b": b""})) is Format.SKOPS
    assert recognised(zipped({"schema.json": SCHEMA, "a": b"", "b": b"", "c": b""})) is Format.UNKNOWN


def test_schema_larger_than_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sniff, "MAX_SCHEMA", 50)
    assert "schema" in reason(zipped({"schema.json": SCHEMA}))


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(
        [
            safetensors(ONE_TENSOR, bytes(16)),
            saved(np.save, LABELS),
            zipped({"schema.json": SCHEMA, "a.npy": saved(np.save, LABELS)}),
            onnx_model(),
            gzip.compress(b"text" * 40),
            pickle.dumps([1, {"a": 2}], 4),
        ]
    ),
    st.data(),
)
def test_damage_is_answered_and_never_raises(content: bytes, data: st.DataObject) -> None:
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    assert isinstance(recognised(cut), Format)


# --- tricks of archives, each named, and nothing unpacked to judge them ---


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
