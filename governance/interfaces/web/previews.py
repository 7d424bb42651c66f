"""Previews of evidence files as text or table, from their first bytes. Pure functions; file content is not executed."""

from __future__ import annotations

import csv
import json
from contextlib import suppress
from dataclasses import dataclass

from registry.json_text import JsonTextError, parse_json

HEAD = 256 * 1024
"""Bytes read from a file."""
MOST_ROWS = 50
MOST_COLUMNS = 30
MOST_LINES = 400
MOST_CELL = 200
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class Preview:
    """The beginning of a file. `cut`: the file is longer. Without columns and text there is no preview."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    cut: bool = False


def preview(head: bytes, filename: str, *, complete: bool) -> Preview:
    """Return the preview of a file.

    Args:
        head: its first bytes, at most `HEAD`.
        filename: its extension selects the format.
        complete: whether `head` is the whole file.
    """
    text = _decoded(head, complete=complete)
    if text is None:
        return Preview()
    if not complete:  # the last line may be incomplete
        text = text[: text.rfind("\n") + 1] or text
    ending = filename.rpartition(".")[2].casefold()
    if ending in ("csv", "tsv"):
        found = _table(text, complete=complete)
        if found is not None:
            return found
    if ending == "json" and complete:
        with suppress(JsonTextError):  # invalid JSON is shown unchanged
            text = json.dumps(parse_json(text), indent=2, ensure_ascii=False)
    lines = text.splitlines()
    return Preview(text="\n".join(lines[:MOST_LINES]), cut=not complete or len(lines) > MOST_LINES)


def _decoded(head: bytes, *, complete: bool) -> str | None:
    encoding = next((name for mark, name in _MARKS if head.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\x00" in head:
        return None
    try:
        return head.decode(encoding)
    except UnicodeDecodeError as error:
        if not complete and error.start >= len(head) - 4:  # the last character is incomplete
            return head[: error.start].decode(encoding)
    control = sum(byte < 9 or 13 < byte < 32 for byte in head)
    return head.decode("cp1252", "replace") if head and control == 0 else None


def _table(text: str, *, complete: bool) -> Preview | None:
    first = text.partition("\n")[0]
    if first.casefold().startswith("sep=") and len(first.strip()) == 5:
        delimiter, text = first.strip()[4], text.partition("\n")[2]
    else:
        delimiter = max(_DELIMITERS, key=first.count)
    try:
        records: list[list[str]] = []
        more = False
        for record in csv.reader(text.splitlines(), delimiter=delimiter):
            if len(records) > MOST_ROWS:
                more = True
                break
            if record:
                records.append(record)
    except csv.Error:
        return None
    if not records or len(records[0]) < 2:
        return None
    wide = max(len(record) for record in records)
    cells = [
        tuple(value[:MOST_CELL] for value in (*record, *([""] * wide))[: min(wide, MOST_COLUMNS)]) for record in records
    ]
    return Preview(cells[0], tuple(cells[1:]), cut=more or not complete or wide > MOST_COLUMNS)
