"""Scan GGUF models: every count, text and tensor lies in the file; chat templates in the metadata are judged.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
import struct
from typing import IO

from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan import jinja_templates
from governance.checks.scan.collecting import Collector, collected, shown
from governance.checks.scan.report import Scan

MAX_ENTRIES = 1_000_000
MAX_NAME = 64 << 10
_TEMPLATE = "tokenizer.chat_template"
_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9
_DEFAULT_ALIGNMENT = 32
# ggml.h, ggml_type: numbers in a block and its bytes.
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74),
    18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2),
    26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
}  # fmt: skip


@collected(Format.GGUF)
def scan(scan: Scan, found: Collector) -> None:
    """Scan a GGUF model."""
    scan.stream.seek(4)
    reader = _Reader(scan.stream, scan.size)
    try:
        _scan(reader, found)
    except struct.error:
        raise Malformed("is a GGUF file that is cut short") from None


class _Reader:
    def __init__(self, file: IO[bytes], size: int) -> None:
        self.file, self.size = file, size

    def number(self, form: str) -> int:
        (found,) = struct.unpack(form, self.file.read(struct.calcsize(form)))
        return int(found)

    def skip(self, length: int) -> None:
        if self.file.tell() + length > self.size:
            raise Malformed("is a GGUF file that gives a length beyond its end")
        self.file.seek(length, 1)

    def text(self, limit: int) -> str:
        length = self.number("<Q")
        if length > limit or self.file.tell() + length > self.size:
            raise Malformed(f"is a GGUF file with a text of {length:,} bytes, beyond its end or the limit")
        return self.file.read(length).decode("utf-8", errors="replace")

    def count(self, form: str, limit: int, what: str) -> int:
        found = self.number(form)
        if found > limit:
            raise Malformed(f"is a GGUF file with {found:,} {what}; more than {limit:,} are not judged")
        effort.spend(found)
        return found


def _scan(reader: _Reader, found: Collector) -> None:
    if reader.number("<I") not in (2, 3):
        raise Malformed("is a GGUF file of an unknown version")
    tensors = reader.count("<Q", MAX_ENTRIES, "tensors")
    entries = reader.count("<Q", MAX_ENTRIES, "entries of metadata")
    alignment, keys = _DEFAULT_ALIGNMENT, set()
    for _ in range(entries):
        key = reader.text(MAX_NAME)
        if key in keys:
            raise Malformed(f"is a GGUF file with the key {key[:80]!r} twice: readers differ in which one they take")
        keys.add(key)
        kind = reader.number("<I")
        if key == "general.alignment" and kind == 4:
            alignment = reader.number("<I")
        elif key.startswith(_TEMPLATE) and kind == _STRING:
            jinja_templates.judge(reader.text(4 << 20), key, found)
        elif kind == _ARRAY and key.startswith(_TEMPLATE) and _is_text_array(reader):
            for number in range(reader.count("<Q", MAX_ENTRIES, "values of an array")):
                jinja_templates.judge(reader.text(4 << 20), f"{key}[{number}]", found)
        else:
            _skip_value(reader, kind, 0)
    if alignment < 1 or alignment > 1 << 20 or alignment & (alignment - 1):
        raise Malformed(f"is a GGUF file with the alignment {alignment}")
    _check_tensors(reader, tensors, alignment, found)


def _is_text_array(reader: _Reader) -> bool:
    if reader.number("<I") == _STRING:
        return True
    reader.file.seek(-4, 1)
    return False


def _skip_value(reader: _Reader, kind: int, depth: int) -> None:
    if kind in _SIZES:
        reader.skip(_SIZES[kind])
    elif kind == _STRING:
        reader.skip(reader.number("<Q"))
    elif kind == _ARRAY and depth < 4:
        of = reader.number("<I")
        if of in _SIZES:
            reader.skip(_SIZES[of] * reader.number("<Q"))
            return
        for _ in range(reader.count("<Q", 5_000_000, "values of an array")):
            _skip_value(reader, of, depth + 1)
    else:
        raise Malformed(f"is a GGUF file with a value of the unknown type {kind}")


def _check_tensors(reader: _Reader, count: int, alignment: int, found: Collector) -> None:
    names: set[str] = set()
    spans: list[tuple[int, int, str]] = []
    for _ in range(count):
        name = reader.text(MAX_NAME)
        dimensions = reader.count("<I", 8, "dimensions of a tensor")
        shape = [reader.number("<Q") for _ in range(dimensions)]
        kind, offset = reader.number("<I"), reader.number("<Q")
        if name in names:
            raise Malformed(f"is a GGUF file with two tensors called {name[:80]!r}")
        names.add(name)
        if offset % alignment:
            raise Malformed(f"is a GGUF file whose tensor {name[:80]!r} is not aligned")
        if kind not in _BLOCKS:
            found.note("gguf_type_unknown", f"The tensor {shown(name)} has the unknown type {kind}.")
            spans.append((offset, offset, name))
            continue
        per_block, size = _BLOCKS[kind]
        spans.append((offset, offset + math.prod(shape) // per_block * size, name))
    start = reader.file.tell()
    data = reader.size - (start + (-start) % alignment if count else start)
    before = 0
    for begin, end, name in sorted(spans):
        if begin < before or end > data:
            raise Malformed(f"is a GGUF file whose tensor {name[:80]!r} overlaps another or lies beyond the end")
        before = max(before, end)
