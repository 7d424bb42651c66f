"""Files of each format, as honest libraries write them and as somebody else might."""

import io
import json
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from governance.checks.formats import detect
from governance.checks.formats.names import Format

SAMPLES = np.arange(40.0).reshape(20, 2)
LABELS = np.array([0, 1] * 10)


class Payload:
    """What a pickle can do: call anything. Never loaded here."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.getpid, ()


def recognised(content: bytes) -> Format:
    return detect.sniff_stream(io.BytesIO(content), len(content)).format


def reason(content: bytes) -> str:
    return detect.sniff_stream(io.BytesIO(content), len(content)).reason


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


def tar_gz(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def _key(name: bytes) -> bytes:
    return b"L" + struct.pack(">q", len(name)) + name


def ubj_model() -> bytes:
    """As xgboost.Booster.save_model("m.ubj") writes: int64 lengths, typed arrays, an array of trees."""
    tree = b"{" + _key(b"split_conditions") + b"[$d#" + b"L" + struct.pack(">q", 2) + bytes(8)
    tree += _key(b"id") + b"i\x00" + _key(b"categories") + b"[$l#L" + struct.pack(">q", 0) + b"}"
    learner = b"{" + _key(b"trees") + b"[#L" + struct.pack(">q", 2) + tree * 2 + _key(b"name") + b"S" + _key(b"gbtree")
    return b"{" + _key(b"learner") + learner + b"}" + _key(b"version") + b"[i\x03i\x00T]}"


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def parquet() -> bytes:
    return b"PAR1" + bytes(20) + struct.pack("<I", 20) + b"PAR1"


def sentencepiece() -> bytes:
    piece = b"\x0a\x05<unk>\x15\0\0\0\0\x18\x02"
    return (b"\x0a" + bytes([len(piece)]) + piece) * 3 + b"\x12\x02\x18\x01"


def gguf(value: bytes = b"\x08\0\0\0" + struct.pack("<Q", 5) + b"llama") -> bytes:
    """A header with one entry of metadata, and one tensor."""
    entry = struct.pack("<Q", 4) + b"arch" + value
    tensor = struct.pack("<Q", 1) + b"w" + struct.pack("<IQIQ", 1, 4, 0, 0)
    return b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + entry + tensor + bytes(64)


def saved_model() -> bytes:
    graph = b"\x12\x04\x0a\x02\x0a\x00"
    return b"\x08\x01\x12" + bytes([len(graph)]) + graph
