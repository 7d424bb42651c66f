"""Recognise formats of only numbers and structure: safetensors, ONNX, NumPy's npy. Only headers are read.

Each function returns None if the file is something else, and raises Malformed if it claims the format and violates its
rules. A file that follows its format to the last byte cannot hide another one behind it.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Iterator
from typing import IO, Any

from governance.checks.formats.effort import Malformed
from governance.checks.formats.protobuf import LENGTH, NotProtobufError, fields

MAX_HEADER = 32 << 20
"""Largest accepted safetensors header; the format allows 100 MB, known models are far smaller."""
MAX_NPY_HEADER = 10_000
"""NumPy's own limit for untrusted headers (numpy.lib.format)."""

MAX_DIMENSIONS = 64
"""Maximum dimensions of a tensor, as in NumPy. The product of more takes quadratic time."""

_SAFETENSORS_BITS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
# onnx.proto3, message ModelProto: field number to wire type.
_ONNX_FIELDS = {1: 0, 2: 2, 3: 2, 4: 2, 5: 0, 6: 2, 7: 2, 8: 2, 14: 2, 20: 2, 25: 2, 26: 2}
_ONNX_GRAPH = 7
_MAX_PATH = 4_096
_DTYPE = re.compile(r"[<>|=]?([?a-zA-Z])(\d{0,9})(\[[^\]]*\])?")


def safetensors(file: IO[bytes], size: int) -> str | None:
    """Recognise safetensors: 8 bytes of length, a JSON header, then data of which every byte belongs to a tensor.

    Source: https://github.com/huggingface/safetensors#format
    """
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if size < 10 or not 2 <= length <= size - 8:
        return None
    if file.read(1) != b"{":
        return None
    if length > MAX_HEADER:
        raise Malformed(f"has a safetensors header of {length:,} bytes; more than {MAX_HEADER:,} are not judged")
    try:
        header = json.loads((b"{" + file.read(length - 1)).decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict):
        return None
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise Malformed("has safetensors metadata that are not a mapping of text to text")
    spans = sorted(_tensor_span(name, tensor) for name, tensor in header.items())
    position = 0
    for begin, end in spans:
        if begin != position:
            raise Malformed("has holes or overlaps between its safetensors tensors, where other content could hide")
        position = end
    if 8 + length + position != size:
        raise Malformed("has bytes behind its last safetensors tensor, or is cut short")
    return f"{len(spans)} tensors"


def _tensor_span(name: str, tensor: Any) -> tuple[int, int]:
    if not isinstance(tensor, dict) or set(tensor) != {"dtype", "shape", "data_offsets"}:
        raise Malformed(
            f"describes the safetensors tensor {name[:80]!r} otherwise than by dtype, shape and data_offsets"
        )
    bits, shape, offsets = _SAFETENSORS_BITS.get(str(tensor["dtype"]), 0), tensor["shape"], tensor["data_offsets"]
    whole = all(isinstance(v, list) and all(type(n) is int and 0 <= n < 1 << 63 for n in v) for v in (shape, offsets))
    fits = bits > 0 and whole and len(offsets) == 2 and len(shape) <= MAX_DIMENSIONS
    if not fits or (offsets[1] - offsets[0]) * 8 != math.prod(shape) * bits:
        raise Malformed(f"gives the safetensors tensor {name[:80]!r} a size its dtype and shape do not have")
    return offsets[0], offsets[1]


def onnx(file: IO[bytes], size: int) -> str | None:
    """Recognise an ONNX model: a protobuf message with only ModelProto fields, starting with ir_version, with one
    graph.

    Fields are skipped, not read.
    """
    file.seek(0)
    if file.read(1) != b"\x08":
        return None
    graphs = 0
    version = 0
    try:
        for field in fields(file, 0, size):
            if _ONNX_FIELDS.get(field.number) != field.wire:
                return None
            version = field.value if field.number == 1 else version
            graphs += field.number == _ONNX_GRAPH
    except NotProtobufError:
        return None
    return f"IR version {version}" if graphs == 1 and 1 <= version <= 1_000 else None


def onnx_external_data(file: IO[bytes], size: int) -> set[str]:
    """Return the paths that the initializers of an ONNX model's graph name as external data, as written.

    Source: onnx/onnx.proto3: ModelProto.graph (7), GraphProto.initializer (5), TensorProto.external_data (13).
    """
    paths = set()
    for start, end in _within(file, _within(file, _within(file, [(0, size)], 7), 5), 13):
        texts = {}
        for each in fields(file, start, end):
            if each.wire == LENGTH and each.value <= _MAX_PATH:
                file.seek(each.start)
                texts[each.number] = file.read(each.value).decode(errors="replace")
        if texts.get(1) == "location":
            paths.add(texts.get(2, ""))
    return paths


def _within(file: IO[bytes], messages: Iterable[tuple[int, int]], number: int) -> Iterator[tuple[int, int]]:
    """Yield where the parts of a number begin and end, in messages given likewise."""
    for start, end in messages:
        for each in fields(file, start, end):
            if each.number == number and each.wire == LENGTH:
                yield each.start, each.start + each.value


def npy(file: IO[bytes], size: int | None) -> tuple[str, bool] | None:
    """Recognise NumPy's npy format, described in numpy.lib.format.

    Args:
        file: seekable, binary.
        size: size of the file in bytes; None if only its beginning is available.

    Returns:
        Description, and whether it contains Python objects (a pickle).
    """
    file.seek(0)
    if file.read(6) != b"\x93NUMPY":
        return None
    version = file.read(2)
    if version not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        raise Malformed("is an npy file of an unknown version")
    width = 2 if version == b"\x01\x00" else 4
    length = int.from_bytes(file.read(width), "little")
    if length > MAX_NPY_HEADER:
        raise Malformed(f"has an npy header of {length:,} bytes; more than {MAX_NPY_HEADER:,} are not judged")
    raw = file.read(length)
    try:
        header = ast.literal_eval(raw.decode("utf-8" if version[0] == 3 else "latin-1").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise Malformed("has an npy header that is not a Python literal") from None
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"} or len(raw) != length:
        raise Malformed("has an npy header without the three entries the format asks for")
    shape = header["shape"]
    if (
        not isinstance(shape, tuple)
        or len(shape) > MAX_DIMENSIONS
        or not all(type(n) is int and 0 <= n < 1 << 63 for n in shape)
    ):
        raise Malformed("has an npy header with an impossible shape")
    if holds_objects(header["descr"]):
        return "an array of Python objects", True
    item = _item_size(header["descr"])
    if size is not None and item is not None and 8 + width + length + item * math.prod(shape) != size:
        raise Malformed("has more or fewer bytes than its npy header says")
    return f"array of shape {shape}", False


def holds_objects(descr: Any) -> bool:
    """Return whether a dtype description contains Python objects. Unknown descriptions count as objects."""
    if isinstance(descr, str):
        known = _DTYPE.fullmatch(descr)
        return known is None or known[1] == "O"
    if isinstance(descr, list):
        return any(not isinstance(f, tuple) or len(f) < 2 or holds_objects(f[1]) for f in descr)
    if isinstance(descr, tuple):
        return len(descr) != 2 or holds_objects(descr[0])
    return True


def _item_size(descr: Any) -> int | None:
    known = _DTYPE.fullmatch(descr) if isinstance(descr, str) else None
    if known is None or not known[2]:
        return None
    return int(known[2]) * (4 if known[1] == "U" else 1)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key appears twice")
    return found
