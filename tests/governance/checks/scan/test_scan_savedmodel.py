"""Scans of TensorFlow SavedModels and TensorFlow Lite models, built field by field."""

from __future__ import annotations

import json
import struct

import pytest

from governance.checks.scan.report import Reference
from tests.governance.checks.scan.scanned import codes, field, scanned, summary


def node(operator: str, *inputs: str, name: str = "n", **attributes: bytes) -> bytes:
    attrs = b"".join(field(5, field(1, key) + field(2, field(2, value))) for key, value in attributes.items())
    return field(1, name) + field(2, operator) + b"".join(field(3, each) for each in inputs) + attrs


def function(*nodes: bytes, argument: str = "x") -> bytes:
    return field(1, field(1, "f") + field(2, field(1, argument))) + b"".join(field(3, each) for each in nodes)


def saved_model(*nodes: bytes, functions: tuple[bytes, ...] = (), more: bytes = b"") -> bytes:
    library = field(2, b"".join(field(1, each) for each in functions)) if functions else b""
    graph = b"".join(field(1, each) for each in nodes) + library
    return field(1, 1) + field(2, field(1, b"") + field(2, graph) + more)


ASSET = field(6, field(1, field(1, "vocab:0")) + field(2, "vocab.txt"))
TABLE = node("InitializeTableFromTextFileV2", "table", "vocab")


@pytest.mark.parametrize(
    "content",
    [
        saved_model(node("MatMul"), node("StatefulPartitionedCall"), functions=(function(node("Relu")),)),
        saved_model(functions=(function(node("SaveV2", "path"), argument="path"),)),
        saved_model(
            functions=(function(node("StringJoin", "path", name="j"), node("RestoreV2", "j:0"), argument="path"),)
        ),
        saved_model(node("Const", name="vocab"), TABLE, more=ASSET),
        saved_model(node("PrintV2", output_stream=b"stderr")),
        field(1, 77) + field(2, 1) + field(3, 2) + field(4, 3) + field(6, field(1, 1)),
        field(1, field(2, 1) + field(4, "_tf_keras_layer") + field(5, '{"class_name": "Mine>Layer", "config": {}}')),
    ],
)
def test_operators_on_the_list_are_safe(content: bytes) -> None:
    assert summary(scanned(content)) == ("safe", set())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        *((saved_model(node(name)), "tensorflow_operator") for name in (
            "PyFunc", "EagerPyFunc", "ReadFile", "WriteFile", "MatchingFiles", "DebugIdentityV2", "RpcCall")),
        (saved_model(node("MatMul"), functions=(function(node("EagerPyFunc")),)), "tensorflow_operator"),
        (saved_model(node("PrintV2", output_stream=b"file:///tmp/x")), "tensorflow_operator"),
        (saved_model(node("Const", name="c"), node("SaveV2", "c")), "tensorflow_operator"),
        (saved_model(node("Const", name="vocab"), TABLE), "tensorflow_operator"),
        (saved_model(node("AcmeOp")), "tensorflow_operator_unknown"),
        (saved_model(node("NoOp"), more=field(6, field(2, "../../etc/passwd"))), "path_leads_out"),
        (saved_model(node("NoOp"), more=field(7, field(1, field(4, field(3, '{"class_name": "Lambda"}'))))),
         "keras_code"),
        (field(1, field(2, 1) + field(4, "_tf_keras_layer") + field(5, json.dumps({"a": {"class_name": "Lambda"}}))),
         "keras_code"),
    ],
)  # fmt: skip
def test_operators_that_leave_the_graph_are_unsafe(content: bytes, code: str) -> None:
    result = scanned(content)
    assert summary(result) == ("unsafe", {code})
    assert result.findings[0].where
    assert not all(effect.allowed for effect in result.effects)


def test_assets_are_references() -> None:
    assert scanned(saved_model(node("NoOp"), more=ASSET)).references == (
        Reference("assets/vocab.txt", "asset 'vocab.txt'"),
    )


def test_a_node_with_two_operators_is_unreadable() -> None:
    assert str(scanned(saved_model(node("NoOp") + field(2, "PyFunc"))).verdict) == "unreadable"


def tflite(custom: str, *, codes: int = 1) -> bytes:
    """A model with one operator code, laid out by hand: root, list of codes, code, name."""
    root = struct.pack("<HHHH", 8, 12, 4, 8) + struct.pack("<iII", 8, 3, 4)
    listed = struct.pack("<II", codes, 16)
    code = struct.pack("<HHHHHH", 12, 16, 4, 8, 0, 12) + struct.pack("<ibxxxII", 12, 32, 8, 32)
    return b"\x10\0\0\0TFL3" + root + listed + code + struct.pack("<I", len(custom)) + custom.encode() + bytes(4)


@pytest.mark.parametrize(
    ("custom", "expected"),
    [
        ("AcmeOp", ("unsafe", {"tflite_custom_operator"})),
        ("FlexReadFile", ("unsafe", {"tflite_custom_operator"})),
        ("FlexBetainc", ("safe", {"tflite_flex"})),
        ("TFLite_Detection_PostProcess", ("safe", set())),
    ],
)
def test_operators_of_tensorflow_lite(custom: str, expected: tuple[str, set[str]]) -> None:
    assert summary(scanned(tflite(custom))) == expected


def test_offsets_beyond_the_end_are_unreadable() -> None:
    assert codes(scanned(tflite("AcmeOp", codes=900))) == {"unreadable_file"}
    assert codes(scanned(tflite("AcmeOp")[:-12])) == {"unreadable_file"}
