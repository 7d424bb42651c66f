"""The blocks a document's answers are made of: JSON that a page, a reader of the interface and paper can each draw.

Every block names its source. Values are text: a document is read by people, and its digest must not depend on how a
database writes a number. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeAlias

Block: TypeAlias = dict[str, Any]

MAX_ROWS = 200
MAX_CELL = 500
MAX_TEXT = 64 * 1024
"""Characters of one section that a document holds; the card itself stays in the registry."""


def facts(title: str, source: str, items: Iterable[tuple[str, str | None]]) -> list[Block]:
    """Named values; those without a value are left out, and a block without any."""
    kept = [{"name": name, "value": value[:MAX_TEXT]} for name, value in items if value]
    return [{"kind": "facts", "title": title, "source": source, "items": kept}] if kept else []


def text(title: str, source: str, markdown: str) -> list[Block]:
    """What somebody wrote, in Markdown."""
    if not markdown.strip():
        return []
    cut = len(markdown) > MAX_TEXT
    return [{"kind": "text", "title": title, "source": source, "markdown": markdown[:MAX_TEXT], "cut": cut}]


def table(title: str, source: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[Block]:
    """Rows of text under columns; at most MAX_ROWS, the rest is counted."""
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
    """A moment, to the second, in UTC."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if value is not None else ""


def number(value: float | None) -> str:
    """A measured number, as exactly as it is kept."""
    return "" if value is None else repr(float(value)).removesuffix(".0")


def as_text(block: Block) -> str:
    """A block as plain lines, for comparing two."""
    if block["kind"] == "text":
        return str(block["markdown"])
    if block["kind"] == "facts":
        return "\n".join(f"{item['name']}: {item['value']}" for item in block["items"])
    lines = [" | ".join(row) for row in [block["columns"], *block["rows"]]]
    return "\n".join([*lines, f"and {block['left_out']} more"] if block["left_out"] else lines)
