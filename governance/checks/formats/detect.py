"""Detect a file's format by its content, never by its name and never by loading it.

Anything that works as a pickle is a pickle, whatever else it resembles. Accepted formats are validated to the last
byte, so that no second file can be hidden behind the first.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import json
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from governance.checks.formats import archives, binary, documents, effort, pickles, tensors, texts
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import RUNS_CODE, Format, Sniffed

PEEK = 1 << 16
"""Bytes of a compressed stream or member that are unpacked for inspection."""
WHOLE_MEMBER = 64 << 20
"""Maximum size of a member of a plain archive that is inspected completely."""
NO_FORMAT = "is of no format this check knows"
"""Reason for content in which nothing was recognised and nothing is broken, such as raw numbers."""
MAX_SCHEMA = 32 << 20
MAX_LISTED = 10_000
"""Maximum number of archive members whose formats are kept; larger archives are not accepted."""
_MAX_DEPTH = 2
_CHUNK = 1 << 20

_HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"


def sniff(path: Path) -> Sniffed:
    """Detect the format of the file at `path`."""
    size = path.stat().st_size
    with path.open("rb") as file, effort.bounded(size):
        return sniff_stream(file, size)


def sniff_stream(file: IO[bytes], size: int, *, depth: int = 0) -> Sniffed:
    """Detect the format of a seekable stream.

    Args:
        file: seekable, binary.
        size: its size in bytes.
        depth: number of archives around it.

    Raises:
        Malformed: only for a nested stream (`depth` > 0); at the top level it becomes UNKNOWN with the reason.
    """
    if size == 0:
        return Sniffed(Format.EMPTY, "is empty")
    try:
        if depth > effort.MAX_NESTED:
            raise Malformed("is nested too deep to be judged")
        effort.spend(effort.STEPS_OF_A_MEMBER)
        return _recognise(file, size, depth)
    except Malformed as fault:
        if depth:
            raise Malformed(f"has a member that {fault}") from fault
        return Sniffed(Format.UNKNOWN, str(fault))


def _recognise(file: IO[bytes], size: int, depth: int) -> Sniffed:
    file.seek(0)
    head = file.read(512)
    found = (
        _pickle(file, head)
        or _container(file, head, size, depth)
        or _by_magic(file, head, size)
        or _by_structure(file, size)
    )
    if found is not None:
        return found
    if binary.r_data(head):
        return Sniffed(Format.R_DATA, "is an R object")
    if _is_text(file):
        return texts.judge(file, head)
    if (encoding := texts.other_encoding(file)) is not None:
        as_utf8 = codecs.EncodedFile(file, "utf-8", encoding)
        as_utf8.seek(0)
        found = texts.judge(cast("IO[bytes]", as_utf8), as_utf8.read(512))
        return Sniffed(found.format, f"{found.reason} in {encoding}")
    if (program := binary.executable(head)) is not None:
        return Sniffed(Format.EXECUTABLE, f"is {program}")
    return Sniffed(Format.UNKNOWN, NO_FORMAT)


def _container(file: IO[bytes], head: bytes, size: int, depth: int) -> Sniffed | None:
    """Recognise files that contain other files, or arrays that may be pickles."""
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
    if (packed := _packed(file, head, depth)) is not None:
        return packed
    if head[257:262] == b"ustar":
        count = archives.refuse_tar(file)
        file.seek(0)
        members = _tar_members(file, "r:", depth)
        return Sniffed(Format.TAR, f"is a tar archive of {count} members", members)
    return None


def _by_structure(file: IO[bytes], size: int) -> Sniffed | None:
    """Recognise formats by parsing them, because their first bytes are not unique."""
    if (what_tensors := tensors.safetensors(file, size)) is not None:
        return Sniffed(Format.SAFETENSORS, f"is a safetensors file of {what_tensors}")
    if (version := tensors.onnx(file, size)) is not None:
        return Sniffed(Format.ONNX, f"is an ONNX model, {version}")
    if (saved := binary.saved_model(file, size)) is not None:
        return Sniffed(Format.SAVEDMODEL, f"is {saved}")
    if (pieces := binary.sentencepiece(file, size)) is not None:
        return Sniffed(Format.SENTENCEPIECE, f"is a SentencePiece model of {pieces}")
    if (content := binary.ubj(file, size)) is not None:
        return Sniffed(Format.UBJ, f"is UBJSON {content}")
    return None


def _by_magic(file: IO[bytes], head: bytes, size: int) -> Sniffed | None:
    """Recognise formats with magic bytes."""
    if head.startswith(_HDF5_MAGIC):
        return Sniffed(Format.HDF5, "is an HDF5 file")
    if (version := binary.gguf(file, size)) is not None:
        return Sniffed(Format.GGUF, f"is a GGUF model, {version}")
    if binary.tflite(head, size):
        return Sniffed(Format.TFLITE, "is a TensorFlow Lite model")
    if binary.catboost(head, size):
        return Sniffed(Format.CATBOOST, "is a CatBoost model")
    if (unread := binary.unread_archive(head)) is not None:
        return Sniffed(Format(unread[0]), f"is {unread[1]}, whose content is not read")
    if (found := documents.table(file, head, size)) is not None:
        return Sniffed(Format(found[0]), f"is {found[1]}")
    if (picture := documents.image(file, head, size)) is not None:
        return Sniffed(Format.IMAGE, f"is {picture}")
    return Sniffed(Format.PDF, "is a PDF file") if documents.pdf(file, head, size) else None


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
    members: list[tuple[str, Sniffed]] = []
    for member in archive.members:
        if member.is_dir():
            continue
        inner = _member(archive, member, depth, whole=kind is Format.ZIP and member.file_size <= WHOLE_MEMBER)
        if inner.format in RUNS_CODE and kind is not Format.ZIP:
            return Sniffed(Format.PICKLE, f"is a zip archive whose member {member.filename[:80]!r} {inner.reason}")
        if kind is not Format.ZIP and inner.format not in _ALLOWED_MEMBERS[kind]:
            raise Malformed(f"looks like {kind}, but its member {member.filename[:80]!r} {inner.reason}")
        if kind is Format.ZIP:
            _keep(members, member.filename, inner)
    if kind is Format.ZIP:
        return Sniffed(kind, "is a zip archive", tuple(members))
    return Sniffed(kind, f"is a {kind} file of {len(archive.members)} members")


_RAW = {Format.UNKNOWN, Format.EMPTY, Format.TEXT}
_ALLOWED_MEMBERS = {
    Format.SKOPS: {*_RAW, Format.NPY, Format.NPZ},
    Format.KERAS: {*_RAW, Format.HDF5, Format.NPY, Format.NPZ},
    Format.NPZ: {Format.NPY},
}
"""UNKNOWN: raw bytes, such as a random state or an asset, which no loader of the format executes."""


def _keep(members: list[tuple[str, Sniffed]], name: str, found: Sniffed) -> None:
    if len(members) >= MAX_LISTED:
        raise Malformed(f"is an archive of more than {MAX_LISTED:,} files, whose content is not judged")
    members.append((name, texts.named(found, name)))


def _member(archive: archives.Archive, info: zipfile.ZipInfo, depth: int, *, whole: bool) -> Sniffed:
    """Inspect a member of a zip archive: its beginning, or all of it if `whole`. Nested archives up to the depth
    of model formats.
    """
    head = archive.head(info, PEEK)
    effort.spend_bytes(len(head))
    if len(head) != min(info.file_size, PEEK):
        raise Malformed(f"has a member shorter than its directory says: {info.filename[:80]!r}")
    if info.file_size > PEEK and head.startswith(archives.LOCAL_HEADER):
        if depth + 1 >= _MAX_DEPTH:
            return Sniffed(Format.ZIP, "is a zip archive, nested too deep", (_TOO_DEEP,))
        with archive.zip.open(info) as inner:
            return sniff_stream(inner, info.file_size, depth=depth + 1)
    if whole and info.file_size > PEEK:
        effort.spend_bytes(info.file_size)
        content = archive.head(info, info.file_size)
        return sniff_stream(io.BytesIO(content), len(content), depth=depth + 1)
    return _beginning(head, info.file_size, depth)


_TOO_DEEP = ("…", Sniffed(Format.UNKNOWN, "is nested too deep to be judged"))


def _beginning(head: bytes, size: int, depth: int) -> Sniffed:
    """Detect the format of something of `size` bytes from its beginning."""
    peek = io.BytesIO(head)
    if size <= len(head):
        return sniff_stream(peek, len(head), depth=depth + 1)
    if pickles.protocol(peek, whole=False) is not None:
        return Sniffed(Format.PICKLE, "is a pickle")
    if head.startswith(archives.LOCAL_HEADER):
        return Sniffed(Format.ZIP, "is a zip archive, nested too deep", (_TOO_DEEP,))
    if (found := tensors.npy(peek, None)) is not None:
        return Sniffed(Format.PICKLE if found[1] else Format.NPY, f"is {found[0]}")
    if head.startswith(_HDF5_MAGIC):
        return Sniffed(Format.HDF5, "is an HDF5 file")
    if (packed := _packed(peek, head, depth)) is not None:
        return packed
    if _is_text(peek, cut=True):
        return texts.judge(peek, head[:512])
    return Sniffed(Format.UNKNOWN, "is raw bytes")


def _tar_members(file: IO[bytes], mode: str, depth: int) -> tuple[tuple[str, Sniffed], ...]:
    """Detect the format of each file in a tar archive. In a compressed one, members above the limit are inspected by
    their beginning.

    `archives.refuse_tar` validates names and links of uncompressed archives.
    """
    members: list[tuple[str, Sniffed]] = []
    if depth >= _MAX_DEPTH:
        return (_TOO_DEEP,)
    try:
        with tarfile.open(fileobj=file, mode=mode, tarinfo=archives.TarHeader) as opened:  # type: ignore[call-overload]  # a mode in a variable
            for member in opened:
                if not member.isreg():
                    if not member.isdir():
                        raise Malformed(f"has a link or a device as a member: {member.name[:80]!r}")
                    continue
                content = opened.extractfile(member)
                limit = WHOLE_MEMBER if member.size <= WHOLE_MEMBER else PEEK
                effort.spend_bytes(min(member.size, limit))
                head = content.read(limit) if content is not None else b""
                found = _beginning(head, member.size, depth) if head else Sniffed(Format.EMPTY, "is empty")
                if found.format in RUNS_CODE:
                    found = Sniffed(Format.PICKLE, f"{found.reason}, in an archive")
                _keep(members, member.name, found)
                opened.members = []
    except (tarfile.TarError, OSError, EOFError, ValueError, lzma.LZMAError, zlib.error) as error:
        raise Malformed(f"is a broken tar archive: {str(error)[:100]}") from error
    return tuple(members)


def _refuse_schema(archive: archives.Archive) -> None:
    """Refuse a skops file whose schema is not a JSON object with a protocol."""
    info = archive.zip.getinfo("schema.json")
    if info.file_size > MAX_SCHEMA:
        raise Malformed(f"has a skops schema of {info.file_size:,} bytes; more than {MAX_SCHEMA:,} are not judged")
    try:
        schema = json.loads(archive.head(info, MAX_SCHEMA).decode())
    except (ValueError, RecursionError):
        raise Malformed("has a schema.json that is not JSON") from None
    if not isinstance(schema, dict) or "protocol" not in schema or "__loader__" not in schema:
        raise Malformed("has a schema.json that is not the schema of a skops file")


def _packed(file: IO[bytes], head: bytes, depth: int) -> Sniffed | None:
    """Recognise a compressed stream and its content by its beginning: joblib and R write compressed streams."""
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
        if binary.r_data(start):
            return Sniffed(Format.R_DATA, "is a compressed R object")
        if kind is not None:
            return Sniffed(kind, f"is a {kind} file", _unpacked(file, kind, start, depth))
    return None


def _unpacked(file: IO[bytes], kind: Format, start: bytes, depth: int) -> tuple[tuple[str, Sniffed], ...]:
    """Return what a compressed stream contains: the members of a tar archive, or its single file."""
    is_tar = start[257:262] == b"ustar"
    if len(start) < PEEK and not is_tar:
        return (("content", sniff_stream(io.BytesIO(start), len(start), depth=depth + 1)),)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    opened = cast("IO[bytes]", _OPENERS[kind](file))
    if is_tar:
        limited = _Bounded(opened, max(archives.BOMB_SIZE, archives.BOMB_RATIO * size))
        return _tar_members(cast("IO[bytes]", limited), "r|", depth)
    try:
        length, content = _unpacked_to_inspect(opened, keep=size <= WHOLE_MEMBER)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        raise Malformed(f"begins as {kind} and does not unpack: {str(error)[:100]}") from error
    if content is None:
        return (("content", _beginning(start, length, depth)),)
    return (("content", sniff_stream(io.BytesIO(content), len(content), depth=depth + 1)),)


def _unpacked_to_inspect(opened: IO[bytes], *, keep: bool) -> tuple[int, bytes | None]:
    """Unpack up to `WHOLE_MEMBER` bytes and one more.

    Args:
        opened: the unpacked content.
        keep: False where the packed file is larger than what is inspected whole, so that nothing has to be kept.

    Returns:
        The number of unpacked bytes, and the whole content; None if it is not inspected whole.
    """
    length, kept = 0, bytearray()
    while length <= WHOLE_MEMBER and (chunk := opened.read(min(_CHUNK, WHOLE_MEMBER + 1 - length))):
        length += len(chunk)
        effort.spend_bytes(len(chunk))
        if keep:
            kept += chunk
    return length, bytes(kept) if keep and length <= WHOLE_MEMBER else None


_OPENERS: dict[Format, Any] = {Format.GZIP: gzip.open, Format.XZ: lzma.open, Format.BZIP2: bz2.open}


class _Bounded(io.RawIOBase):
    """A stream that raises Malformed if it has more bytes than the limit."""

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream, self._left = stream, limit

    def read(self, size: int = -1) -> bytes:
        found = self._stream.read(size if size >= 0 else self._left + 1)
        self._left -= len(found)
        if self._left < 0:
            raise Malformed("is a compressed archive that unpacks to far more bytes than it has")
        return found


def _inflate(wbits: int) -> Callable[[bytes], bytes]:
    return lambda raw: zlib.decompressobj(wbits).decompress(raw, PEEK)


# Magic bytes and bounded decompressors. A zlib or raw lzma stream is recognised only if it contains joblib or R data.
_PACKERS: tuple[tuple[Format | None, bytes, Callable[[bytes], bytes]], ...] = (
    (Format.GZIP, b"\x1f\x8b", _inflate(31)),
    (Format.XZ, b"\xfd7zXZ\x00", lambda raw: lzma.LZMADecompressor(memlimit=256 << 20).decompress(raw, PEEK)),
    (Format.BZIP2, b"BZh", lambda raw: bz2.BZ2Decompressor().decompress(raw, PEEK)),
    (None, b"\x78", _inflate(15)),
    (None, b"\x5d\x00\x00", lambda raw: lzma.LZMADecompressor(memlimit=256 << 20).decompress(raw, PEEK)),
)


def _is_text(file: IO[bytes], *, cut: bool = False) -> bool:
    """Return whether it is UTF-8 without control characters to the last byte; with `cut`, to the last whole
    character.
    """
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := file.read(_CHUNK):
            if len(chunk.translate(None, texts.CONTROLS)) != len(chunk):
                return False
            decoder.decode(chunk)
        decoder.decode(b"", final=not cut)
    except UnicodeDecodeError:
        return False
    return True
