"""Recognise binary model formats of numbers and structure: UBJSON, GGUF, TensorFlow, CatBoost, SentencePiece, R.

Each function returns None (or False) if the file is something else, and raises Malformed if it claims the format and
violates its rules.
"""

from __future__ import annotations

import io
import re
import struct
from typing import IO

from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed
from governance.checks.formats.protobuf import LENGTH, VARINT, NotProtobufError, fields, is_message

MAX_VALUES = 5_000_000
"""Maximum number of values parsed in one file."""
MAX_DEPTH = 64
_NUMBER_SIZES = {b"i": 1, b"U": 1, b"I": 2, b"l": 4, b"L": 8, b"d": 4, b"D": 8, b"C": 1}
_INTEGERS = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q"}


class _NotThisFormat(Exception):
    """The bytes are not of this format."""


def ubj(file: IO[bytes], size: int) -> str | None:
    """Recognise UBJSON (https://ubjson.org), in which XGBoost writes models: one object, parsed to the last byte."""
    file.seek(0)
    head = file.read(2)
    if head[:1] != b"{" or head[1:] not in _INTEGERS:
        return None
    file.seek(0)
    walk = _UbjWalk(file, size)
    try:
        walk.value(file.read(1), 0)
    except (_NotThisFormat, struct.error, UnicodeDecodeError):
        return None
    finally:
        effort.spend(walk.values)
    if file.tell() != size:
        return None
    return "of an XGBoost model" if {"learner", "version"} <= walk.keys else f"with the keys {sorted(walk.keys)[:5]}"


class _UbjWalk:
    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.size = file, size
        self.keys: set[str] = set()
        """Keys of the outermost object."""
        self.values = 0

    def value(self, marker: bytes, depth: int) -> None:
        """Skip one value whose marker was read."""
        self.values += 1
        if self.values > MAX_VALUES or depth > MAX_DEPTH:
            raise Malformed(f"is UBJSON of more than {MAX_VALUES:,} values or {MAX_DEPTH} levels, which is not judged")
        if marker in _NUMBER_SIZES:
            self._skip(_NUMBER_SIZES[marker])
        elif marker in (b"S", b"H"):
            self._skip(self._length())
        elif marker == b"[":
            self._container(depth, keyed=False)
        elif marker == b"{":
            self._container(depth, keyed=True)
        elif marker not in (b"Z", b"N", b"T", b"F"):
            raise _NotThisFormat

    def _container(self, depth: int, *, keyed: bool) -> None:
        marker = self.file.read(1)
        kind = b""
        if marker == b"$":
            kind, marker = self.file.read(1), self.file.read(1)
            if marker != b"#":
                raise _NotThisFormat
        if marker == b"#":
            count = self._length()
            if kind in _NUMBER_SIZES and not keyed:
                self._skip(count * _NUMBER_SIZES[kind])
                return
            if count > self.size:
                raise _NotThisFormat
            for _ in range(count):
                if keyed:
                    self._key(self.file.read(1), depth)
                self.value(kind or self.file.read(1), depth + 1)
            return
        ending = b"}" if keyed else b"]"
        while marker != ending:
            if not marker:
                raise _NotThisFormat
            if keyed:
                self._key(marker, depth)
                marker = self.file.read(1)
            self.value(marker, depth + 1)
            marker = self.file.read(1)

    def _key(self, marker: bytes, depth: int) -> None:
        length = self._length(marker)
        if length > 10_000:
            raise _NotThisFormat
        name = self.file.read(length)
        if len(name) != length:
            raise _NotThisFormat
        if depth == 0:
            self.keys.add(name.decode())

    def _length(self, marker: bytes = b"") -> int:
        form = _INTEGERS.get(marker or self.file.read(1))
        if form is None:
            raise _NotThisFormat
        (length,) = struct.unpack(form, self.file.read(struct.calcsize(form)))
        if length < 0:
            raise _NotThisFormat
        return int(length)

    def _skip(self, length: int) -> None:
        if self.file.tell() + length > self.size:
            raise _NotThisFormat
        self.file.seek(length, io.SEEK_CUR)


_GGUF_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_GGUF_STRING, _GGUF_ARRAY = 8, 9


def gguf(file: IO[bytes], size: int) -> str | None:
    """Recognise GGUF: its metadata and list of tensors are parsed; the tensor data follows to the end of the file.

    Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
    """
    file.seek(0)
    if file.read(4) != b"GGUF":
        return None
    walk = _GgufWalk(file, size)
    try:
        version = walk.number("<I")
        if version not in (2, 3):
            raise Malformed(f"is a GGUF file of version {version}; versions 2 and 3 are judged")
        tensors, entries = walk.number("<Q"), walk.number("<Q")
        for _ in range(walk.bounded(entries)):
            walk.skip_text()
            walk.skip_value(walk.number("<I"), 0)
        for _ in range(walk.bounded(tensors)):
            walk.skip_text()
            walk.skip(8 * walk.bounded(walk.number("<I"), 8) + 12)
    except (_NotThisFormat, struct.error):
        raise Malformed("begins as a GGUF file and does not go on as one, or is cut short") from None
    finally:
        effort.spend(walk.values)
    return f"version {version}, {tensors} tensors"


class _GgufWalk:
    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.size = file, size
        self.values = 0

    def number(self, form: str) -> int:
        (found,) = struct.unpack(form, self.file.read(struct.calcsize(form)))
        return int(found)

    def bounded(self, count: int, limit: int = MAX_VALUES) -> int:
        if count > limit:
            raise _NotThisFormat
        return count

    def skip(self, length: int) -> None:
        if self.file.tell() + length > self.size:
            raise _NotThisFormat
        self.file.seek(length, io.SEEK_CUR)

    def skip_text(self) -> None:
        self.skip(self.number("<Q"))

    def skip_value(self, kind: int, depth: int) -> None:
        self.values += 1
        if self.values > MAX_VALUES or depth > 8:
            raise Malformed(f"is a GGUF file whose metadata has more than {MAX_VALUES:,} values, which is not judged")
        if kind in _GGUF_SIZES:
            self.skip(_GGUF_SIZES[kind])
        elif kind == _GGUF_STRING:
            self.skip_text()
        elif kind == _GGUF_ARRAY:
            of, count = self.number("<I"), self.number("<Q")
            if of in _GGUF_SIZES:
                self.skip(_GGUF_SIZES[of] * count)
                return
            for _ in range(self.bounded(count)):
                self.skip_value(of, depth + 1)
        else:
            raise _NotThisFormat


def tflite(head: bytes, size: int) -> bool:
    """Return whether these are the first bytes of a TensorFlow Lite model: a FlatBuffer with the identifier TFL3."""
    return head[4:8] == b"TFL3" and 8 <= int.from_bytes(head[:4], "little") < size


def catboost(head: bytes, size: int) -> bool:
    """Return whether these are the first bytes of a CatBoost model (CBM1): magic bytes and the length of a
    FlatBuffer.
    """
    return head[:4] == b"CBM1" and 0 < int.from_bytes(head[4:8], "little") <= size - 8


# saved_model.proto and meta_graph.proto: field number to wire type.
_SAVED_MODEL = {1: VARINT, 2: LENGTH}
_META_GRAPH = dict.fromkeys(range(1, 8), LENGTH)
_GRAPH_DEF = 2
SSTABLE_MAGIC = bytes.fromhex("57fb808b247547db")


# saved_metadata.proto of Keras, messages SavedMetadata and SavedObject; fingerprint.proto.
_METADATA = {2: VARINT, 3: LENGTH, 4: LENGTH, 5: LENGTH, 6: LENGTH}
_IDENTIFIER = 4
_FINGERPRINT = {**dict.fromkeys(range(1, 6), VARINT), 6: LENGTH, 7: LENGTH}
_MAX_FINGERPRINT = 256


def saved_model(file: IO[bytes], size: int) -> str | None:
    """Recognise TensorFlow's saved_model.pb, what lies beside it, and the index of a checkpoint (a LevelDB table)."""
    if size >= 48:
        file.seek(size - 8)
        if file.read(8) == SSTABLE_MAGIC:
            return "the index of a TensorFlow checkpoint"
    return _SAVED_MODEL_PARTS.get(saved_model_part(file, size) or "")


_SAVED_MODEL_PARTS = {
    "model": "a TensorFlow SavedModel",
    "metadata": "the Keras metadata of a TensorFlow SavedModel",
    "fingerprint": "the fingerprint of a TensorFlow SavedModel",
}


def saved_model_part(file: IO[bytes], size: int) -> str | None:
    """Return "model", "metadata" or "fingerprint" for a protobuf file of a SavedModel."""
    if _is_graph(file, size):
        return "model"
    try:
        if _is_metadata(file, size):
            return "metadata"
        numbers = [(field.number, field.wire) for field in fields(file, 0, size)] if size <= _MAX_FINGERPRINT else []
    except NotProtobufError:
        return None
    known = all(_FINGERPRINT.get(number) == wire for number, wire in numbers)
    return "fingerprint" if known and {1, 2, 3} <= {number for number, _ in numbers} else None


def _is_metadata(file: IO[bytes], size: int) -> bool:
    objects = 0
    for field in fields(file, 0, size):
        end = field.start + field.value
        if field.number != 1 or field.wire != LENGTH or not is_message(file, field.start, end, _METADATA):
            return False
        for inner in fields(file, field.start, end):
            if inner.number == _IDENTIFIER:
                file.seek(inner.start)
                if not file.read(min(inner.value, 9)).startswith(b"_tf_keras"):
                    return False
                objects += 1
    return objects > 0


def _is_graph(file: IO[bytes], size: int) -> bool:
    file.seek(0)
    if file.read(1) != b"\x08" or not is_message(file, 0, size, _SAVED_MODEL):
        return False
    graphs = 0
    for graph in fields(file, 0, size):
        if graph.number != 2:
            continue
        graphs += 1
        end = graph.start + graph.value
        if not is_message(file, graph.start, end, _META_GRAPH):
            return False
        if not any(field.number == _GRAPH_DEF for field in fields(file, graph.start, end)):
            return False
    return graphs > 0


# sentencepiece_model.proto, messages ModelProto and SentencePiece.
_SENTENCEPIECE = dict.fromkeys(range(1, 6), LENGTH)
_PIECE = {1: LENGTH, 2: 5, 3: VARINT}


def sentencepiece(file: IO[bytes], size: int) -> str | None:
    """Recognise a SentencePiece model: the pieces of a vocabulary with their scores, and training settings."""
    file.seek(0)
    if file.read(1) != b"\x0a":
        return None
    pieces = 0
    try:
        for field in fields(file, 0, size):
            if _SENTENCEPIECE.get(field.number) != field.wire:
                return None
            if field.number == 1:
                pieces += 1
                if not is_message(file, field.start, field.start + field.value, _PIECE):
                    return None
    except NotProtobufError:
        return None
    return f"{pieces:,} pieces" if pieces else None


_R = re.compile(rb"RD[AX][23]\n|[XB]\n\x00\x00\x00[\x02\x03]|B\n[\x02\x03]\x00\x00\x00|A\n[23]\n\d{5,7}\n\d{5,7}\n")


def r_data(head: bytes) -> bool:
    """Return whether these unpacked first bytes are of R's saveRDS() or save(). Source: R Internals, 1.8."""
    return _R.match(head) is not None


_UNREAD_ARCHIVES = {
    b"7z\xbc\xaf\x27\x1c": ("7z", "a 7-Zip archive"),
    b"Rar!\x1a\x07": ("rar", "a RAR archive"),
    b"\x28\xb5\x2f\xfd": ("zstd", "a Zstandard stream"),
    b"\x04\x22\x4d\x18": ("lz4", "an LZ4 stream"),
}


def unread_archive(head: bytes) -> tuple[str, str] | None:
    """Recognise archives whose content is not read, by magic bytes: (name, description).

    Sources: 7zFormat.txt of 7-Zip, RAR 5.0 archive format, RFC 8878 (3.1.1), lz4_Frame_format.md.
    """
    return next((found for magic, found in _UNREAD_ARCHIVES.items() if head.startswith(magic)), None)


_EXECUTABLES = (
    b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe",
    b"\x00asm",
)  # fmt: skip


def executable(head: bytes) -> str | None:
    """Recognise compiled code by its first bytes. Call it only for non-text: "MZ" begins Windows programs and
    also words.
    """
    if head.startswith(_EXECUTABLES) or (head.startswith(b"MZ") and b"\x00" in head):
        return "a compiled program or library"
    if head[2:4] == b"\r\n" and len(head) > 16 and head[16:17] in (b"\xe3", b"\x63"):
        return "compiled Python"
    return None
