"""Reads the texts of files: text and configuration, notebooks cell by cell, members of archives. Bounded."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, cast

from governance.checks.formats import archives
from governance.checks.formats.effort import Malformed
from governance.checks.secrets.forms import REACH
from registry.json_text import JsonTextError, parse_json

MAX_NOTEBOOK = 64 << 20
"""Maximum bytes of a notebook that is read cell by cell; a larger one is read as text."""
MAX_NESTED = 3
"""Maximum number of archives around a text."""
MAX_MEMBER = 256 << 20
"""Maximum bytes of a packed text; what follows is not read, and is reported."""
_CHUNK = 1 << 20
_HEAD = 8192
_UTF_16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_PACKED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}


@dataclass(frozen=True)
class Text:
    """A part of a text: where it is, its bytes, the number of its first line, and the offset of its first byte.

    Parts overlap, so that a match is whole in one of them. Each place belongs to the part where it is in `own`.
    """

    where: str
    content: bytes
    line: int
    offset: int
    own: range


@dataclass(frozen=True)
class Unread:
    """A file or member that could not be searched, and why."""

    where: str
    reason: str


def read_texts(path: str, file: IO[bytes], size: int, depth: int = 0) -> Iterator[Text | Unread]:
    """Yield the texts of a file. A file that is neither text nor an archive has none.

    Args:
        path: its name, for messages.
        file: seekable, binary.
        size: its size in bytes.
        depth: number of archives around it.
    """
    file.seek(0)
    head = file.read(_HEAD)
    try:
        archive = archives.open_zip(file, size) if head.startswith(archives.LOCAL_HEADER) else None
    except Malformed as fault:
        yield Unread(path, f"it {fault}")
        return
    if archive is not None:
        yield from _members(path, archive, depth)
        return
    file.seek(0)
    for magic, opener in _PACKED.items():
        if head.startswith(magic):
            yield from _unpacked(path, opener, file)
            return
    if head[:2] in _UTF_16 or b"\x00" not in head or head[257:262] == b"ustar":
        notebook = _notebook(path, file, size) if path.lower().endswith(".ipynb") else None
        file.seek(0)
        yield from notebook if notebook is not None else _parts(path, file, _UTF_16.get(head[:2], ""))


def _members(path: str, archive: archives.Archive, depth: int) -> Iterator[Text | Unread]:
    for member in archive.members:
        where = f"{path}!{member.filename}"
        if member.is_dir():
            continue
        try:
            head = archive.head(member, _HEAD)
            packed = head.startswith((archives.LOCAL_HEADER, *_PACKED))
            if b"\x00" in head and not packed and head[:2] not in _UTF_16:
                continue
            if depth >= MAX_NESTED or member.file_size > MAX_MEMBER:
                yield Unread(where, "it is nested too deep" if depth >= MAX_NESTED else "it is too large in an archive")
                continue
            content = archive.head(member, MAX_MEMBER)
        except Malformed as fault:
            yield Unread(where, f"its archive {fault}")
            continue
        yield from read_texts(where, io.BytesIO(content), len(content), depth + 1)


def _unpacked(path: str, opener: Any, file: IO[bytes]) -> Iterator[Text | Unread]:
    """Yield what a compressed stream contains; a tar archive is read as one text, with its headers."""
    try:
        stream = cast("IO[bytes]", opener(file))
        head = stream.read(_HEAD)
        if b"\x00" in head and head[257:262] != b"ustar":
            return
        yield from _parts(path, cast("IO[bytes]", _Start(head, stream)), "", limit=MAX_MEMBER)
    except (OSError, EOFError, ValueError, lzma.LZMAError, zlib.error) as error:
        yield Unread(path, f"it does not unpack: {str(error)[:100]}")


class _Start:
    """A stream whose beginning was read already."""

    def __init__(self, head: bytes, stream: IO[bytes]) -> None:
        self._head, self._stream = head, stream

    def read(self, size: int) -> bytes:
        head, self._head = self._head, b""
        return head or self._stream.read(size)


def _parts(path: str, file: IO[bytes], encoding: str, limit: int | None = None) -> Iterator[Text | Unread]:
    """Yield a text in overlapping parts."""
    line, offset, content = 1, 0, _read(file, encoding)
    first = 0
    while content:
        more = _read(file, encoding)
        yield Text(path, content, line, offset, range(first, len(content) - REACH if more else len(content)))
        if not more:
            return
        done = max(0, len(content) - 2 * REACH)
        line, offset = line + content.count(b"\n", 0, done), offset + done
        first = len(content) - REACH - done
        content = content[done:] + more
        if limit is not None and offset > limit:
            yield Unread(path, f"only its first {limit >> 20} MiB were read")
            return


def _read(file: IO[bytes], encoding: str) -> bytes:
    """Read the next bytes of a text, at least `REACH` before the last ones."""
    chunk = file.read(_CHUNK)
    while chunk and len(chunk) < REACH and (more := file.read(_CHUNK)):
        chunk += more
    return chunk.decode(encoding, "replace").encode("utf-8", "replace") if encoding else chunk


def _notebook(path: str, file: IO[bytes], size: int) -> Iterator[Text] | None:
    """Return the sources and outputs of a notebook; None if it cannot be read as one."""
    if size > MAX_NOTEBOOK:
        return None
    file.seek(0)
    try:
        notebook = parse_json(file.read())
    except (JsonTextError, UnicodeDecodeError, MemoryError):
        return None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    return _cells(path, notebook, cells) if isinstance(cells, list) else None


def _cells(path: str, notebook: dict[str, Any], cells: list[Any]) -> Iterator[Text]:
    for number, cell in enumerate(cells, 1):
        if not isinstance(cell, dict):
            continue
        parts = [("", cell.get("source"))]
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else ():
            if isinstance(output, dict):
                parts += [(" output", text) for text in (output.get("text"), output.get("traceback"))]
                parts += [(" output", text) for text in _shown(output.get("data"))]
        parts.append((" metadata", str(cell.get("metadata") or "")))
        for what, value in parts:
            if content := _joined(value):
                yield Text(f"{path}, cell {number}{what}", content, 1, number << 32, range(len(content)))
    rest = {name: value for name, value in notebook.items() if name != "cells"}
    content = _joined(str(rest))
    yield Text(f"{path}, metadata", content, 1, 0, range(len(content)))


def _shown(data: Any) -> list[Any]:
    """Return the texts of an output by its media types, without pictures."""
    pictures = ("image/", "application/pdf")
    return [text for kind, text in data.items() if not kind.startswith(pictures)] if isinstance(data, dict) else []


def _joined(value: Any) -> bytes:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str)).encode("utf-8", "replace")
    return (value if isinstance(value, str) else str(value) if value else "").encode("utf-8", "replace")
