"""Formats are told by content: real files of real libraries."""

import bz2
import gzip
import io
import json
import lzma
import pickle
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
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from governance.checks.formats.names import Format
from tests.governance.checks import formats_made
from tests.governance.checks.formats_made import (
    LABELS,
    ONE_TENSOR,
    SAMPLES,
    Payload,
    onnx_model,
    recognised,
    safetensors,
    saved,
    written,
    zipped,
)


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


def test_the_formats_of_other_libraries() -> None:
    assert recognised(formats_made.ubj_model()) is Format.UBJ
    assert recognised(formats_made.gguf()) is Format.GGUF
    of_texts = b"\x09\0\0\0\x08\0\0\0" + struct.pack("<Q", 2) + (struct.pack("<Q", 1) + b"a") * 2
    assert recognised(formats_made.gguf(of_texts)) is Format.GGUF
    assert recognised(formats_made.sentencepiece()) is Format.SENTENCEPIECE
    assert recognised(formats_made.saved_model()) is Format.SAVEDMODEL
    assert recognised(struct.pack("<I", 28) + b"TFL3" + bytes(60)) is Format.TFLITE
    assert recognised(b"CBM1" + struct.pack("<I", 40) + bytes(50)) is Format.CATBOOST
    assert recognised(b"tree\nversion=v4\nnum_class=1\n") is Format.LIGHTGBM
    assert recognised(b"") is Format.EMPTY


def test_the_formats_beside_models() -> None:
    assert recognised(formats_made.png()) is Format.IMAGE
    assert recognised(b"\xff\xd8\xff\xe0" + bytes(20) + b"\xff\xd9") is Format.IMAGE
    assert recognised(b"GIF89a" + bytes(20) + b";") is Format.IMAGE
    assert recognised(b"RIFF" + struct.pack("<I", 14) + b"WEBP" + bytes(10)) is Format.IMAGE
    assert recognised(formats_made.parquet()) is Format.PARQUET
    assert recognised(b"ARROW1\0\0" + bytes(20) + b"ARROW1") is Format.FEATHER
    assert recognised(b"FEA1" + bytes(20) + b"FEA1") is Format.FEATHER
    assert recognised(b"%PDF-1.7\n\xe2\xe3\n%%EOF\n") is Format.PDF


def test_r_objects_and_programs() -> None:
    rds = b"X\n\0\0\0\x03\0\x04\x03\x01" + bytes(30)
    for content in (rds, b"RDX3\n" + rds, gzip.compress(rds), bz2.compress(rds), lzma.compress(rds)):
        assert recognised(content) is Format.R_DATA
    assert recognised(b"A\n3\n262912\n197888\n5\n") is Format.R_DATA
    assert recognised(b"A\n3\n26\n19\n") is Format.TEXT
    assert recognised(b"\x7fELF\x02\x01\x01" + bytes(60)) is Format.EXECUTABLE
    assert recognised(b"MZ\x90\0" + bytes(60)) is Format.EXECUTABLE
    assert recognised(b"MZ is a postal code.\n") is Format.TEXT


@pytest.mark.parametrize("make", [formats_made.ubj_model, formats_made.gguf, formats_made.saved_model,
                                  formats_made.png, formats_made.parquet, formats_made.sentencepiece])  # fmt: skip
def test_a_cut_file_is_of_no_format(make: Callable[[], bytes]) -> None:
    content = make()
    for length in range(1, len(content) - (64 if content.startswith(b"GGUF") else 0)):
        found = recognised(content[:length])
        # A vocabulary cut between two pieces is a shorter vocabulary.
        assert found in (Format.UNKNOWN, Format.TEXT, Format.SENTENCEPIECE), length


def test_nothing_follows_a_picture() -> None:
    assert recognised(formats_made.png() + b"#!/bin/sh\n") is Format.UNKNOWN
    assert recognised(formats_made.ubj_model() + b"x") is Format.UNKNOWN


def test_what_is_deep_or_long_is_not_walked() -> None:
    assert recognised(b"{L" + bytes(7) + b"\x01a" + b"[" * 5_000) is Format.UNKNOWN
    endless = b"\x09\0\0\0\x08\0\0\0" + struct.pack("<Q", 2**60)
    assert recognised(formats_made.gguf(endless)) is Format.UNKNOWN
    assert recognised(b"{L" + bytes(7) + b"\x01a[$T#L" + struct.pack(">q", 2**40)) is Format.UNKNOWN


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
    ("content", "expected"),
    [
        ("Modèle d’octroi, seuil 20 €\n".encode("windows-1252"), Format.TEXT),
        ("Kreditmodell für Händler\n".encode("utf-16"), Format.TEXT),
        (("-----BEGIN PRIVATE KEY-----\n" + "A" * 64).encode("utf-16"), Format.SECRETS),
        (b"7z\xbc\xaf\x27\x1c\0\4", Format.SEVEN_ZIP),
        (b"Rar!\x1a\x07\x01\0", Format.RAR),
        (b"\x28\xb5\x2f\xfd\0", Format.ZSTD),
        (b"\x04\x22\x4d\x18\0", Format.LZ4),
    ],
)
def test_other_encodings_and_unread_archives_have_names(content: bytes, expected: Format) -> None:
    assert recognised(content) is expected


@pytest.mark.parametrize("content", [b"\x00", b"text\x00", b"\xe9\xe8\xe7", b"\xff\xfet", b"\x1b[2J", b"\xed\xa0\x80"])
def test_what_is_not_clean_text_is_not_text(content: bytes) -> None:
    assert recognised(content) is Format.UNKNOWN
