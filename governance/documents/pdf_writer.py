"""A technical document or a model card as a PDF file. Pure: the same input gives the same bytes.

Markdown is converted into plain paragraphs, lists and tables. Markup and links in the input are drawn as text and have
no effect. The fonts are embedded; `pdf_fonts` describes how characters are written that they do not have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fpdf import FPDF
from fpdf.enums import Align, WrapMode, XPos, YPos
from fpdf.fonts import FontFace
from markdown_it import MarkdownIt
from markdown_it.token import Token

from governance.documents.pdf_fonts import MONO, SANS, add_fonts, add_mono, close_fonts, fitted, has_replacement

MAX_CELL = 700
"""Characters of one table cell. A row must fit on a page."""
MAX_COLUMNS = 14
"""Columns of a table that fit on a page. The rows of a wider table are drawn as lines."""
MAX_CELLS = 20_000
"""Table cells in one file; drawing one takes half a millisecond. The file states the number of rows left out."""
MAX_PAGES = 500
"""Pages of one file. The last one states where the rest can be read."""
GREY: Final = (90, 90, 90)
TEXT: Final = 148.0
"""Width of a line of prose in millimetres, about 95 characters."""
SIZE: Final = 9.0
"""Size of prose in points."""
_PAGES_ALIAS: Final = "\ue000\ue001\ue002"
"""A placeholder for the number of pages until the file is complete. Private-use characters:
`fitted` leaves none in a text."""
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
_STATES: Final = {"given": "answered", "partly": "answered in part", "missing": "missing"}


@dataclass(frozen=True)
class PdfMetadata:
    """The description of a file on its first page.

    Args:
        title: title of the file.
        subject: the model and the version.
        printed_by: name of the reader.
        printed_at: time of rendering, in UTC.
        permalink: URL of the page with the same content.
        facts: further names and values, such as the digest and the event at which the content was true.
    """

    title: str
    subject: str
    printed_by: str
    printed_at: datetime
    permalink: str
    facts: Sequence[tuple[str, str]] = ()


def document(content: Mapping[str, Any], about: PdfMetadata, *, compress: bool = True) -> bytes:
    """Render a technical document.

    Args:
        content: as `governance.documents.building` builds it.
        about: the first page.
        compress: whether the content streams are compressed.

    Returns:
        The PDF file.
    """
    return _drawn(about, content, lambda paper: _points(paper, content), compress=compress)


def card(text: str, metadata: Mapping[str, Any], about: PdfMetadata, *, compress: bool = True) -> bytes:
    """Render a model card: its front matter as a table, then its Markdown.

    Args:
        text: the card without the front matter.
        metadata: the front matter as JSON.
        about: the first page.
        compress: whether the content streams are compressed.

    Returns:
        The PDF file.
    """

    def draw(paper: _Paper) -> None:
        if metadata:
            paper.heading("Metadata", 2)
            paper.pairs((name, value if isinstance(value, str) else _json(value)) for name, value in metadata.items())
        paper.markdown(text, 2)

    return _drawn(about, [text, metadata], draw, compress=compress)


def _drawn(about: PdfMetadata, content: Any, draw: Callable[[_Paper], None], *, compress: bool) -> bytes:
    """Render a file. `content` is everything that is drawn: the first page states whether characters are replaced."""
    texts = (about.title, about.subject, about.printed_by, about.permalink, *_strings(about.facts), *_strings(content))
    paper = _Paper(about, has_replacements=has_replacement(texts))
    paper.set_compression(compress)
    try:
        paper.front()
        draw(paper)
        return bytes(paper.output())
    finally:
        close_fonts(paper)


def _strings(value: Any) -> Iterator[str]:
    """Yield every string in a JSON value, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, member in value.items():
            yield from _strings(name)
            yield from _strings(member)
    elif isinstance(value, Sequence):
        for member in value:
            yield from _strings(member)


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
    """An A4 file with a header and a footer on every page."""

    def __init__(self, about: PdfMetadata, *, has_replacements: bool) -> None:
        super().__init__(format="A4")
        self.about, self.has_replacements = about, has_replacements
        self.cells_left = MAX_CELLS
        self.stopped = False
        add_fonts(self)
        self.set_margins(18, 18, 18)
        self.set_auto_page_break(auto=True, margin=20)
        self.set_creation_date(about.printed_at)
        self.set_title(fitted(about.title))
        self.set_subject(fitted(about.subject))
        self.set_author(fitted(about.printed_by))
        self.set_creator("Countersign")
        self.set_producer("Countersign")
        self.set_lang("en")
        self.alias_nb_pages(_PAGES_ALIAS)
        self.set_font(SANS, size=SIZE)
        self.set_draw_color(190)
        self.set_line_width(0.15)

    def header(self) -> None:
        if self.page_no() > 1:
            self.set_font(SANS, size=7.5)
            self.set_text_color(*GREY)
            self.line_of(f"{self.about.subject} · {self.about.title}")
            self.ln(3)
            self.set_text_color(0)

    def footer(self) -> None:
        self.set_y(-14)
        self.set_font(SANS, size=7.5)
        self.set_text_color(*GREY)
        self.cell(self.epw - 30, 5, fitted(self.about.permalink)[:130])
        self.cell(30, 5, f"{self.page_no()} / {_PAGES_ALIAS}", align=Align.R)
        self.set_text_color(0)

    def front(self) -> None:
        """Draw the first page: title, subject, reader, time, permalink and facts."""
        about = self.about
        self.add_page()
        self.set_font(SANS, "B", 16)
        self.line_of(about.title, 8)
        self.set_font(SANS, size=11)
        self.line_of(about.subject, 6)
        self.ln(2)
        lines = [
            ("Printed", f"{about.printed_at:%Y-%m-%d %H:%M:%S} UTC by {about.printed_by}"),
            ("Permalink", about.permalink),
            *about.facts,
        ]
        if self.has_replacements:
            note = (
                "The fonts of this file do not have all characters of the text. Each other character is written as its "
                "code point, for example [U+4E2D U+6587]. The page and the JSON contain the text unchanged."
            )
            lines.append(("Characters", note))
        self.pairs(lines)

    def is_full(self) -> bool:
        """Return whether the file has the maximum number of pages. The first time, draw a note about the rest."""
        if self.page_no() < MAX_PAGES:
            return False
        if not self.stopped:
            self.stopped = True
            self.note(
                f"The rest is not printed: a file has at most {MAX_PAGES} pages. Read it on the page.", strong=True
            )
        return True

    def line_of(self, text: str, height: float = 4) -> None:
        self.multi_cell(0, height, fitted(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, wrapmode=WrapMode.CHAR)

    def heading(self, text: str, level: int) -> None:
        size = {2: 13.0, 3: 11.0}.get(level, 9.5)
        self.ln({2: 5, 3: 4}.get(level, 2))
        if self.will_page_break(size):
            self.add_page()
        self.set_font(SANS, "B", size)
        self.multi_cell(0, size * 0.5, fitted(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_font(SANS, size=SIZE)

    def note(self, text: str, *, strong: bool = False) -> None:
        self.set_font(SANS, "B" if strong else "", 8)
        self.set_text_color(*((0, 0, 0) if strong else GREY))
        self.line_of(text)
        self.set_text_color(0)
        self.set_font(SANS, size=SIZE)

    def paragraph(self, text: str, indent: float = 0) -> None:
        if text.strip():
            self.set_x(self.l_margin + indent)
            shown = fitted(text)
            self.multi_cell(TEXT - indent, 4.6, shown, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align=Align.L)
            self.ln(1.2)

    def code(self, text: str) -> None:
        add_mono(self)
        self.set_font(MONO, size=7.5)
        self.set_fallback_fonts([SANS])
        self.paragraph(text, 4)
        self.set_fallback_fonts([])
        self.set_font(SANS, size=SIZE)

    def pairs(self, items: Iterable[tuple[str, str]]) -> None:
        self.rows(None, [list(item) for item in items], (24, 76))

    def rows(
        self, columns: Sequence[str] | None, rows: Iterable[Sequence[str]], widths: Sequence[int] | None = None
    ) -> None:
        """Draw a table. Its heading row is repeated on every page."""
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
        self.set_font(SANS, size=8)
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
        self.set_font(SANS, size=SIZE)
        self.ln(1)

    def _cell(self, value: str) -> str:
        text = fitted(value)
        return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"

    def markdown(self, text: str, level: int) -> None:
        """Draw Markdown without its markup: headings, paragraphs, lists, code, tables."""
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
                self.code(token.content.rstrip("\n"))

    def _inline(self, token: Token, lists: list[int], table: list[list[str]] | None, level: int) -> None:
        text = _plain(token)
        if table is not None:
            table[-1].append(text)
        elif level:
            self.heading(text, max(4, level))
        elif lists:
            mark = f"{lists[-1]}." if lists[-1] else "•"
            lists[-1] += lists[-1] > 0
            self.paragraph(f"{mark} {text}", 4.0 * min(len(lists), 6))
        else:
            self.paragraph(text)


def _plain(token: Token) -> str:
    """Return the text of a line. The address of a link follows its text."""
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
    """Return the shares of the width in proportion to the longest cells, none too narrow to be read."""
    longest = [max((min(len(row[n]), 60) for row in rows if n < len(row)), default=1) for n in range(count)]
    return tuple(max(10, length) for length in longest)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
