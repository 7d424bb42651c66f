"""Model files of the demonstration: small, and valid in their formats. Uses the standard library and NumPy only.

Weights are drawn from a seed, so two installations of the demonstration have the same bytes and the same digests.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_VARINT, _BYTES = 0, 2
_FLOAT = 1
"""onnx.proto3: TensorProto.DataType.FLOAT."""


def files(form: str, features: Sequence[str], seed: int, *, alone: bool = False) -> dict[str, bytes]:
    """Return the files of a version by path: the model in `form` (onnx, safetensors, skops, npy or pickle) and, unless
    `alone`, the file that prepares its input."""
    random = np.random.default_rng(seed)
    weights = random.normal(0, 0.6, len(features)).astype(np.float32)
    intercept = random.normal(-2, 0.3, 1).astype(np.float32)
    match form:
        case "onnx":
            model = {"model.onnx": onnx(weights, intercept)}
        case "safetensors":
            hidden = random.normal(0, 0.2, (len(features), 16)).astype(np.float32)
            model = {"model.safetensors": safetensors({"encoder.weight": hidden, "head.weight": weights[:16]})}
        case "skops":
            model = {"model.skops": skops(weights, intercept)}
        case "npy":
            model = {"coefficients.npy": npy(weights)}
        case "pickle":
            model = {"model.pkl": pickled(weights, intercept)}
        case _:
            raise ValueError(f"no such form of file: {form}")
    return model if alone else {**model, "preprocess.json": preprocess(features, random)}


def preprocess(features: Sequence[str], random: np.random.Generator) -> bytes:
    """Return the preparation of the input as JSON: mean and scale of each feature."""
    steps = [
        {"feature": name, "impute": "median", "mean": round(float(mean), 4), "scale": round(float(scale), 4)}
        for name, mean, scale in zip(
            features, random.normal(0, 1, len(features)), random.uniform(0.5, 2, len(features)), strict=True
        )
    ]
    return (json.dumps({"version": 1, "steps": steps}, indent=1) + "\n").encode()


def safetensors(tensors: Mapping[str, Floats]) -> bytes:
    """Return tensors in the safetensors format (https://github.com/huggingface/safetensors#format)."""
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = np.ascontiguousarray(tensor, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def npy(array: NDArray[np.generic]) -> bytes:
    """Return an array in the npy format, without objects."""
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def skops(weights: Floats, intercept: Floats) -> bytes:
    """Return a logistic regression in the format of skops.io: a schema that names classes, and arrays."""
    arrays = {"coef_": np.atleast_2d(weights), "intercept_": intercept}
    attributes = {
        name: {
            "__class__": "ndarray", "__module__": "numpy", "__loader__": "NdArrayNode", "__id__": number,
            "type": "numpy", "file": f"{number}.npy",
        }
        for number, name in enumerate(arrays, 1)
    }  # fmt: skip
    schema = {
        "__class__": "LogisticRegression",
        "__module__": "sklearn.linear_model._logistic",
        "__loader__": "ObjectNode",
        "__id__": 0,
        "content": {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": attributes},
        "protocol": 2,
        "_skops_version": "0.13.0",
    }
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, array in enumerate(arrays.values(), 1):
            _add(archive, f"{number}.npy", npy(array))
        _add(archive, "schema.json", json.dumps(schema, indent=1).encode())
    return stream.getvalue()


def onnx(weights: Floats, intercept: Floats) -> bytes:
    """Return a logistic regression as an ONNX model: Gemm, then Sigmoid (onnx.proto3, IR version 10, opset 21)."""
    rows = len(weights)
    gemm = _text(1, "features") + _text(1, "weight") + _text(1, "bias") + _text(2, "logit") + _text(3, "linear")
    sigmoid = _text(1, "logit") + _text(2, "probability") + _text(3, "link") + _text(4, "Sigmoid")
    graph = (
        _message(1, gemm + _text(4, "Gemm"))
        + _message(1, sigmoid)
        + _text(2, "scorer")
        + _message(5, _tensor("weight", (rows, 1), weights))
        + _message(5, _tensor("bias", (1,), intercept))
        + _message(11, _value("features", rows))
        + _message(12, _value("probability", 1))
    )
    return (
        _number(1, 10)
        + _text(2, "bank.training")
        + _text(3, "3.2")
        + _message(7, graph)
        + _message(8, _text(1, "") + _number(2, 21))
    )


def pickled(weights: Floats, intercept: Floats) -> bytes:
    """Return the same numbers as a pickle (protocol 4) of a list, which imports nothing; no policy permits a pickle in
    Production.
    """
    # EMPTY_LIST, MARK; BINFLOAT for each number; APPENDS, STOP.
    numbers = b"".join(b"G" + struct.pack(">d", float(value)) for value in (*weights, *intercept))
    return b"\x80\x04](" + numbers + b"e."


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a member with a fixed date: the same content gives the same archive."""
    member = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    member.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(member, content)


def _tensor(name: str, shape: tuple[int, ...], values: Floats) -> bytes:
    dims = b"".join(_number(1, size) for size in shape)
    return dims + _number(2, _FLOAT) + _text(8, name) + _message(9, values.astype("<f4").tobytes())


def _value(name: str, width: int) -> bytes:
    shape = _message(1, _text(2, "rows")) + _message(1, _number(1, width))
    return _text(1, name) + _message(2, _message(1, _number(1, _FLOAT) + _message(2, shape)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3 | _VARINT) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _message(field, value.encode())


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])
