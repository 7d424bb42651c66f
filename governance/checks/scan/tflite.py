"""Scan TensorFlow Lite models: the bounds of the FlatBuffer, and operators that are not part of TensorFlow Lite.

Source: tensorflow/lite/schema/schema.fbs (version 3); https://flatbuffers.dev/internals
"""

from __future__ import annotations

from governance.checks.base import Severity
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan import name_lists
from governance.checks.scan.collecting import Collector, collected, shown
from governance.checks.scan.flatbuffer import Flatbuffer, Table
from governance.checks.scan.report import Scan

_CUSTOM = 32
_OPERATOR_CODES, _SUBGRAPHS, _BUFFERS = 1, 2, 4
_INCLUDED = frozenset({"TFLite_Detection_PostProcess", "Mfcc", "AudioSpectrogram", "NumericVerify"})
"""Custom operators that every TensorFlow Lite runtime registers."""


@collected(Format.TFLITE)
def scan(scan: Scan, found: Collector) -> None:
    """Scan a TensorFlow Lite model."""
    model = Flatbuffer(scan.stream, scan.size).root()
    codes = model.tables(_OPERATOR_CODES)
    for number, code in enumerate(codes):
        _judge_operator(code, f"operator_codes[{number}]", found)
    buffers = model.tables(_BUFFERS)
    for number, buffer in enumerate(buffers):
        buffer.check_bytes(0)
        offset, size = buffer.number(1, 8), buffer.number(2, 8)
        if offset > 1 and offset + size > scan.size:
            raise Malformed(f"is a TensorFlow Lite model whose buffer {number} lies beyond the end")
    for graph in model.tables(_SUBGRAPHS):
        for tensor in graph.tables(0):
            if tensor.number(2, 4) >= max(1, len(buffers)):
                raise Malformed("is a TensorFlow Lite model with a tensor in a buffer that it lacks")
        for operator in graph.tables(3):
            if operator.number(0, 4) >= len(codes):
                raise Malformed("is a TensorFlow Lite model with an operator that it does not list")


def _judge_operator(code: Table, where: str, found: Collector) -> None:
    if max(code.number(0, 1), code.number(3, 4)) != _CUSTOM:
        return
    name = code.text(1)
    if name in _INCLUDED:
        return
    if name.startswith("Flex"):
        allowed = name.removeprefix("Flex") in name_lists.names("tensorflow_operators.txt")
        if allowed:
            found.note("tflite_flex", f"The operator {shown(name)} needs TensorFlow at run time.", where)
            return
    found.executes(name, where)
    found.find(
        "tflite_custom_operator",
        f"The operator {shown(name)} is not part of TensorFlow Lite: a native library that this version does not "
        "contain provides it. Convert the model with built-in operators.",
        where,
        severity=Severity.HIGH,
    )
