"""The blocks of a technical document: JSON that the page, the REST interface and the PDF file render. Pure.

Every block names its source. Values are text, because the digest of a document must not depend on how a database writes
a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

Block: TypeAlias = dict[str, Any]

MAX_ROWS = 200
MAX_CELL = 500
MAX_TEXT = 64 * 1024
"""Characters of one section in a document. The card itself stays in the registry."""


def facts(title: str, source: str, items: Iterable[tuple[str, str | None]]) -> list[Block]:
    """Build a block of named values. Items without a value are left out; without items there is no block."""
    kept = [{"name": name, "value": value[:MAX_TEXT]} for name, value in items if value]
    return [{"kind": "facts", "title": title, "source": source, "items": kept}] if kept else []


def text(title: str, source: str, markdown: str) -> list[Block]:
    """Build a block of Markdown. Without text there is no block."""
    if not markdown.strip():
        return []
    cut = len(markdown) > MAX_TEXT
    return [{"kind": "text", "title": title, "source": source, "markdown": markdown[:MAX_TEXT], "cut": cut}]


def table(title: str, source: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[Block]:
    """Build a table of at most MAX_ROWS rows; the others are counted. Without rows there is no block."""
    listed = [[_cell(value) for value in row] for row in rows]
    if not listed:
        return []
    return [
        {
            "kind": "table",
            "title": title,
            "source": source,
            "columns": list(columns),
            "rows": listed[:MAX_ROWS],
            "left_out": max(0, len(listed) - MAX_ROWS),
        }
    ]


def _cell(value: str) -> str:
    return value if len(value) <= MAX_CELL else value[: MAX_CELL - 1] + "…"


def moment(value: datetime | None) -> str:
    """Return a time to the second, in UTC."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value is not None else ""


def number(value: float | None) -> str:
    """Return a number with the precision that is stored."""
    return "" if value is None else repr(float(value)).removesuffix(".0")


def as_text(block: Block) -> str:
    """Return a block as plain lines, for a comparison."""
    if block["kind"] == "text":
        return str(block["markdown"])
    if block["kind"] == "facts":
        return "\n".join(f"{item['name']}: {item['value']}" for item in block["items"])
    lines = [" | ".join(row) for row in [block["columns"], *block["rows"]]]
    return "\n".join([*lines, f"and {block['left_out']} more"] if block["left_out"] else lines)
