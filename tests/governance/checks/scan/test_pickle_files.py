"""Files that are pickles: joblib with its arrays, torch in both forms, npy and npz; and what loaders would import."""

from __future__ import annotations

import io
import os
import tracemalloc
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import pytest
from joblib.numpy_pickle import NumpyArrayWrapper

from governance.checks.formats.names import Format
from governance.checks.scan.dispatch import scan_stream
from governance.checks.scan.report import Options, Verdict
from tests.governance.checks.scan.pickle_made import (
    CALL,
    Calling,
    calling,
    codes,
    executed,
    imports,
    name,
    proto,
    scanned,
    text,
)
from tests.governance.checks.scan.torch_made import archive, legacy, persistent, state_dict, tensor

ARRAYS: dict[str, Any] = {
    "c": np.arange(6.0).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "empty": np.zeros((0, 3)),
    "scalar": np.array(1.5),
    "objects": np.array(["a", None, 3], object),
    "text": np.array(["a", "bc"]),
    "dates": np.array(["2026-01-01"], "M8[D]"),
    "structured": np.zeros(3, [("x", "f8"), ("y", "i2", (2,))]),
    "structured_objects": np.zeros(2, [("x", "f8"), ("y", "O")]),
    "complex": np.ones(2, complex),
    "big_endian": np.arange(3, dtype=">i4"),
    "shared": [np.arange(3)] * 2,
}


def dumped(value: object, **named: Any) -> bytes:
    file = io.BytesIO()
    joblib.dump(value, file, **named)
    return file.getvalue()


@pytest.mark.parametrize("compress", [0, ("zlib", 3), ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_joblib_files_are_read_through_their_arrays(compress: Any, protocol: int) -> None:
    safe = scanned(dumped([ARRAYS, "end"], compress=compress, protocol=protocol))
    unsafe = scanned(dumped([ARRAYS, Calling(os.getpid, ())], compress=compress, protocol=protocol))

    assert (safe.format, safe.verdict) == (Format.JOBLIB, Verdict.SAFE), safe.findings
    assert unsafe.verdict is Verdict.UNSAFE
    assert executed(unsafe) == {"posix.getpid"}


def test_a_pickle_in_an_array_of_objects_is_read() -> None:
    found = scanned(dumped(np.array([1, Calling(os.getpid, ())], object)))

    assert (found.format, found.verdict) == (Format.JOBLIB, Verdict.UNSAFE)
    assert "call_not_allowed" in codes(found)


def test_bytes_of_an_array_are_no_opcodes_for_joblib(monkeypatch: pytest.MonkeyPatch) -> None:
    code = np.frombuffer(CALL + b"." * (64 - len(CALL)), np.uint8)
    marked = dumped(code)
    monkeypatch.setattr(NumpyArrayWrapper, "safe_get_numpy_array_alignment_bytes", lambda self: None)
    monkeypatch.setattr(
        NumpyArrayWrapper, "__getstate__", lambda self: {**vars(self), "numpy_array_alignment_bytes": None}
    )
    unmarked, harmless = dumped(code), dumped(np.arange(5.0))

    assert scanned(marked).verdict is Verdict.SAFE
    assert codes(scanned(unmarked)) == {"loaders_differ"}
    assert scanned(harmless).verdict is Verdict.SAFE


WRAPPER = name("joblib.numpy_pickle", "NumpyArrayWrapper") + b")\x81"
FLOAT = (
    name("numpy", "dtype")
    + text("f8")
    + b"\x89\x88\x87R(K\x03"
    + text("<")
    + b"NNN"
    + b"J\xff\xff\xff\xff" * 2
    + b"K\x00tb"
)


def wrapped(
    *state: bytes, data: bytes = b"\x02\xff\xff" + bytes(16), shape: bytes = b"K\x02\x85", dtype: bytes = FLOAT
) -> bytes:
    """A joblib file of one array, made by hand."""
    entries = text("subclass") + name("numpy", "ndarray") + text("shape") + shape + text("order") + text("C")
    entries += text("dtype") + dtype + text("allow_mmap") + b"\x88" + text("numpy_array_alignment_bytes") + b"K\x10"
    return b"\x80\x04" + WRAPPER + b"}(" + entries + b"u" + b"".join(state) + b"b" + data + b"."


def test_an_array_made_by_hand_is_read_like_one_of_joblib() -> None:
    content = wrapped()

    assert np.array_equal(joblib.load(io.BytesIO(content)), np.zeros(2))
    assert scanned(content).verdict is Verdict.SAFE


BROKEN_ARRAYS = {
    "shape_of_a_call": wrapped(shape=name("builtins", "tuple") + b"]\x85R"),
    "negative_shape": wrapped(shape=b"J\xff\xff\xff\xff\x85"),
    "longer_than_the_file": wrapped(shape=b"K\x09\x85"),
    "shorter_than_the_data": wrapped(shape=b"K\x01\x85"),
    "impossible_product": wrapped(shape=b"(" + b"J\xff\xff\xff\x7f" * 9 + b"t"),
    "dtype_of_a_call": wrapped(dtype=name("numpy", "dtype") + name("collections", "OrderedDict") + b")R\x85R"),
    "alignment_as_text": wrapped(text("numpy_array_alignment_bytes") + text("x") + b"s"),
    "state_that_is_no_dict": b"\x80\x04" + WRAPPER + b"Nb.",
    "array_read_twice": wrapped()[:-1] + b"0h\x00}b.",
    "key_of_a_call": wrapped(name("builtins", "str") + text("shape") + b"\x85RK\x01\x85s"),
}


@pytest.mark.parametrize("fault", BROKEN_ARRAYS)
def test_an_array_whose_bytes_cannot_be_counted_is_not_safe(fault: str) -> None:
    assert scanned(BROKEN_ARRAYS[fault]).verdict is Verdict.UNREADABLE


def test_a_changed_shape_is_followed() -> None:
    later = wrapped(text("shape") + b"K\x00\x85s", data=b"\x02\xff\xff" + CALL + b"0N")

    assert executed(scanned(later)) == {"os.getpid"}


def test_a_frame_that_ends_in_an_array_is_unsafe() -> None:
    content = wrapped()
    framed = content[:2] + b"\x95" + (len(content) - 2).to_bytes(8, "little") + content[2:]

    assert codes(scanned(framed)) == {"frame_crossed"}


COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "cut_short": lambda content: content[:-6],
    "bytes_behind": lambda content: content + b"more",
    "another_stream_behind": lambda content: content + zlib.compress(b"N."),
}


@pytest.mark.parametrize("fault", COMPRESSED)
def test_compressed_files_must_end_with_their_pickle(fault: str) -> None:
    content = COMPRESSED[fault](dumped([1, "text"] * 30, compress=3))

    assert scanned(content).verdict in (Verdict.UNREADABLE, Verdict.SAFE)
    assert (scanned(content).verdict is Verdict.SAFE) == (fault == "another_stream_behind")
    assert scanned(dumped(1, compress=3) + zlib.compress(proto(CALL))).verdict is Verdict.UNSAFE


def test_a_bomb_is_refused() -> None:
    content = dumped(np.zeros(3 << 20), compress=3)

    assert scanned(content).verdict is Verdict.SAFE
    assert scanned(content, options=Options(max_unpacked=1 << 20)).verdict is Verdict.UNREADABLE


class Zeros(io.RawIOBase):
    """A file of a beginning, zeros, and an end."""

    def __init__(self, head: bytes, zeros: int, tail: bytes) -> None:
        self.head, self.tail, self.size = head, tail, len(head) + zeros + len(tail)
        self.at = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self.at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size}[whence]
        return self.at

    def tell(self) -> int:
        return self.at

    def read(self, size: int = -1) -> bytes:
        size = min(size, self.size - self.at)
        found = bytearray(size)
        behind = self.size - len(self.tail)
        for start, part in ((0, self.head), (behind, self.tail)):
            low, high = max(start, self.at), min(start + len(part), self.at + size)
            if low < high:
                found[low - self.at : high - self.at] = part[low - start : high - start]
        self.at += size
        return bytes(found)


def test_memory_does_not_grow_with_the_file() -> None:
    size = 1 << 30
    content = wrapped(shape=b"J" + (size // 8).to_bytes(4, "little") + b"\x85", data=b"\x02\xff\xff")[:-1]
    blob = b"\x80\x05\x8e" + size.to_bytes(8, "little")
    for head, tail in ((content, b"."), (blob, b"."), (content, b"0" + CALL + b".")):
        file = Zeros(head, size, tail)
        tracemalloc.start()
        found = scan_stream(file, file.size, "large", Options())  # type: ignore[arg-type]  # what a scan needs of a file
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert found.verdict is (Verdict.SAFE if tail == b"." else Verdict.UNSAFE)
        assert peak < 24 << 20


def npy(value: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, value, allow_pickle=True)
    return file.getvalue()


def test_npy_and_npz() -> None:
    packed = io.BytesIO()
    np.savez_compressed(packed, a=np.arange(5), b=np.ones((2, 2)))

    assert (scanned(npy(np.arange(5))).format, scanned(npy(np.arange(5))).verdict) == (Format.NPY, Verdict.SAFE)
    assert (scanned(packed.getvalue()).format, scanned(packed.getvalue()).verdict) == (Format.NPZ, Verdict.SAFE)
    assert scanned(npy(np.array(["a", 1], object))).verdict is Verdict.SAFE
    assert executed(scanned(npy(np.array([Calling(os.getpid, ())], object)))) == {"posix.getpid"}
    assert scanned(npy(np.arange(5))[:-1]).verdict is Verdict.UNREADABLE
    assert scanned(npy(np.array(["a", 1], object)) + b"x").verdict is Verdict.UNREADABLE


TENSOR = tensor(persistent())
VIEW = tensor(persistent(view=b"N"))


def test_torch_files_of_tensors_are_safe() -> None:
    packed, old = scanned(archive(state_dict(TENSOR, TENSOR))), scanned(legacy(state_dict(VIEW)))

    assert (packed.format, packed.verdict) == (Format.TORCH_ZIP, Verdict.SAFE), packed.findings
    assert (old.format, old.verdict) == (Format.TORCH_LEGACY, Verdict.SAFE), old.findings
    assert {"torch.FloatStorage", "torch._utils._rebuild_tensor_v2"} <= imports(packed) & imports(old)


TORCH_UNSAFE = {
    "call": archive(state_dict(TENSOR, CALL)),
    "call_of_the_file_before_zip": legacy(state_dict(VIEW, CALL)),
    "call_in_the_list_of_keys": legacy(state_dict(VIEW), keys=proto(CALL)),
    "call_in_the_first_pickle": b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x190" + CALL + b"." + legacy(state_dict(VIEW)),
    "memo_between_pickles": legacy(state_dict(VIEW), keys=proto(b"h\x01h\x02\x93)R", version=2)),
    "another_id": archive(state_dict(b"K\x01Q")),
    "id_of_another_form": archive(state_dict(b"(" + text("module") + text("x") + b"tQ")),
    "storage_of_another_type": archive(state_dict(persistent(kind="_StorageBase"))),
    "storage_with_a_path": archive(state_dict(persistent(key="../0"))),
    "storage_on_a_path": archive(state_dict(persistent(place="/dev/x"))),
    "another_pickle": archive(state_dict(TENSOR), {"extra.pkl": calling(os.getpid)}),
    "a_library_of_the_system": archive(state_dict(TENSOR), {"data/1": proto(CALL)}),
}


@pytest.mark.parametrize("trick", TORCH_UNSAFE)
def test_torch_files_that_import_or_call_more_are_unsafe(trick: str) -> None:
    found = scanned(TORCH_UNSAFE[trick])

    assert found.verdict is Verdict.UNSAFE, found


TORCH_BROKEN = {
    "storage_that_is_missing": archive(state_dict(tensor(persistent(key="7")))),
    "storage_that_is_too_short": archive(state_dict(tensor(persistent(size=9)))),
    "member_of_no_kind": archive(state_dict(TENSOR), {"hidden.bin": b"\x00\x01\x02" * 9}),
    "bytes_behind_the_pickle": archive(state_dict(TENSOR) + b"N."),
    "pickle_cut_short": archive(state_dict(TENSOR)[:-4]),
    "bytes_behind_the_storages": legacy(state_dict(VIEW)) + b"x",
    "storages_cut_short": legacy(state_dict(VIEW))[:-1],
}


@pytest.mark.parametrize("fault", TORCH_BROKEN)
def test_broken_torch_files_are_not_safe(fault: str) -> None:
    assert scanned(TORCH_BROKEN[fault]).verdict is Verdict.UNREADABLE


def test_torchscript_is_unsupported_and_lists_its_code() -> None:
    found = scanned(
        archive(state_dict(TENSOR), {"constants.pkl": b"\x80\x02).", "code/__torch__/net.py": b"def f(): pass"})
    )

    assert found.verdict is Verdict.UNSUPPORTED
    assert codes(found) == {"torchscript_code"}
    assert executed(found) == {"TorchScript code/__torch__/net.py"}


def test_a_reviewer_allows_a_class_in_every_kind_of_file() -> None:
    content = proto(name("acme.models", "Scorecard"), b")\x81}b")
    with warnings.catch_warnings(action="ignore"):
        files = [
            content,
            zlib.compress(content),
            archive(state_dict(TENSOR, content[2:-1])),
            legacy(state_dict(VIEW, content[2:-1])),
        ]

    for file in files:
        assert scanned(file).verdict is Verdict.UNSAFE
        assert scanned(file, extra=["acme.models.Scorecard"]).verdict is Verdict.SAFE


def test_a_dtype_of_times_needs_its_unit() -> None:
    stream = (
        b"\x80\x02cnumpy\ndtype\n(X\x02\0\0\0M8\x89\x88tR(K\x04X\x01\0\0\0<NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb."
    )
    result = scan_stream(io.BytesIO(stream), len(stream), "m.pkl", Options())
    assert (result.verdict, {finding.code for finding in result.findings}) == (Verdict.UNSAFE, {"dtype_forged"})
    whole = np.zeros(3, "M8[ns]").dumps()
    assert scan_stream(io.BytesIO(whole), len(whole), "m.pkl", Options()).verdict is Verdict.SAFE
