"""Scan PDF files for what a viewer runs or opens: scripts, programs, embedded files, forms that send data.

Object streams are unpacked, because they contain objects as well. Source: ISO 32000-1, 7.3.5 (names), 7.5.7, 12.6.
"""

from __future__ import annotations

import re
import zlib

from governance.checks.base import Severity
from governance.checks.formats import effort
from governance.checks.formats.effort import Malformed
from governance.checks.formats.names import Format
from governance.checks.scan.collecting import Collector, collected
from governance.checks.scan.report import Scan

MAX_PDF = 64 << 20
MAX_UNPACKED = 16 << 20
"""Maximum bytes of an unpacked object stream."""
_ACTIONS = {
    b"JavaScript": "runs JavaScript",
    b"Launch": "starts a program",
    b"EmbeddedFile": "contains another file",
    b"RichMedia": "contains media that a viewer plays",
    b"XFA": "contains a form with scripts",
    b"SubmitForm": "sends the content of a form",
    b"ImportData": "reads a file of the machine",
    b"GoToR": "opens another document",
    b"GoToE": "opens an embedded document",
}
_NAME = re.compile(rb"/((?:[^\x00\s/<>\[\]()%{}#]|#[0-9A-Fa-f]{2}){2,60})")
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_OPEN_ACTION = re.compile(rb"/OpenAction\s{0,20}(.)", re.DOTALL)
_OBJECT_STREAM = re.compile(rb"/ObjStm\b.{0,4096}?stream\r?\n", re.DOTALL)


@collected(Format.PDF)
def scan(scan: Scan, found: Collector) -> None:
    """Scan a PDF file."""
    if scan.size > MAX_PDF:
        raise Malformed(f"is a PDF file of more than {MAX_PDF:,} bytes, which is not judged")
    scan.stream.seek(0)
    content = scan.stream.read(scan.size)
    effort.spend(len(content) // 16)
    parts = [content, *(_unpacked(content, match.end(), found) for match in _OBJECT_STREAM.finditer(content))]
    for number, part in enumerate(parts):
        _judge(part, "" if number == 0 else f"object stream {number}", found)


def _unpacked(content: bytes, start: int, found: Collector) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        part = unpacker.decompress(memoryview(content)[start:], MAX_UNPACKED + 1)
    except zlib.error:
        found.unreadable(
            "pdf_stream", "An object stream does not unpack, so what it contains cannot be judged.", f"byte {start}"
        )
        return b""
    effort.spend_bytes(len(part))
    if len(part) > MAX_UNPACKED:
        found.unreadable(
            "pdf_stream", f"An object stream unpacks to more than {MAX_UNPACKED:,} bytes.", f"byte {start}"
        )
        return b""
    return part


def _judge(part: bytes, place: str, found: Collector) -> None:
    seen: set[bytes] = set()
    for match in _NAME.finditer(part):
        raw = match[1]
        name = _ESCAPE.sub(lambda escape: bytes([int(escape[1], 16)]), raw) if b"#" in raw else raw
        if name == b"Encrypt" and not place:
            found.unreadable("pdf_encrypted", "The file is encrypted, so what it contains cannot be judged.")
        elif name == b"ObjStm" and raw != name:
            found.unreadable("pdf_stream", "The name of an object stream is written with escapes.", place)
        if name not in _ACTIONS or name in seen:
            continue
        seen.add(name)
        where = place or f"byte {match.start()}"
        found.executes(f"PDF {name.decode()}", where)
        found.find(
            "pdf_action",
            f"The document {_ACTIONS[name]} (/{name.decode()}). Print it to a new PDF file.",
            where,
            severity=Severity.HIGH,
        )
    for match in _OPEN_ACTION.finditer(part):
        if match[1] != b"[":  # an array is a place in the document
            found.note(
                "pdf_open_action", "The document has an action when it is opened.", place or f"byte {match.start()}"
            )
