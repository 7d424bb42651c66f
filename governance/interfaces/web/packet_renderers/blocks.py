"""What the page of a packet consists of: sections of blocks. Values of the signed content, without HTML."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.utils.safestring import SafeString

from governance.interfaces.html.check_drawings import Drawing, drawings_of
from governance.interfaces.web.markdown import to_html, without_front_matter
from governance.selectors import PacketRecord


@dataclass(frozen=True)
class Cell:
    """A value: `kind` is "text", "code", "digest", "person" or "none"; `title` is the pseudonym of a person."""

    text: str
    kind: str = "text"
    title: str = ""


NOTHING = Cell("–", "none")


def text(value: Any) -> Cell:
    """Return a cell with a value as text; "–" for None and the empty text."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, float):
        return Cell(f"{value:g}" if abs(value) < 1e15 else repr(value))
    if isinstance(value, dict | list):
        return Cell(json.dumps(value, ensure_ascii=False), "code")
    return Cell(str(value))


def digest(value: Any) -> Cell:
    """Return a cell with a SHA-256 digest, which can be copied."""
    return Cell(str(value), "digest") if value else NOTHING


def code(value: Any) -> Cell:
    return Cell(str(value), "code") if value not in (None, "") else NOTHING


@dataclass(frozen=True)
class Facts:
    """Names with values."""

    rows: tuple[tuple[str, Cell], ...]
    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Table:
    """Rows under headings. `numeric` are the columns with numbers, counted from 0."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    numeric: frozenset[int] = frozenset()
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Prose:
    """Text as it was written."""

    text: str
    kind: ClassVar[str] = "prose"


@dataclass(frozen=True)
class Items:
    """Sentences under an optional title."""

    title: str
    items: tuple[str, ...]
    kind: ClassVar[str] = "items"


@dataclass(frozen=True)
class People:
    """People, each with the reason why they are named."""

    title: str
    rows: tuple[tuple[Cell, str], ...]
    kind: ClassVar[str] = "people"


@dataclass(frozen=True)
class Html:
    """Rendered Markdown under a title."""

    title: str
    html: SafeString
    kind: ClassVar[str] = "html"


@dataclass(frozen=True)
class Json:
    """A value as JSON."""

    title: str
    value: Any
    kind: ClassVar[str] = "json"


@dataclass(frozen=True)
class CheckBlock:
    """A check with its conclusion, findings and what it measured."""

    slug: str
    title: str
    conclusion: str
    mode: str
    summary: str
    stale: bool
    findings: tuple[Mapping[str, Any], ...]
    drawings: tuple[Drawing, ...]
    facts: tuple[tuple[str, Cell], ...]
    kind: ClassVar[str] = "check"


Block = Facts | Table | Prose | Items | People | Html | Json | CheckBlock


@dataclass(frozen=True)
class Section:
    """A titled part of the page; `key` is its anchor."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    note: str = ""


@dataclass
class Source:
    """The content of a packet for a renderer, with names. `known` collects the members that the renderer has shown."""

    record: PacketRecord
    known: set[str] = field(default_factory=lambda: {"form"})

    def take(self, name: str, default: Any = None) -> Any:
        """Return a member of the content, and note that the renderer shows it."""
        self.known.add(name)
        return self.record.content.get(name, default)

    def person(self, uid: Any) -> Cell:
        """Return a cell with the name of a person beside the pseudonym."""
        if not uid:
            return NOTHING
        return Cell(self.record.names.get(str(uid), "unknown account"), "person", str(uid))

    def stage(self, slug: Any) -> Cell:
        return text(self.record.stages.get(str(slug), slug)) if slug else NOTHING


def check_block(check: Mapping[str, Any], title: str) -> CheckBlock:
    """Return the block of one check of a packet."""
    judged = check.get("judged_inputs")
    reported = check.get("reported")
    return CheckBlock(
        slug=str(check["check"]),
        title=title,
        conclusion=str(check["conclusion"] or ""),
        mode=str(check["mode"]),
        summary=str(check["summary"] or ""),
        stale=judged is not None and judged != check["inputs"],
        findings=tuple(one for one in check["findings"] if isinstance(one, Mapping)),
        drawings=drawings_of(str(check["check"]), check["measures"]),
        facts=(
            *((("Parameters", text(check["params"])),) if check["params"] else ()),
            *((("Version of the check", text(check["version"])),) if check["version"] else ()),
            ("Inputs digest", digest(check["inputs"])),
            *((("Reported with", text(reported)),) if reported else ()),
            *((("Measures", text(check["measures"])),) if check["measures"] else ()),
        ),
    )


def table(title: str, headings: Iterable[str], rows: Iterable[Iterable[Cell]], numeric: Iterable[int] = ()) -> Table:
    """Return a table."""
    return Table(title, tuple(headings), tuple(tuple(row) for row in rows), frozenset(numeric))


def markdown(title: str, source: str) -> Html:
    """Return rendered Markdown; the metadata at its beginning is left out."""
    return Html(title, to_html(without_front_matter(source), below=2))
