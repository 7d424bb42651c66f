"""Paper: a document or a model card as PDF. Pure: the same input gives the same bytes.

Markdown is read into plain paragraphs, lists and tables; markup somebody wrote is text here and can do nothing. The
fonts are those every reader of PDF has; see `letters`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fpdf import FPDF
from fpdf.enums import Align, WrapMode, XPos, YPos
from fpdf.fonts import FontFace
from markdown_it import MarkdownIt
from markdown_it.token import Token

from governance.documents.letters import Letters

MAX_CELL = 700
"""Characters of one cell: a row has to fit on a page."""
MAX_COLUMNS = 14
"""Columns of a table that fit on a page; the rows of a wider one are printed as lines."""
MAX_CELLS = 20_000
"""Table cells in one file: one takes half a millisecond to draw. What is left out is counted in the file."""
MAX_PAGES = 500
"""Pages of one file; the last one names where the rest is."""
GREY: Final = (90, 90, 90)
TEXT: Final = 148.0
"""Width of a line of prose in millimetres: short enough to read, and room enough where a reader's machine has no
Helvetica and shows it in something wider."""
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
_STATES: Final = {"given": "answered", "partly": "answered in part", "missing": "missing"}


@dataclass(frozen=True)
class Print:
    """What the first page says about itself.

    Args:
        title: of the whole.
        subject: what it is about.
        printed_by: the reader's name.
        printed_at: when, in UTC.
        permalink: where it is read on a screen.
        facts: further lines, such as the digest and the event it is true at.
    """

    title: str
    subject: str
    printed_by: str
    printed_at: datetime
    permalink: str
    facts: Sequence[tuple[str, str]] = ()


def document(content: Mapping[str, Any], about: Print, *, compress: bool = True) -> bytes:
    """A technical document, as `governance.documents.building` makes them."""
    return _drawn(about, _json(content), lambda paper: _points(paper, content), compress=compress)


def card(text: str, metadata: Mapping[str, Any], about: Print, *, compress: bool = True) -> bytes:
    """A model card: its front matter as a table, its Markdown under that.

    Args:
        text: without the front matter.
        metadata: the front matter as JSON.
    """

    def draw(paper: _Paper) -> None:
        if metadata:
            paper.heading("Metadata", 2)
            paper.pairs((name, value if isinstance(value, str) else _json(value)) for name, value in metadata.items())
        paper.markdown(text, 2)

    return _drawn(about, text + _json(metadata), draw, compress=compress)


def _drawn(about: Print, said: str, draw: Callable[[_Paper], None], *, compress: bool) -> bytes:
    """Draw it. `said` is all that will be printed: the first page tells whether letters in it are written otherwise."""
    letters = Letters()
    letters.shown(said)
    paper = _Paper(about, otherwise=letters.changed > 0)
    paper.set_compression(compress)
    paper.front()
    draw(paper)
    return bytes(paper.output())


def _points(paper: _Paper, content: Mapping[str, Any]) -> None:
    missing = [(p["clause"], m) for p in content["points"] for m in p["missing"]]
    if missing:
        paper.heading("What is missing", 2)
        rows = [
            [clause, m["what"] + (" (where applicable)" if m["conditional"] else ""), m["where"]]
            for clause, m in missing
        ]
        paper.rows(("point", "missing", "where to give it"), rows, (14, 38, 48))
    group = ""
    for point in content["points"]:
        if paper.is_full():
            return
        if point["group"] and point["group"] != group:
            paper.heading(f"{point['clause'].partition('(')[0]}. {point['group']}", 2)
        group = point["group"]
        paper.heading(f"{point['clause']}  {point['title']}", 3 if group else 2)
        paper.note(_STATES[point["state"]].capitalize())
        for block in point["blocks"]:
            _block(paper, block)
        for gap in point["missing"]:
            paper.note(f"Missing: {gap['what']}. Give it in: {gap['where']}.", strong=True)


def _block(paper: _Paper, block: Mapping[str, Any]) -> None:
    paper.heading(block["title"], 4)
    if block["kind"] == "text":
        paper.markdown(block["markdown"], 4)
        if block["cut"]:
            paper.note("The text is longer; its beginning is printed.")
    elif block["kind"] == "facts":
        paper.pairs((item["name"], item["value"]) for item in block["items"])
    else:
        paper.rows(block["columns"], block["rows"])
        if block["left_out"]:
            paper.note(f"And {block['left_out']:,} more rows.")
    paper.note(f"Source: {block['source']}")


class _Paper(FPDF):
    """A4 with a head and foot on every page."""

    def __init__(self, about: Print, *, otherwise: bool) -> None:
        super().__init__(format="A4")
        self.about, self.otherwise = about, otherwise
        self.cells_left = MAX_CELLS
        self.stopped = False
        self.letters = Letters()
        self.core_fonts_encoding = "windows-1252"
        self.set_margins(18, 18, 18)
        self.set_auto_page_break(auto=True, margin=20)
        self.set_creation_date(about.printed_at)
        plain = Letters()
        self.set_title(plain.shown(about.title))
        self.set_subject(plain.shown(about.subject))
        self.set_author(plain.shown(about.printed_by))
        self.set_creator("Countersign")
        self.set_producer("Countersign")
        self.set_lang("en")
        self.alias_nb_pages("{pages}")
        self.set_font("Helvetica", size=9.5)
        self.set_draw_color(190)
        self.set_line_width(0.15)

    def header(self) -> None:
        if self.page_no() > 1:
            self.set_font("Helvetica", size=7.5)
            self.set_text_color(*GREY)
            self.line_of(f"{self.about.subject} · {self.about.title}")
            self.ln(3)
            self.set_text_color(0)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font("Helvetica", size=7.5)
        self.set_text_color(*GREY)
        plain = Letters()
        self.cell(self.epw - 30, 5, plain.shown(self.about.permalink)[:130])
        self.cell(30, 5, f"{self.page_no()} / {{pages}}", align=Align.R)
        self.set_text_color(0)

    def front(self) -> None:
        """What, who printed it, when, where it is, and by what its content can be told."""
        about = self.about
        self.add_page()
        self.set_font("Helvetica", "B", 16)
        self.line_of(about.title, 8)
        self.set_font("Helvetica", size=11)
        self.line_of(about.subject, 6)
        self.ln(2)
        lines = [
            ("Printed", f"{about.printed_at:%Y-%m-%d %H:%M:%S} UTC by {about.printed_by}"),
            ("Permalink", about.permalink),
            *about.facts,
        ]
        if self.otherwise:
            note = (
                "Some letters are not in the fonts of this file and are written otherwise, or as [U+…]. The page and "
            )
            lines.append(("Letters", note + "the JSON have them as they were given."))
        self.pairs(lines)

    def is_full(self) -> bool:
        """Whether the file has as many pages as it may; the reader is then referred to the page, once."""
        if self.page_no() < MAX_PAGES:
            return False
        if not self.stopped:
            self.stopped = True
            self.note(
                f"The rest is not printed: a file has at most {MAX_PAGES} pages. Read it on the page.", strong=True
            )
        return True

    def line_of(self, text: str, height: float = 4) -> None:
        self.multi_cell(
            0, height, self.letters.shown(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, wrapmode=WrapMode.CHAR
        )

    def heading(self, text: str, level: int) -> None:
        size = {2: 13.0, 3: 11.0}.get(level, 9.5)
        self.ln({2: 5, 3: 4}.get(level, 2))
        if self.will_page_break(size):
            self.add_page()
        self.set_font("Helvetica", "B", size)
        self.multi_cell(0, size * 0.5, self.letters.shown(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_font("Helvetica", size=9.5)

    def note(self, text: str, *, strong: bool = False) -> None:
        self.set_font("Helvetica", "B" if strong else "", 8)
        self.set_text_color(*((0, 0, 0) if strong else GREY))
        self.line_of(text)
        self.set_text_color(0)
        self.set_font("Helvetica", size=9.5)

    def paragraph(self, text: str, indent: float = 0) -> None:
        if text.strip():
            self.set_x(self.l_margin + indent)
            shown = self.letters.shown(text)
            self.multi_cell(TEXT - indent, 4.6, shown, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align=Align.L)
            self.ln(1.2)

    def pairs(self, items: Iterable[tuple[str, str]]) -> None:
        self.rows(None, [list(item) for item in items], (24, 76))

    def rows(
        self, columns: Sequence[str] | None, rows: Iterable[Sequence[str]], widths: Sequence[int] | None = None
    ) -> None:
        """A table; its head is repeated on every page."""
        given = list(rows)
        wide = max((len(row) for row in [*given, columns or []]), default=0)
        if not given or wide == 0:
            return
        if wide > MAX_COLUMNS:
            for row in [columns, *given] if columns else given:
                if self.is_full():
                    return
                self.paragraph(" | ".join(row))
            return
        kept = given[: self.cells_left // wide]
        self.cells_left -= wide * len(kept)
        listed = [[self._cell(value) for value in row] for row in kept]
        head = [self._cell(name) for name in columns] if columns else None
        if listed:
            self._table(head, listed, wide, widths)
        if len(kept) < len(given):
            self.note(f"{len(given) - len(kept):,} more rows are not printed. Read them on the page.", strong=True)

    def _table(self, head: list[str] | None, listed: list[list[str]], wide: int, widths: Sequence[int] | None) -> None:
        self.ln(1)
        self.set_font("Helvetica", size=8)
        with self.table(
            first_row_as_headings=head is not None,
            headings_style=FontFace(emphasis="BOLD", fill_color=(240, 242, 245)),
            col_widths=tuple(widths) if widths else _widths([*listed, *([head] if head else [])], wide),
            line_height=3.8,
            padding=0.8,
            text_align=Align.L,
            borders_layout="HORIZONTAL_LINES",
        ) as drawn:
            for row in [*([head] if head else []), *listed]:
                drawn.row([*row, *[""] * (wide - len(row))])
        self.set_font("Helvetica", size=9.5)
        self.ln(1)

    def _cell(self, value: str) -> str:
        text = self.letters.shown(value)
        return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"

    def markdown(self, text: str, level: int) -> None:
        """What somebody wrote, without its markup: headings, paragraphs, lists, code, tables."""
        lists: list[int] = []
        table: list[list[str]] | None = None
        heading = 0
        for token in _MARKDOWN.parse(text):
            if self.is_full():
                return
            kind = token.type
            if kind in ("bullet_list_open", "ordered_list_open"):
                lists.append(0 if kind.startswith("bullet") else 1)
            elif kind in ("bullet_list_close", "ordered_list_close"):
                lists.pop()
            elif kind == "heading_open":
                heading = int(token.tag[1])
            elif kind == "table_open":
                table = []
            elif kind == "tr_open" and table is not None:
                table.append([])
            elif kind == "table_close" and table:
                self.rows(table[0], table[1:] or [[""] * len(table[0])])
                table = None
            elif kind == "inline":
                self._inline(token, lists, table, min(5, level + heading) if heading else 0)
                heading = 0
            elif kind in ("fence", "code_block", "html_block"):
                self.set_font("Courier", size=8)
                self.paragraph(token.content.rstrip("\n"), 4)
                self.set_font("Helvetica", size=9.5)

    def _inline(self, token: Token, lists: list[int], table: list[list[str]] | None, level: int) -> None:
        said = _plain(token)
        if table is not None:
            table[-1].append(said)
        elif level:
            self.heading(said, max(4, level))
        elif lists:
            mark = f"{lists[-1]}." if lists[-1] else "•"
            lists[-1] += lists[-1] > 0
            self.paragraph(f"{mark} {said}", 4.0 * min(len(lists), 6))
        else:
            self.paragraph(said)


def _plain(token: Token) -> str:
    """The words of a line; of a link, where it leads, too."""
    parts, links = [], []
    for child in token.children or ():
        if child.type in ("text", "code_inline", "html_inline"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append(" " if child.type == "softbreak" else "\n")
        elif child.type == "image":
            parts.append(f"[image: {child.content}]")
        elif child.type == "link_open":
            links.append(str(child.attrs.get("href", "")))
        elif child.type == "link_close" and links:
            parts.append(f" ({links.pop()})")
    return "".join(parts)


def _widths(rows: Sequence[Sequence[str]], count: int) -> tuple[int, ...]:
    """Shares of the width by what the columns hold, none too narrow to be read."""
    longest = [max((min(len(row[n]), 60) for row in rows if n < len(row)), default=1) for n in range(count)]
    return tuple(max(10, length) for length in longest)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
