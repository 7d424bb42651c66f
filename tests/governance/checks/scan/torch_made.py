"""Files as torch.save writes them, made without torch."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping

from tests.governance.checks.scan.pickle_made import HARMLESS, line, text

MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
PROTOCOL = b"\x80\x02M\xe9\x03."
SYSTEM = b"\x80\x02}q\x00(X\x10\x00\x00\x00protocol_versionq\x01M\xe9\x03X\r\x00\x00\x00little_endianq\x02\x88u."
VALUES = struct.pack("<4f", 1, 2, 3, 4)


def persistent(
    key: str = "0", kind: str = "FloatStorage", size: int = 4, *, view: bytes = b"", place: str = "cpu"
) -> bytes:
    """A persistent id: ("storage", type, key, location, number of elements)."""
    return b"(" + text("storage") + line("torch", kind) + text(key) + text(place) + bytes([0x4B, size]) + view + b"tQ"


def tensor(storage: bytes) -> bytes:
    """torch._utils._rebuild_tensor_v2(storage, 0, (4,), (1,), False, OrderedDict())."""
    return (
        line("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + b"K\x00K\x04\x85K\x01\x85\x89" + HARMLESS + b"tR"
    )


def state_dict(*values: bytes) -> bytes:
    items = b"".join(text(f"w{number}") + value for number, value in enumerate(values))
    return b"\x80\x02}(" + items + b"u."


def archive(content: bytes, others: Mapping[str, bytes] | None = None, *, folder: str = "model/") -> bytes:
    members = {"data.pkl": content, "byteorder": b"little", "data/0": VALUES, "version": b"3\n"}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name, data in {**members, **(others or {})}.items():
            packed.writestr(name if name.startswith("/") else folder + name, data)
    return file.getvalue()


def legacy(
    content: bytes, keys: bytes = b"\x80\x02]q\x00X\x01\x00\x00\x000q\x01a.", storages: bytes | None = None
) -> bytes:
    raw = struct.pack("<q", 4) + VALUES if storages is None else storages
    return MAGIC + PROTOCOL + SYSTEM + content + keys + raw
