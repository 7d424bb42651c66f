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


def constant(text: str, name: str = "c") -> bytes:
    """A constant whose value is a text: attribute `value`, a tensor with one string."""
    return node("Const", name=name) + field(5, field(1, "value") + field(2, field(8, field(8, text))))


def call(*inputs: str, operator: str = "PartitionedCall", name: str = "call") -> bytes:
    """A node that calls the function f."""
    return node(operator, *inputs, name=name) + field(5, field(1, "f") + field(2, field(10, field(1, "f"))))


def function(*nodes: bytes, argument: str = "x") -> bytes:
    return field(1, field(1, "f") + field(2, field(1, argument))) + b"".join(field(3, each) for each in nodes)


def bound(*objects: bytes) -> bytes:
    """An object graph whose first object is bound to the argument of f."""
    return field(7, b"".join(field(1, each) for each in objects) + field(2, field(1, "f") + field(2, field(2, b"\0"))))


def saved_model(*nodes: bytes, functions: tuple[bytes, ...] = (), more: bytes = b"") -> bytes:
    library = field(2, b"".join(field(1, each) for each in functions)) if functions else b""
    graph = b"".join(field(1, each) for each in nodes) + library
    return field(1, 1) + field(2, field(1, b"") + field(2, graph) + more)


ASSET = field(6, field(1, field(1, "vocab:0")) + field(2, "vocab.txt"))
TABLE = node("InitializeTableFromTextFileV2", "table", "vocab")
TABLE_IN_FUNCTION = function(node("InitializeTableFromTextFileV2", "table", "path"), argument="path")
SAVE = node("SaveV2", "path")
VARIABLE = (
    node("VarHandleOp", name="h", shared_name=b"v"), node("AssignVariableOp", "h", "vocab", name="assign"),
    node("ReadVariableOp", "h", name="read"), call("read"),
)  # fmt: skip
"""A variable of the main graph that holds the path of an asset, as TensorFlow 2 exports it."""
SHARD = (
    node("StaticRegexFullMatch", "path", name="is_bucket"), constant(".part", "c1"), constant("_temp/part", "c2"),
    node("Select", "is_bucket:0", "c1", "c2", name="suffix"), node("StringJoin", "path", "suffix", name="prefix"),
    node("ShardedFilename", "prefix", "shard", "shards", name="file"), node("SaveV2", "file"),
    node("Pack", "file", name="files"), node("MergeV2Checkpoints", "files", "path", name="merge"),
)  # fmt: skip
"""The operators of the function that writes checkpoints, as Keras exports it."""
SHARDED = function(*SHARD, argument="path")


@pytest.mark.parametrize(
    "content",
    [
        saved_model(node("MatMul"), node("StatefulPartitionedCall"), functions=(function(node("Relu")),)),
        saved_model(functions=(function(node("SaveV2", "path"), argument="path"),)),
        saved_model(
            functions=(function(node("StringJoin", "path", name="j"), node("RestoreV2", "j:0"), argument="path"),)
        ),
        saved_model(node("Const", name="vocab"), TABLE, more=ASSET),
        saved_model(node("Placeholder", name="where"), call("where"), functions=(SHARDED,)),
        saved_model(constant("model", "d"), node("PlaceholderWithDefault", "d", name="path"), SAVE),
        saved_model(constant("", "vocab"), call("vocab"), functions=(TABLE_IN_FUNCTION,), more=ASSET),
        saved_model(functions=(TABLE_IN_FUNCTION,), more=bound(field(5, b""))),
        saved_model(node("Placeholder", name="vocab"), *VARIABLE, functions=(TABLE_IN_FUNCTION,), more=ASSET),
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
        *((saved_model(constant("/etc/passwd"), *nodes, functions=functions, more=more), "tensorflow_operator")
          for nodes, functions, more in (
            ((node("PlaceholderWithDefault", "c", name="path"), SAVE), (), b""),
            ((node("Placeholder", name="p"), node("StringJoin", "c", "p", name="path"), SAVE), (), b""),
            ((node("Placeholder", name="p"), node("Select", "b", "p", "c", name="path"), SAVE), (), b""),
            ((node("Placeholder", name="p"), node("MergeV2Checkpoints", "p", "c")), (), b""),
            ((call("c"),), (TABLE_IN_FUNCTION,), b""),
            ((node("Placeholder", name="p"), call("p"), call("c", name="again")), (TABLE_IN_FUNCTION,), b""),
            ((call("b", "c", operator="If"),), (TABLE_IN_FUNCTION,), b""),
            ((call("c", operator="While"),), (TABLE_IN_FUNCTION,), b""),
            ((), (TABLE_IN_FUNCTION,), bound(field(9, field(1, "c")))),
            ((*VARIABLE, node("AssignVariableOp", "h", "c", name="more")), (TABLE_IN_FUNCTION,), ASSET),
            ((*VARIABLE, node("VarHandleOp", name="other", shared_name=b"v")), (TABLE_IN_FUNCTION,), ASSET),
            ((*VARIABLE, call("h", name="restore")), (TABLE_IN_FUNCTION,), ASSET),
            ((node("VarHandleOp", name="h"), node("ReadVariableOp", "h", name="read"), call("read")),
             (TABLE_IN_FUNCTION,), b""),
          )),
        (saved_model(node("Placeholder", name="p"), constant("/../../etc/x"), node("StringJoin", "p", "c", name="path"),
                     SAVE), "tensorflow_operator"),
        (saved_model(field(5, field(1, "output_stream") + field(2, field(2, "file:///tmp/x"))) + node("PrintV2")),
         "tensorflow_operator"),
        (saved_model(node("AcmeOp")), "tensorflow_operator_unknown"),
        (saved_model(node("NoOp"), more=field(6, field(2, "../../etc/passwd"))), "reference_outside"),
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
