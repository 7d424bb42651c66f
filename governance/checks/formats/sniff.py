"""Says what a file is by its content, never by its name, and never by loading it.

Suspicion comes first: what would act as a pickle is a pickle, whatever else it looks like. Formats that are let through
are held to their rules to the last byte, so that no second file hides behind the first.
"""

from __future__ import annotations

import bz2
import codecs
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO

from governance.checks.formats import archives, pickles, tensors
from governance.checks.formats.tensors import Malformed


class Format(StrEnum):
    """What a file can be recognised as."""

    SAFETENSORS = "safetensors"
    ONNX = "onnx"
    SKOPS = "skops"
    NPY = "npy"
    NPZ = "npz"
    KERAS = "keras"
    HDF5 = "hdf5"
    TEXT = "text"
    JOBLIB = "joblib"
    PICKLE = "pickle"
    TORCH_ZIP = "torch-zip"
    TORCH_LEGACY = "torch-legacy"
    ZIP = "zip"
    TAR = "tar"
    GZIP = "gzip"
    XZ = "xz"
    BZIP2 = "bzip2"
    UNKNOWN = "unknown"


RUNS_CODE = frozenset({Format.PICKLE, Format.JOBLIB, Format.TORCH_ZIP, Format.TORCH_LEGACY})
"""Formats whose loading may run any code the file's author chose."""


@dataclass(frozen=True)
class Sniffed:
    """What a file is, and what led to it, as words to follow its name: "is a pickle of protocol 4"."""

    format: Format
    reason: str


PEEK = 1 << 16
"""Bytes of a packed thing that are unpacked to look at."""
MAX_SCHEMA = 32 << 20
_MAX_DEPTH = 2
_CHUNK = 1 << 20

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_CONTROLS = bytes(sorted(set(range(0x20)) - set(b"\t\n\r\f")))
"""Never in text. A byte below 0x80 is no part of a longer UTF-8 character, so bytes can be searched for them."""


def sniff(path: Path) -> Sniffed:
    """Recognise the file at `path`."""
    with path.open("rb") as file:
        return sniff_stream(file, path.stat().st_size)


def sniff_stream(file: IO[bytes], size: int, *, depth: int = 0) -> Sniffed:
    """Recognise a seekable stream of `size` bytes; `depth` counts the archives around it."""
    if size == 0:
        return Sniffed(Format.TEXT, "is empty")
    try:
        return _recognise(file, size, depth)
    except Malformed as fault:
        if depth:
            raise Malformed(f"has a member that {fault}") from fault
        return Sniffed(Format.UNKNOWN, str(fault))


def _recognise(file: IO[bytes], size: int, depth: int) -> Sniffed:
    file.seek(0)
    head = file.read(512)
    if (pickled := _pickle(file, head)) is not None:
        return pickled
    archive = archives.open_zip(file, size)
    if archive is not None:
        return _archive(archive, depth)
    if archives.ends_as_zip(file, size):
        return Sniffed(Format.UNKNOWN, "ends as a zip archive and begins as something else, so it is two files in one")
    if (found := tensors.npy(file, size)) is not None:
        what, objects = found
        if objects:
            return Sniffed(Format.PICKLE, f"is an npy file holding {what}, which is a pickle inside")
        return Sniffed(Format.NPY, f"is an npy {what}")
    if head.startswith(_HDF5_MAGIC):
        return Sniffed(Format.HDF5, "is an HDF5 file")
    if (what_tensors := tensors.safetensors(file, size)) is not None:
        return Sniffed(Format.SAFETENSORS, f"is a safetensors file of {what_tensors}")
    if (packed := _packed(file, head)) is not None:
        return packed
    if head[257:262] == b"ustar":
        return Sniffed(Format.TAR, f"is a tar archive of {archives.refuse_tar(file)} members")
    if (version := tensors.onnx(file, size)) is not None:
        return Sniffed(Format.ONNX, f"is an ONNX model, {version}")
    if _is_text(file):
        return Sniffed(Format.TEXT, "is text")
    return Sniffed(Format.UNKNOWN, "is of no format this check knows")


def _pickle(file: IO[bytes], head: bytes) -> Sniffed | None:
    file.seek(0)
    protocol = pickles.protocol(file)
    if protocol is None:
        return None
    if pickles.is_torch_legacy(head):
        return Sniffed(Format.TORCH_LEGACY, "is a torch file of the old kind, a row of pickles")
    file.seek(0)
    if pickles.is_joblib(file):
        return Sniffed(Format.JOBLIB, "is a joblib file, a pickle with arrays in it")
    return Sniffed(Format.PICKLE, f"is a pickle of protocol {protocol if protocol else '0 or 1'}")


def _archive(archive: archives.Archive, depth: int) -> Sniffed:
    names = archive.names
    if any(name == "data.pkl" or name.endswith("/data.pkl") for name in names):
        return Sniffed(Format.TORCH_ZIP, "is a torch file, a pickle in a zip archive")
    kind = Format.ZIP
    if "schema.json" in names:
        _refuse_schema(archive)
        kind = Format.SKOPS
    elif {"config.json", "metadata.json"} <= names:
        kind = Format.KERAS
    elif all(name.endswith(".npy") for name in names):
        kind = Format.NPZ
    for member in archive.members:
        if member.is_dir():
            continue
        inner = _member(archive, member, depth)
        if inner.format in RUNS_CODE:
            return Sniffed(Format.PICKLE, f"is a zip archive whose member {member.filename[:80]!r} {inner.reason}")
        if kind is not Format.ZIP and inner.format not in _LAWFUL_MEMBERS[kind]:
            raise Malformed(f"looks like {kind}, but its member {member.filename[:80]!r} {inner.reason}")
    return Sniffed(
        kind, f"is a {kind} file of {len(archive.members)} members" if kind is not Format.ZIP else "is a zip archive"
    )


_LAWFUL_MEMBERS = {
    Format.SKOPS: {Format.TEXT, Format.NPY, Format.NPZ, Format.UNKNOWN},
    Format.KERAS: {Format.TEXT, Format.HDF5, Format.NPY, Format.NPZ, Format.UNKNOWN},
    Format.NPZ: {Format.NPY},
}
"""UNKNOWN: raw bytes, such as a random state's or an asset's, which no loader of the format takes for code."""


def _member(archive: archives.Archive, info: zipfile.ZipInfo, depth: int) -> Sniffed:
    """Look at the beginning of a member. Archives in archives are opened as far as a model format goes."""
    head = archive.head(info, PEEK)
    whole = info.file_size <= PEEK
    if len(head) != min(info.file_size, PEEK):
        raise Malformed(f"has a member shorter than its directory says: {info.filename[:80]!r}")
    peek = io.BytesIO(head)
    if whole:
        return sniff_stream(peek, len(head), depth=depth + 1)
    if pickles.protocol(peek, whole=False) is not None:
        return Sniffed(Format.PICKLE, "is a pickle")
    if head.startswith(archives.LOCAL_HEADER):
        if depth + 1 >= _MAX_DEPTH:
            return Sniffed(Format.ZIP, "is a zip archive, nested too deep")
        with archive.zip.open(info) as inner:
            return sniff_stream(inner, info.file_size, depth=depth + 1)
    if (found := tensors.npy(peek, None)) is not None:
        return Sniffed(Format.PICKLE if found[1] else Format.NPY, f"is {found[0]}")
    if head.startswith(_HDF5_MAGIC):
        return Sniffed(Format.HDF5, "is an HDF5 file")
    packed = _packed(peek, head)
    return packed if packed is not None else Sniffed(Format.UNKNOWN, "is raw bytes")


def _refuse_schema(archive: archives.Archive) -> None:
    """A skops file's schema must be one: an object that names its protocol."""
    info = archive.zip.getinfo("schema.json")
    if info.file_size > MAX_SCHEMA:
        raise Malformed(f"has a skops schema of {info.file_size:,} bytes; more than {MAX_SCHEMA:,} are not judged")
    try:
        schema = json.loads(archive.head(info, MAX_SCHEMA).decode())
    except (ValueError, RecursionError):
        raise Malformed("has a schema.json that is not JSON") from None
    if not isinstance(schema, dict) or "protocol" not in schema or "__loader__" not in schema:
        raise Malformed("has a schema.json that is not the schema of a skops file")


def _packed(file: IO[bytes], head: bytes) -> Sniffed | None:
    """Recognise a compressed stream, and what is in it as far as it might act: joblib writes pickles so."""
    for kind, magic, unpack in _PACKERS:
        if not head.startswith(magic):
            continue
        file.seek(0)
        try:
            start = unpack(file.read(PEEK))[:PEEK]
        except (OSError, ValueError, EOFError, lzma.LZMAError, zlib.error):
            if kind is None:
                continue
            return Sniffed(Format.UNKNOWN, f"begins as {kind} and does not unpack")
        if pickles.protocol(io.BytesIO(start), whole=False) is not None:
            return Sniffed(Format.JOBLIB, "is a compressed joblib file, a pickle inside")
        if kind is not None:
            return Sniffed(kind, f"is a {kind} file")
    return None


def _inflate(wbits: int) -> Callable[[bytes], bytes]:
    return lambda raw: zlib.decompressobj(wbits).decompress(raw, PEEK)


# Magic bytes → what unpacks them, bounded. A zlib or raw lzma stream has no format of its own here: joblib or nothing.
_PACKERS: tuple[tuple[Format | None, bytes, Callable[[bytes], bytes]], ...] = (
    (Format.GZIP, b"\x1f\x8b", _inflate(31)),
    (Format.XZ, b"\xfd7zXZ\x00", lambda raw: lzma.LZMADecompressor(memlimit=256 << 20).decompress(raw, PEEK)),
    (Format.BZIP2, b"BZh", lambda raw: bz2.BZ2Decompressor().decompress(raw, PEEK)),
    (None, b"\x78", _inflate(15)),
    (None, b"\x5d\x00\x00", lambda raw: lzma.LZMADecompressor(memlimit=256 << 20).decompress(raw, PEEK)),
)


def _is_text(file: IO[bytes]) -> bool:
    """UTF-8 without control characters, to the last byte."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            if len(chunk.translate(None, _CONTROLS)) != len(chunk):
                return False
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
