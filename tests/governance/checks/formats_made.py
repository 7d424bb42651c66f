"""Files of each format, as honest libraries write them and as somebody else might."""

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from governance.checks.formats import sniff
from governance.checks.formats.sniff import Format

SAMPLES = np.arange(40.0).reshape(20, 2)
LABELS = np.array([0, 1] * 10)


class Payload:
    """What a pickle can do: call anything. Never loaded here."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.getpid, ()


def recognised(content: bytes) -> Format:
    return sniff.sniff_stream(io.BytesIO(content), len(content)).format


def reason(content: bytes) -> str:
    return sniff.sniff_stream(io.BytesIO(content), len(content)).reason


def written(write: Callable[[Path], object], tmp_path: Path) -> bytes:
    path = tmp_path / "written"
    write(path)
    (found,) = tmp_path.glob("written*")
    return found.read_bytes()


def saved(save: Callable[..., object], *arguments: Any, **named: Any) -> bytes:
    file = io.BytesIO()
    save(file, *arguments, **named)
    return file.getvalue()


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


ONE_TENSOR = {"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}


def zipped(members: dict[str, bytes], **named: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **named) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


SCHEMA = json.dumps({"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "protocol": 0}).encode()


def onnx_model(graph: bytes = bytes(300)) -> bytes:
    """ModelProto with ir_version, producer_name, graph, opset_import."""
    length = bytes([len(graph) & 0x7F | 0x80, len(graph) >> 7])
    return b"\x08\x09" + b"\x12\x07skl2onn" + b"\x3a" + length + graph + b"\x42\x04\x0a\x00\x10\x0f"
