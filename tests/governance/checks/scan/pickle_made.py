"""Pickle streams made by hand, and short forms of a scan's result."""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Iterable

from governance.checks.scan.dispatch import scan_stream
from governance.checks.scan.report import EffectKind, FileScan, Options

END = b"."


def scanned(content: bytes, *, extra: Iterable[str] = (), options: Options | None = None) -> FileScan:
    return scan_stream(io.BytesIO(content), len(content), "model", options or Options(extra_allowed=frozenset(extra)))


def codes(found: FileScan) -> set[str]:
    return {finding.code for finding in found.findings}


def imports(found: FileScan) -> set[str]:
    return {effect.subject for effect in found.effects if effect.kind is EffectKind.IMPORTS}


def executed(found: FileScan) -> set[str]:
    return {effect.subject for effect in found.effects if effect.kind is EffectKind.EXECUTES}


def text(value: str) -> bytes:
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def name(module: str, attribute: str) -> bytes:
    """STACK_GLOBAL of two constants."""
    return text(module) + text(attribute) + b"\x93"


def line(module: str, attribute: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{attribute}\n".encode()


def proto(*parts: bytes, version: int = 4) -> bytes:
    """A pickle of a protocol, without a frame."""
    return bytes([0x80, version]) + b"".join(parts) + END


def frame(*parts: bytes, size: int | None = None) -> bytes:
    content = b"".join(parts)
    return b"\x95" + struct.pack("<Q", len(content) if size is None else size) + content


CALL = name("os", "getpid") + b")R"
"""os.getpid()."""
HARMLESS = name("collections", "OrderedDict") + b")R"


class Calling:
    """An object whose pickle calls what it is given. It is never loaded."""

    def __init__(self, *reduced: object) -> None:
        self.reduced = reduced

    def __reduce__(self) -> tuple[object, ...]:
        return self.reduced


def calling(function: object, *args: object, protocol: int = 4) -> bytes:
    return pickle.dumps(Calling(function, args), protocol)
