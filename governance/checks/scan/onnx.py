"""Scan ONNX models: external data, operators that a native library or Python provides, nested graphs and functions.

Only the structure is read; tensor data are skipped. Source: onnx/onnx.proto3 and docs/ExternalData.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO

from governance.checks.base import Severity
from governance.checks.formats import effort, protobuf
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.formats.protobuf import LENGTH, VARINT, Field
from governance.checks.scan.collecting import Collector, collected, shown
from governance.checks.scan.report import Scan

MAX_TEXT = 4_096
MAX_LEVELS = 64
"""Maximum nesting of graphs."""

BUILT_IN_DOMAINS = frozenset(
    {
        "", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "ai.onnx.preview",
        "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc",
    }
)  # fmt: skip
"""Domains whose operators ONNX defines or ONNX Runtime contains."""
PYTHON_OPERATORS = frozenset({"PyOp", "PyCustomOp", "PythonOp", "PythonOpGrad", "TritonOp", "ATen"})
_DATA_KEYS = frozenset({"location", "offset", "length", "checksum"})
_EXTERNAL = 1

# onnx.proto3: field number of each message that contains what is judged, to its kind.
_MODEL = {7: "graph", 20: "training", 25: "function"}
_TRAINING = {1: "graph", 2: "graph"}
_GRAPH = {1: "node", 5: "tensor", 15: "sparse"}
_FUNCTION = {7: "node", 11: "attribute"}
_NODE = {5: "attribute"}
_ATTRIBUTE = {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"}
_SPARSE = {1: "tensor", 2: "tensor"}
_PARTS = {
    "model": _MODEL, "training": _TRAINING, "graph": _GRAPH, "function": _FUNCTION, "node": _NODE,
    "attribute": _ATTRIBUTE, "sparse": _SPARSE, "tensor": {},
}  # fmt: skip


@dataclass
class _Uses:
    """The operators that nodes use, with the first place, and the functions that the model defines."""

    operators: dict[tuple[str, str], str] = field(default_factory=dict)
    functions: set[tuple[str, str]] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)


@collected(Format.ONNX)
def scan(scan: Scan, found: Collector) -> None:
    """Scan an ONNX model."""
    uses = _Uses()
    try:
        for each in protobuf.fields(scan.stream, 0, scan.size):
            if each.number == 8 and each.wire == LENGTH:
                uses.domains.add(_texts(scan.stream, each, {1}).get(1, ""))
        _walk(scan.stream, scan.size, found, uses)
    except protobuf.NotProtobufError:
        raise Malformed("is an ONNX model whose structure is broken, or is cut short") from None
    _judge_operators(uses, found)


def _walk(file: IO[bytes], size: int, found: Collector, uses: _Uses) -> None:
    waiting: list[tuple[str, int, int, str, int]] = [("model", 0, size, "", 0)]
    while waiting:
        kind, start, end, place, level = waiting.pop()
        if level > MAX_LEVELS:
            raise Malformed(f"is an ONNX model with more than {MAX_LEVELS} levels of nested parts")
        parts = _PARTS[kind]
        counts: dict[str, int] = {}
        inner: list[tuple[str, int, int, str, int]] = []
        own: list[Field] = []
        for each in protobuf.fields(file, start, end):
            part = parts.get(each.number) if each.wire == LENGTH else None
            if part is None:
                if kind in ("node", "tensor", "function"):
                    own.append(each) if each.number in _OWN[kind] else None
                continue
            number = counts[part] = counts.get(part, -1) + 1
            name = f"{place}/{part}[{number}]" if place else f"{part}[{number}]"
            inner.append((part, each.start, each.start + each.value, name, level + 1))
        effort.spend(len(inner))
        waiting += reversed(inner)
        if kind == "node":
            _read_node(file, own, place, uses)
        elif kind == "function":
            _read_function(file, own, uses)
        elif kind == "tensor":
            _read_tensor(file, own, place, found)


_OWN = {"node": {3, 4, 7}, "tensor": {8, 13, 14}, "function": {1, 10}}


def _text(file: IO[bytes], each: Field) -> str:
    if each.value > MAX_TEXT:
        raise Malformed(f"is an ONNX model with a name of more than {MAX_TEXT:,} bytes")
    file.seek(each.start)
    try:
        return file.read(each.value).decode()
    except UnicodeDecodeError:
        raise Malformed("is an ONNX model with a name that is not UTF-8") from None


def _once(file: IO[bytes], own: list[Field]) -> dict[int, str]:
    """Return the text fields by number. Readers differ about one that is given twice."""
    texts: dict[int, str] = {}
    for each in own:
        if each.wire != LENGTH:
            continue
        if each.number in texts:
            raise Malformed("is an ONNX model that gives a name twice")
        texts[each.number] = _text(file, each)
    return texts


def _texts(file: IO[bytes], message: Field, numbers: set[int]) -> dict[int, str]:
    inside = protobuf.fields(file, message.start, message.start + message.value)
    return _once(file, [each for each in list(inside) if each.number in numbers])


def _read_node(file: IO[bytes], own: list[Field], place: str, uses: _Uses) -> None:
    texts = _once(file, own)
    where = f"{place} {shown(texts[3])}" if texts.get(3) else place
    uses.operators.setdefault((texts.get(7, ""), texts.get(4, "")), where)


def _read_function(file: IO[bytes], own: list[Field], uses: _Uses) -> None:
    texts = _once(file, own)
    uses.functions.add((texts.get(10, ""), texts.get(1, "")))


def _read_tensor(file: IO[bytes], own: list[Field], place: str, found: Collector) -> None:
    name = next((_text(file, each) for each in own if each.number == 8 and each.wire == LENGTH), "")
    where = f"{place} {shown(name)}" if name else place
    stored_outside = any(each.number == 14 and each.wire == VARINT and each.value == _EXTERNAL for each in own)
    entries = [_texts(file, each, {1, 2}) for each in own if each.number == 13 and each.wire == LENGTH]
    if not stored_outside and not entries:
        return
    keys = [entry.get(1, "") for entry in entries]
    for key in keys:
        if key not in _DATA_KEYS:
            found.find(
                "external_data_key",
                f"The tensor's external data have the key {shown(key)}; location, offset, length and checksum are "
                "defined, and some readers set any other as an attribute of an object.",
                where,
            )
    if len(set(keys)) != len(keys) or "location" not in keys:
        found.unreadable("external_data_broken", "The tensor's external data have no location, or a key twice.", where)
    for entry in entries:
        key, value = entry.get(1, ""), entry.get(2, "")
        if key == "location":
            found.refer(value, where, "the tensor's external data")
        elif key in ("offset", "length") and not (value.isascii() and value.isdigit() and len(value) < 20):
            found.unreadable("external_data_broken", f"The {key} {shown(value)} is not a number.", where)


def _judge_operators(uses: _Uses, found: Collector) -> None:
    for (domain, operator), where in uses.operators.items():
        shown_name = f"{domain or 'ai.onnx'}::{operator}"
        if operator in PYTHON_OPERATORS and (domain, operator) not in uses.functions:
            found.executes(shown_name, where)
            found.find(
                "onnx_python_operator",
                f"The operator {shown(shown_name)} calls Python code, or a function of another framework, that the "
                "model names. Export the model without it.",
                where,
                severity=Severity.CRITICAL,
            )
        elif operator == "EPContext" and domain == "com.microsoft":
            found.executes(shown_name, where)
            found.find(
                "onnx_native_context",
                "The operator EPContext contains or names a compiled program for an accelerator, which cannot be "
                "judged. Register the model from which it was compiled.",
                where,
            )
        elif domain not in BUILT_IN_DOMAINS and (domain, operator) not in uses.functions:
            found.executes(shown_name, where)
            found.find(
                "onnx_custom_operator",
                f"The operator {shown(shown_name)} is not part of ONNX or ONNX Runtime: the model runs only after a "
                "native library with it is loaded, which this version does not contain. Export the model with standard "
                "operators.",
                where,
            )
    for domain in sorted(
        uses.domains - BUILT_IN_DOMAINS - {d for d, _ in uses.operators} - {d for d, _ in uses.functions}
    ):
        found.note("onnx_domain_unused", f"The model declares the operator domain {shown(domain)} and does not use it.")
