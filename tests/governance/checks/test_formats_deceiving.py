"""Files made to pass for something else are told by what they are."""

import gzip
import io
import json
import pickle
import stat
import struct
import warnings
import zipfile
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.checks.formats import archives, detect, pickles
from governance.checks.formats.names import Format
from tests.governance.checks.formats_made import (
    LABELS,
    ONE_TENSOR,
    SAMPLES,
    SCHEMA,
    Payload,
    onnx_model,
    reason,
    recognised,
    safetensors,
    saved,
    zipped,
)

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
    assert max(reads) <= detect.PEEK


def test_a_directory_larger_than_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    assert recognised(zipped({"schema.json": SCHEMA, "a": b"", "b": b""})) is Format.SKOPS
    assert recognised(zipped({"schema.json": SCHEMA, "a": b"", "b": b"", "c": b""})) is Format.UNKNOWN


def test_schema_larger_than_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "MAX_SCHEMA", 50)
    assert "schema" in reason(zipped({"schema.json": SCHEMA}))


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
