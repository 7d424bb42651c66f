"""Previews of evidence files as text, table, notebook or image, from their first bytes.

Pure functions. Nothing in a file is executed: notebooks are shown as text, without their HTML and scripts, and only
images of pixels are shown by the browser, with their type stated.
"""

from __future__ import annotations

import csv
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from registry.json_text import JsonTextError, parse_json

HEAD = 256 * 1024
"""Bytes read from a file."""
HEAD_OF_NOTEBOOK = 4 * 1024 * 1024
"""Bytes read from a notebook: it is parsed as a whole, and often contains images."""
MOST_CELLS = 80
MOST_CELL_LINES = 80
IMAGES = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
}
"""Types of images that the browser shows, with their first bytes. No SVG, which can contain scripts."""
MOST_ROWS = 50
MOST_COLUMNS = 30
MOST_LINES = 400
MOST_CELL = 200
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class NotebookCell:
    """A cell of a notebook: "Text" or "Code", its source, and its outputs as text."""

    kind: str
    source: str
    output: str


@dataclass(frozen=True)
class Preview:
    """The beginning of a file. `cut`: the file is longer. Without columns, text, cells and image there is no preview.

    `image` is the type of an image.
    """

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    text: str = ""
    cut: bool = False
    cells: tuple[NotebookCell, ...] = ()
    image: str = ""


def head_length(filename: str) -> int:
    """Return how many bytes of a file its preview needs."""
    return HEAD_OF_NOTEBOOK if filename.casefold().endswith(".ipynb") else HEAD


def image_type(head: bytes) -> str:
    """Return the type of an image that the browser may show, by its first bytes; empty for anything else."""
    return next((kind for kind, marks in IMAGES.items() if head.startswith(marks)), "")


def preview(head: bytes, filename: str, *, complete: bool) -> Preview:
    """Return the preview of a file.

    Args:
        head: its first bytes, at most `HEAD`.
        filename: its extension selects the format.
        complete: whether `head` is the whole file.
    """
    if image := image_type(head):
        return Preview(image=image)
    text = _decoded(head, complete=complete)
    if text is None:
        return Preview()
    if filename.casefold().endswith(".ipynb") and complete:
        found = _notebook(text)
        if found is not None:
            return found
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


def _notebook(text: str) -> Preview | None:
    """Return the cells of a Jupyter notebook; None if it is none."""
    try:
        parsed = parse_json(text)
    except JsonTextError:
        return None
    cells = parsed.get("cells") if isinstance(parsed, dict) else None
    if not isinstance(cells, list):
        return None
    shown = tuple(_cell(one) for one in cells[:MOST_CELLS] if isinstance(one, dict))
    return Preview(cells=shown, cut=len(cells) > MOST_CELLS) if shown else None


def _cell(cell: dict[str, Any]) -> NotebookCell:
    outputs = cell.get("outputs")
    texts = [_output(one) for one in outputs if isinstance(one, dict)] if isinstance(outputs, list) else []
    kind = "Code" if cell.get("cell_type") == "code" else "Text"
    return NotebookCell(kind, _lines(cell.get("source")), "\n".join(filter(None, texts)))


def _output(output: dict[str, Any]) -> str:
    if "text" in output:
        return _lines(output["text"])
    if output.get("output_type") == "error":
        return f"{output.get('ename', 'Error')}: {output.get('evalue', '')}"[:MOST_CELL]
    data = output.get("data")
    if not isinstance(data, dict):
        return ""
    if "text/plain" in data:
        return _lines(data["text/plain"])
    return f"[{', '.join(sorted(map(str, data)))[:MOST_CELL]}, not shown]" if data else ""


def _lines(value: Any) -> str:
    """Return a multi-line text of a notebook, which is a text or a list of lines, cut to `MOST_CELL_LINES`."""
    parts = value if isinstance(value, list) else [value]
    lines = "".join(part for part in parts if isinstance(part, str)).splitlines()
    more = [f"… {len(lines) - MOST_CELL_LINES} more lines"] if len(lines) > MOST_CELL_LINES else []
    return "\n".join([line[:2_000] for line in lines[:MOST_CELL_LINES]] + more)


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
