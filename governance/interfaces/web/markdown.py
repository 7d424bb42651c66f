"""Markdown from people, made safe: rendered, then sanitised by an allow-list. Pure."""

from __future__ import annotations

import hashlib
import re

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt

from governance.interfaces.web.bounded_cache import BoundedCache
from registry import model_card as cards

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip


WORTH_KEEPING = 4_000
"""Characters from which on the HTML is kept: rendering takes up to 25 ms for each thousand."""
_KEPT: BoundedCache[SafeString] = BoundedCache(16 * 1024 * 1024, len)


MAX_MARKS = 30_000
"""Characters that may begin or end inline markup; a text with more is shown as it was written. A parser spends up to
40 µs on each that begins nothing, and prose of the longest card has a tenth of them."""
_MARKS = "[]!*_`~<&\\"

MAX_BLOCKS = 5_000
"""Headings, list items, quotations, paragraphs and rows of tables; a text with more is shown as it was written. A
parser spends up to 100 µs on each, and the longest card of prose has a few hundred."""
CELLS_OF_A_BLOCK = 8
"""Cells of a table that take as long as a block of another kind."""
_CONTAINERS = re.compile(r"(?:[ \t]*(?:>|[-+*](?=\s|$)|\d{1,9}[.)](?=\s|$)))+")
_CONTAINER = re.compile(r">|[-+*]|\d+[.)]")
_HEADING = re.compile(r"[ \t]*(?:#{1,6}(?=\s|$)|(?:=+|-+)[ \t]*$)")


def to_html(text: str, *, below: int = 2) -> SafeString:
    """HTML for Markdown somebody wrote. Raw HTML in it is text; images are left out, because showing one would tell
    another host who reads; links open nothing by script. Headings begin one level `below` the page's own and skip none.
    """
    if not text.strip():
        return SafeString("")
    if len(text) < WORTH_KEEPING:
        return _rendered(text, below)
    key = (below, hashlib.sha256(text.encode(errors="surrogatepass")).digest())
    return _KEPT.get(key, lambda: _rendered(text, below))


def is_shown_as_written(text: str) -> bool:
    """Return whether a text has more markup than is rendered for each view."""
    return sum(text.count(mark) for mark in _MARKS) > MAX_MARKS or _count_blocks(text) > MAX_BLOCKS


def _count_blocks(text: str) -> int:
    """Count what begins a block of Markdown, in one pass and without regard to code: never fewer than are rendered."""
    found = text.count("|") // CELLS_OF_A_BLOCK
    after_blank = True
    for line in text.splitlines():
        if not line.strip():
            after_blank = True
            continue
        containers = _CONTAINERS.match(line)
        if containers is not None:
            found += len(_CONTAINER.findall(containers[0]))
        elif after_blank or "|" in line or _HEADING.match(line):
            found += 1
        after_blank = False
    return found


def _rendered(text: str, below: int) -> SafeString:
    if is_shown_as_written(text):
        return format_html("<pre>{}</pre>", text)
    # Half of a surrogate pair cannot be encoded, and the sanitiser takes UTF-8.
    tokens = _MARKDOWN.parse(text.encode("utf-8", "replace").decode())
    open_levels: list[int] = []
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            while open_levels and open_levels[-1] >= level:
                open_levels.pop()
            open_levels.append(level)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, below + len(open_levels))}"
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return SafeString(clean)


def without_front_matter(card: str) -> str:
    """A model card's prose: what follows the front matter."""
    return cards.divide(card)[1]


def front_matter(card: str) -> str:
    """The YAML of a model card as written, without the lines of hyphens; empty where there is none."""
    return cards.divide(card)[0]
