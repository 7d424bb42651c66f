"""Scan R data (saveRDS, save): only vectors, lists, attributes, symbols and environments are safe.

Functions, unevaluated expressions and native pointers run code when R loads or prints them. Source: R Internals 1.8;
`serialize.c` of R 4; CVE-2024-27322 (promises).
"""

from __future__ import annotations

import re
from typing import Protocol

from governance.checks.base import Severity
from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan.collecting import Collector, collected, shown
from governance.checks.scan.packed_stream import PackedStream, is_packed
from governance.checks.scan.report import Scan, Verdict

MAX_LEVELS = 300
MAX_TEXT = 64 << 10
_CHUNK = 1 << 16
_HEADER = re.compile(rb"(?:RD[AX][23]\n)?([XAB])\n")

_SYMBOL, _PAIRLIST, _CLOSURE, _ENVIRONMENT, _PROMISE, _LANGUAGE = 1, 2, 3, 4, 5, 6
_SPECIAL, _BUILTIN, _CHARACTERS, _DOTS, _STRINGS, _LIST, _EXPRESSIONS = 7, 8, 9, 17, 16, 19, 20
_BYTECODE, _POINTER, _WEAK, _RAW, _S4 = 21, 22, 23, 24, 25
_WIDTHS = {10: 4, 13: 4, 14: 8, 15: 16}
_PAIRS = {_PAIRLIST, _CLOSURE, _PROMISE, _LANGUAGE, _DOTS}
_ATTRIBUTED_PAIRS = {239: _PAIRLIST, 240: _LANGUAGE}
_PLAIN = {254, 253, 252, 251, 250, 242, 241}
"""Nothing, the global and base environments, and markers: no content follows."""
_REFERENCE, _NAMESPACE, _PACKAGE, _PERSISTENT, _ALTERNATIVE = 255, 249, 248, 247, 238
_HAS_ATTRIBUTES, _HAS_TAG = 0x200, 0x400
_CODE = {
    _CLOSURE: "a function",
    _PROMISE: "a promise, which R evaluates when it is used",
    _LANGUAGE: "an unevaluated call or formula",
    _DOTS: "unevaluated arguments",
    _SPECIAL: "a function of R",
    _BUILTIN: "a function of R",
    _EXPRESSIONS: "unevaluated expressions",
    _BYTECODE: "bytecode",
    _POINTER: "a native pointer",
    _WEAK: "a weak reference with a finalizer",
}
_BASE_PACKAGES = frozenset({"base", "stats", "methods", "utils", "graphics", "grDevices", "datasets"})
_ALTERNATIVES = frozenset(
    {
        "compact_intseq", "compact_realseq", "deferred_string", "wrap_integer", "wrap_real", "wrap_logical",
        "wrap_string", "wrap_complex", "wrap_raw", "wrap_list",
    }
)  # fmt: skip


class _Input(Protocol):
    """Numbers and texts of one of the encodings."""

    def integer(self) -> int: ...
    def text(self, length: int) -> bytes: ...
    def skip_numbers(self, kind: int, count: int) -> None: ...
    def skip_raw(self, count: int) -> None: ...
    def is_at_end(self) -> bool: ...


class _StopError(Exception):
    """What follows cannot be judged, and the verdict is decided."""


@collected(Format.R_DATA)
def scan(scan: Scan, found: Collector) -> None:
    """Scan an R data file, compressed or not."""
    source = _Bytes(scan)
    header = _HEADER.fullmatch(source.line() + source.line(optional=True))
    if header is None:
        raise Malformed("is not R data")
    if header[1] == b"B":
        found.find(
            "r_binary",
            "The file is in the binary format of one machine, which is not judged. Write it with saveRDS(), which uses "
            "the portable format.",
            verdict=Verdict.UNSUPPORTED,
        )
        return
    reader: _Input = _Xdr(source) if header[1] == b"X" else _Ascii(source)
    version = reader.integer()
    reader.integer()
    reader.integer()
    if version == 3:
        reader.text(_limited(reader.integer()))
    elif version != 2:
        raise Malformed(f"is R data of version {version}; 2 and 3 are judged")
    try:
        _Walk(reader, found).item("", 0)
    except _StopError:
        return
    if not reader.is_at_end():
        raise Malformed("is R data with bytes behind their end")


def _limited(length: int) -> int:
    if not 0 <= length <= MAX_TEXT:
        raise Malformed(f"is R data with a text of {length:,} bytes; at most {MAX_TEXT:,} are judged")
    return length


class _Walk:
    def __init__(self, reader: _Input, found: Collector) -> None:
        self.reader, self.found = reader, found
        self.symbols: list[str] = []
        """Symbols, environments and packages, to which later items refer by number."""

    def item(self, place: str, level: int) -> str:
        """Walk one item; returns the text of a symbol or character item."""
        if level > MAX_LEVELS:
            raise Malformed(f"is R data with more than {MAX_LEVELS} levels, which is not judged")
        while True:
            effort.spend(1)
            flags = self.reader.integer()
            kind = flags & 0xFF
            if kind in _ATTRIBUTED_PAIRS:
                kind, flags = _ATTRIBUTED_PAIRS[kind], flags | _HAS_ATTRIBUTES
            if kind in _CODE:
                self._refuse(kind, place)
            if kind not in _PAIRS:
                return self._single(kind, flags, place, level)
            # A list of pairs: attributes, tag, value; the rest follows as the next item.
            if flags & _HAS_ATTRIBUTES:
                self.item(place, level + 1)
            tag = self.item(place, level + 1) if flags & _HAS_TAG else ""
            self.item(f"{place}${tag}" if tag and len(place) < 200 else place, level + 1)

    def _single(self, kind: int, flags: int, place: str, level: int) -> str:
        text = ""
        if kind in _PLAIN:
            return text
        if kind == _REFERENCE:
            number = flags >> 8 or self.reader.integer()
            return self.symbols[number - 1] if 0 < number <= len(self.symbols) else ""
        if kind == _SYMBOL:
            text = self.item(place, level + 1)
            self.symbols.append(text)
            return text
        if kind == _ENVIRONMENT:
            self.reader.integer()
            self.symbols.append("")
            for _ in range(4):
                self.item(f"{place}<environment>" if len(place) < 200 else place, level + 1)
            return text
        if kind in (_NAMESPACE, _PACKAGE, _PERSISTENT):
            self._named(kind, place, level)
            return text
        if kind == _ALTERNATIVE:
            self._alternative(place, level)
            return text
        if kind == _CHARACTERS:
            return self._characters()
        self._vector(kind, place, level)
        if flags & _HAS_ATTRIBUTES:
            self.item(place, level + 1)
        return text

    def _characters(self) -> str:
        length = self.reader.integer()
        if length == -1:
            return ""
        if length < 0:
            raise Malformed("is R data with a negative length")
        if length > MAX_TEXT:
            self.reader.skip_raw(length)
            return ""
        return self.reader.text(length).decode("utf-8", errors="replace")

    def _vector(self, kind: int, place: str, level: int) -> None:
        if kind == _S4:
            return
        if kind in _CODE and kind != _EXPRESSIONS:
            # Their content need not be walked: the verdict is decided, and bytecode has a structure of its own.
            raise _StopError
        length = self._length()
        if kind in _WIDTHS:
            self.reader.skip_numbers(kind, length)
        elif kind == _RAW:
            self.reader.skip_raw(length)
        elif kind in (_STRINGS, _LIST, _EXPRESSIONS):
            for number in range(length):
                self.item(f"{place}[[{number + 1}]]" if kind != _STRINGS and len(place) < 200 else place, level + 1)
        else:
            raise Malformed(f"is R data with an item of the unknown type {kind}")

    def _length(self) -> int:
        length = self.reader.integer()
        if length == -1:
            length = (self.reader.integer() << 32) + self.reader.integer()
        if length < 0:
            raise Malformed("is R data with a negative length")
        return length

    def _named(self, kind: int, place: str, level: int) -> None:
        """Walk the names of a namespace, a package or a stored object: R loads what they name."""
        if self.reader.integer() != 0:
            raise Malformed("is R data with names that have attributes")
        names = [self.item(place, level + 1) for _ in range(_limited(self.reader.integer()))]
        self.symbols.append("")
        name = (names[0] if names else "").removeprefix("package:")
        allowed = kind != _PERSISTENT and name in _BASE_PACKAGES
        self.found.imports(name, place, allowed=allowed)
        if not allowed:
            self.found.find(
                "r_namespace",
                f"Loading the data loads the R package {shown(name)} and runs its start code. Store plain values.",
                place,
            )

    def _alternative(self, place: str, level: int) -> None:
        """Walk a vector in another representation: its class, its state, its attributes."""
        flags = self.reader.integer()
        if flags & 0xFF != _PAIRLIST or flags & (_HAS_ATTRIBUTES | _HAS_TAG):
            raise Malformed("is R data with a representation that is not described by a list")
        name = self.item(place, level + 1)
        self.item(place, level + 1)
        if name not in _ALTERNATIVES:
            self.found.executes(f"ALTREP {name}", place)
            self.found.find(
                "r_representation",
                f"A vector is in the representation {shown(name)}, whose code decides what loading does. Store a copy "
                "of the values, for instance with saveRDS(as.vector(x)).",
                place,
            )
        self.item(place, level + 1)
        self.item(place, level + 1)

    def _refuse(self, kind: int, place: str) -> None:
        self.found.executes(f"R: {_CODE[kind]}", place)
        self.found.find(
            "r_code",
            f"The data contain {_CODE[kind]}. Using the object can run it. Store the parameters of the model as plain "
            "vectors, or export the model to ONNX or PMML.",
            place,
            severity=Severity.CRITICAL,
        )


class _Bytes:
    """The unpacked bytes of the file, in order. Memory is limited to a chunk."""

    def __init__(self, scan: Scan) -> None:
        scan.stream.seek(0)
        packed = is_packed(scan.stream.read(6))
        scan.stream.seek(0)
        self._source = PackedStream(scan.stream, scan.size, scan.options) if packed else scan.stream
        self._buffer = b""
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return exactly `count` bytes. Raises Malformed if the data end before."""
        parts: list[bytes] = []
        while count:
            self._need()
            part = self._buffer[self._at : self._at + count]
            self._at += len(part)
            count -= len(part)
            parts.append(part)
        return b"".join(parts)

    def skip(self, count: int) -> None:
        """Skip bytes. Raises Malformed if the data end before."""
        while count:
            self._need()
            step = min(count, len(self._buffer) - self._at)
            self._at += step
            count -= step

    def line(self, *, optional: bool = False) -> bytes:
        """Return a line with its end; with `optional`, nothing unless a short header line follows."""
        if optional:
            self._fill()
            if re.match(rb"[XAB]\n", self._buffer[self._at : self._at + 2]) is None:
                return b""
        found = b""
        while not found.endswith(b"\n"):
            if len(found) > 400:
                raise Malformed("is R data with a line that is too long")
            found += self.take(1)
        return found

    def is_at_end(self) -> bool:
        """Return whether no byte follows."""
        return not self._fill()

    def _need(self) -> None:
        if not self._fill():
            raise Malformed("is R data that are cut short")

    def _fill(self) -> bool:
        """Return whether bytes are left, after reading more if the buffer is used."""
        if self._at == len(self._buffer):
            self._buffer, self._at = self._source.read(_CHUNK), 0
        return self._at < len(self._buffer)


class _Xdr:
    def __init__(self, source: _Bytes) -> None:
        self._source = source

    def integer(self) -> int:
        return int.from_bytes(self._source.take(4), "big", signed=True)

    def text(self, length: int) -> bytes:
        return self._source.take(length)

    def skip_numbers(self, kind: int, count: int) -> None:
        self._source.skip(_WIDTHS[kind] * count)

    def skip_raw(self, count: int) -> None:
        self._source.skip(count)

    def is_at_end(self) -> bool:
        return self._source.is_at_end()


class _Ascii:
    def __init__(self, source: _Bytes) -> None:
        self._source = source

    def _word(self) -> bytes:
        return self._source.line().strip()

    def integer(self) -> int:
        word = self._word()
        if word == b"NA":
            return -(1 << 31)
        if re.fullmatch(rb"-?\d{1,10}", word) is None:
            raise Malformed("is R data with a number that is not one")
        return int(word)

    def text(self, length: int) -> bytes:
        """Return a text, in which backslashes escape octal bytes and control characters."""
        found = bytearray()
        while len(found) < length:
            byte = self._source.take(1)
            if byte == b"\\":
                byte = self._source.take(1)
                if byte.isdigit():
                    for _ in range(2):
                        byte += self._source.take(1)
                    if re.fullmatch(rb"[0-3][0-7]{2}", byte) is None:
                        raise Malformed("is R data with a broken escape")
                    byte = bytes([int(byte, 8)])
            found += byte
        if length:
            self._source.line()
        return bytes(found)

    def skip_numbers(self, kind: int, count: int) -> None:
        for _ in range(2 * count if kind == 15 else count):
            effort.spend(1)
            self._word()

    def skip_raw(self, count: int) -> None:
        raise Malformed(f"is R data as text with {count:,} raw bytes, which are not judged")

    def is_at_end(self) -> bool:
        return self._source.is_at_end()
