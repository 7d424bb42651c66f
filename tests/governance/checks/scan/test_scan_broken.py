"""Scans of spoilt files: every input ends in a verdict, and what was unsafe is found wherever it is written."""

from __future__ import annotations

import json
import random
import struct

import pytest

from governance.checks.scan.report import Verdict
from tests.governance.checks import formats_made
from tests.governance.checks.scan import test_scan_data as data
from tests.governance.checks.scan import test_scan_keras as keras
from tests.governance.checks.scan import test_scan_onnx as onnx
from tests.governance.checks.scan import test_scan_savedmodel as tensorflow
from tests.governance.checks.scan import test_scan_skops as skops
from tests.governance.checks.scan import test_scan_templates as templates
from tests.governance.checks.scan.scanned import keras_archive, scanned

SEEDS = [
    skops.skops_file(skops.LIST),
    keras_archive(keras.SAFE[0]),
    keras.h5(model_config=json.dumps(keras.SAFE[0])),
    onnx.model(onnx.graph(onnx.inside(onnx.RELU), tensors=(onnx.tensor(location="w.bin", offset="0"),))),
    tensorflow.saved_model(tensorflow.node("NoOp"), functions=(tensorflow.function(tensorflow.node("Relu")),)),
    tensorflow.tflite("FlexBetainc"),
    data.gguf(),
    data.rds(data.FRAME),
    data.pdf(b"/OpenAction [3 0 R /Fit]"),
    data.metadata_of("part.parquet"),
    formats_made.safetensors(formats_made.ONE_TENSOR, bytes(16)),
    formats_made.ubj_model(),
    formats_made.sentencepiece(),
    data.JPEG,
    data.GIF,
    data.WEBP,
    data.TIFF,
    formats_made.png(),
    templates.config(templates.MACROS),
    b'<svg xmlns="http://www.w3.org/2000/svg"><g style="fill: url(#a)"/></svg>',
]
PIECES = [b"", b"\0", b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x80" * 9 + b"\x01", b"{", b'"', b"[", b"../", b"__class__"]


def spoilt(raw: bytes, chance: random.Random) -> bytes:
    """The file, changed, cut or extended in a few places."""
    found = bytearray(raw)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(found) + 1)
        found[at : at + chance.choice((0, 1, 4, 16))] = chance.choice(
            [*PIECES, chance.randbytes(1), chance.randbytes(4)]
        )
        if chance.random() < 0.1:
            del found[at:]
    return bytes(found)


def spoil(rounds: int) -> None:
    chance = random.Random(1)
    verdicts = {str(scanned(spoilt(chance.choice(SEEDS), chance)).verdict) for _ in range(rounds)}
    assert verdicts - {str(Verdict.UNSUPPORTED)} == {"safe", "unreadable", "unsafe"}


def test_every_seed_is_safe_before_it_is_spoilt() -> None:
    assert [str(scanned(seed).verdict) for seed in SEEDS] == ["safe"] * len(SEEDS)


def test_a_spoilt_file_ends_in_a_verdict() -> None:
    spoil(1_500)


@pytest.mark.long
def test_very_many_spoilt_files_end_in_a_verdict() -> None:
    spoil(60_000)


def test_an_unsafe_part_is_found_before_a_broken_one() -> None:
    code = data.item(19, struct.pack(">i", 2) + data.item(6, data.symbol("system") + data.NIL) + data.item(99))
    result = scanned(data.rds(code))
    assert (str(result.format), str(result.verdict)) == ("r-data", "unsafe")
    assert {finding.code for finding in result.findings} == {"r_code", "unreadable_file"}
