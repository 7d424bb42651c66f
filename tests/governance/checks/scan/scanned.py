"""Scan bytes in tests, and write the parts of binary formats."""

from __future__ import annotations

import io
import json
from typing import Any

from governance.checks.scan.dispatch import scan_stream
from governance.checks.scan.report import FileScan, Options
from tests.governance.checks.formats_made import onnx_model, zipped


def scanned(content: bytes, name: str = "file", **options: Any) -> FileScan:
    return scan_stream(io.BytesIO(content), len(content), name, Options(**options))


def codes(result: FileScan) -> set[str]:
    return {finding.code for finding in result.findings}


def summary(result: FileScan) -> tuple[str, set[str]]:
    return str(result.verdict), codes(result)


def varint(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([number & 0x7F | 0x80])
        number >>= 7
    return found + bytes([number])


def field(number: int, value: int | str | bytes) -> bytes:
    """A protobuf field: a number as VARINT, text and bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def onnx_with_data(location: str) -> bytes:
    """An ONNX model whose weights are in another file."""
    tensor = field(8, "w") + field(13, field(1, "location") + field(2, location)) + field(14, 1)
    return onnx_model(field(1, field(4, "Relu")) + field(5, tensor) + field(10, "x" * 200))


def keras_archive(config: Any, **members: bytes) -> bytes:
    raw = config if isinstance(config, bytes) else json.dumps(config).encode()
    return zipped({"metadata.json": b'{"keras_version": "3.15.1"}', "config.json": raw, **members})


def keras_layer(name: str, module: str | None = "keras.layers", /, **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": name, "config": config, "registered_name": None}


def keras_model(*layers: Any) -> dict[str, Any]:
    return keras_layer("Sequential", "keras", name="m", layers=list(layers))
