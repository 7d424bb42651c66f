"""Detect whether bytes would work as a pickle. Nothing is loaded: opcodes are parsed, their arguments skipped.

Protocols 2 to 5 have a header. Protocols 0 and 1 have none, and 0 is plain text, so the stream is parsed with a count
of the stack until it calls or imports something, ends as a pickle ends, or cannot be a pickle. If real unpicklers
disagree (frames), the result is "pickle": no bytes may pass for another format and still work as a pickle.
"""

from __future__ import annotations

import io
import pickletools
import re
from typing import IO

from governance.checks.formats import effort

MAX_OPCODES = 1_000_000
"""So many valid opcodes in a row are no coincidence."""
WINDOW = 8 << 20
"""Bytes searched for joblib's marker."""
_LINE_KEPT = 1_000

TORCH_LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""First value written by torch before it used zip files: a pickled number (torch.serialization.MAGIC_NUMBER)."""
JOBLIB_MARK = b"joblib.numpy_pickle"

_CALLS = frozenset({"REDUCE", "OBJ", "INST", "NEWOBJ", "NEWOBJ_EX", "BUILD"})
_IMPORTS = frozenset({"GLOBAL", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"})
_EXTERNAL = frozenset({"PERSID", "BINPERSID"})
_OPCODES = {op.code.encode("latin-1"): op for op in pickletools.opcodes}
_LENGTH_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: (1, False),
    pickletools.TAKEN_FROM_ARGUMENT4: (4, True),
    pickletools.TAKEN_FROM_ARGUMENT4U: (4, False),
    pickletools.TAKEN_FROM_ARGUMENT8U: (8, False),
}
# Wider than what unpicklers accept: a line they might accept counts as accepted.
_LINES = {
    "INT": re.compile(rb"\s*[+-]?\w+\s*"),
    "LONG": re.compile(rb"\s*[+-]?\w+\s*"),
    "FLOAT": re.compile(rb"[\w\s.+-]+"),
    "STRING": re.compile(rb"\s*(['\"]).*\1\s*", re.DOTALL),
    "GET": re.compile(rb"\s*[+-]?\w+\s*"),
    "PUT": re.compile(rb"\s*[+-]?\w+\s*"),
}


class _NoPickle(Exception):
    """The bytes cannot be a pickle."""


def protocol(file: IO[bytes], *, whole: bool = True) -> int | None:
    """Return the protocol of the pickle at the beginning of a file.

    Args:
        file: seekable, binary; its position is undefined afterwards.
        whole: False if `file` is only the beginning of something longer, so that its end proves nothing.

    Returns:
        2 to 5; 0 for the protocols 0 and 1; None if there is no pickle.
    """
    file.seek(0)
    head = file.read(2)
    announced = len(head) == 2 and head[0] == 0x80 and head[1] <= 5
    if not announced:
        file.seek(0)
    if _acts(file, whole=whole, announced=announced):
        return head[1] if announced else 0
    return None


def is_torch_legacy(head: bytes) -> bool:
    """Return whether these are the first bytes of torch.save before it used zip files."""
    return head[:1] == b"\x80" and head[2 : 2 + len(TORCH_LEGACY_MAGIC)] == TORCH_LEGACY_MAGIC


def is_joblib(file: IO[bytes]) -> bool:
    """Return whether the first 8 MiB name joblib's array wrapper. A joblib file without arrays is a plain pickle."""
    before = b""
    left = WINDOW
    while left > 0 and (chunk := file.read(min(1 << 20, left))):
        if JOBLIB_MARK in before + chunk:
            return True
        before = chunk[-len(JOBLIB_MARK) :]
        left -= len(chunk)
    return False


def _acts(file: IO[bytes], *, whole: bool, announced: bool) -> bool:
    start = file.tell()
    end = file.seek(0, io.SEEK_END)
    file.seek(start)
    walk = _Walk(file, end, announced=announced)
    try:
        for _ in range(MAX_OPCODES):
            if walk.step():
                return True
            if walk.ended and (announced or file.tell() >= end):
                return True
    except _NoPickle:
        return walk.ended and walk.blank_rest()
    except _CutShort:
        return announced or (not whole and walk.steps > 2)
    finally:
        effort.spend(walk.steps)
    return True


class _CutShort(Exception):
    """The bytes end inside an opcode."""


class _Walk:
    """One pass over opcodes: depth of the stack, its marks, and whether something was imported."""

    def __init__(self, file: IO[bytes], end: int, *, announced: bool) -> None:
        self.file = file
        self.end = end
        self.announced = announced
        self.steps = 0
        self.ended = False
        """The last opcode was a STOP with a value to return."""
        self._fresh()

    def _fresh(self) -> None:
        self.depth = 0
        self.marks: list[int] = []
        self.imported = False

    def step(self) -> bool:
        """Parse one opcode. True once the stream certainly acts: it called something, or stopped after an import."""
        code = self.file.read(1)
        if not code:
            raise _CutShort
        op = _OPCODES.get(code)
        if op is None:
            raise _NoPickle
        self.ended = False
        self._skip(op)
        self.steps += 1
        if op.name in _EXTERNAL and not self.announced:
            # pickle.load has no persistent_load, and every zip archive begins with this opcode.
            raise _NoPickle
        if op.name in _EXTERNAL or op.name == "FRAME":
            return True
        if op.name == "STOP":
            if self.depth < 1:
                raise _NoPickle
            self.ended = True
            acted = self.imported
            self._fresh()
            return acted
        self._stack(op)
        if op.name in _IMPORTS:
            self.imported = True
        return op.name in _CALLS

    def blank_rest(self) -> bool:
        """Return whether only white space follows the last STOP."""
        self.file.seek(self.file.tell() - 1)
        while chunk := self.file.read(1 << 16):
            if chunk.strip():
                return False
        return True

    def _skip(self, op: pickletools.OpcodeInfo) -> None:
        if op.arg is None:
            return
        size = op.arg.n
        if size == pickletools.UP_TO_NEWLINE:
            self._skip_lines(op.name)
        elif size >= 0:
            self._forward(size)
        else:
            width, signed = _LENGTH_BYTES[size]
            raw = self.file.read(width)
            if len(raw) < width:
                raise _CutShort
            length = int.from_bytes(raw, "little", signed=signed)
            if length < 0:
                raise _NoPickle
            self._forward(length)

    def _forward(self, size: int) -> None:
        if self.file.tell() + size > self.end:
            raise _CutShort
        self.file.seek(size, io.SEEK_CUR)

    def _skip_lines(self, name: str) -> None:
        form = _LINES.get(name)
        for _ in range(2 if name in ("GLOBAL", "INST") else 1):
            line = self.file.readline(_LINE_KEPT)
            kept = line
            while line and not line.endswith(b"\n"):
                line = self.file.readline(1 << 16)
            if not line:
                raise _CutShort
            # The C unpickler reads numbers up to a NUL and ignores the rest of the line.
            plain = len(kept) < _LINE_KEPT and b"\x00" not in kept
            if form is not None and plain and not form.fullmatch(kept.rstrip(b"\r\n")):
                raise _NoPickle

    def _stack(self, op: pickletools.OpcodeInfo) -> None:
        before = op.stack_before
        if op.name == "MARK":
            self.marks.append(self.depth)
            return
        if op.name == "POP" and self.marks and self.marks[-1] == self.depth:
            self.marks.pop()
            return
        if pickletools.markobject in before:
            if not self.marks:
                raise _NoPickle
            self.depth = self.marks.pop()
            before = before[: before.index(pickletools.markobject)]
        fence = self.marks[-1] if self.marks else 0
        if self.depth - len(before) < fence:
            raise _NoPickle
        self.depth += len(op.stack_after) - len(before)
