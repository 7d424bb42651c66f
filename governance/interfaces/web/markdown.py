"""Render user-written Markdown to sanitised HTML. Pure functions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import nh3
from django.utils.html import format_html
from django.utils.safestring import SafeString
from markdown_it import MarkdownIt
from markdown_it.token import Token

from governance.interfaces.web.bounded_cache import BoundedCache
from governance.mentions import mentions_in
from registry import model_card as cards

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])
_NO_MENTIONS: Mapping[str, str] = MappingProxyType({})
_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "s",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip


WORTH_KEEPING = 4_000
"""Minimum characters of cached HTML: rendering takes up to 25 ms per thousand characters."""
_KEPT: BoundedCache[SafeString] = BoundedCache(16 * 1024 * 1024, len)


MAX_MARKS = 30_000
"""Maximum characters that may begin or end inline markup; a text with more is shown unrendered.

The parser takes up to 40 µs for each unmatched one. The longest card of prose has a tenth of this number.
"""
_MARKS = "[]!*_`~<&\\"

MAX_BLOCKS = 5_000
"""Maximum headings, list items, quotations, paragraphs and table rows; a text with more is shown unrendered.

The parser takes up to 100 µs for each. The longest card of prose has a few hundred.
"""
CELLS_OF_A_BLOCK = 8
"""Table cells that take as long as another block."""
_CONTAINERS = re.compile(r"(?:[ \t]*(?:>|[-+*](?=\s|$)|\d{1,9}[.)](?=\s|$)))+")
_CONTAINER = re.compile(r">|[-+*]|\d+[.)]")
_HEADING = re.compile(r"[ \t]*(?:#{1,6}(?=\s|$)|(?:=+|-+)[ \t]*$)")


def to_html(text: str, *, below: int = 2, mentions: Mapping[str, str] = _NO_MENTIONS) -> SafeString:
    """Render Markdown to sanitised HTML.

    Raw HTML is escaped, images are removed (they could track readers), and links cannot run scripts.

    Args:
        text: Markdown.
        below: heading level of the page; headings begin one level below and skip none.
        mentions: accounts to mark where `@` and their user name stand: their names, by user name in lower case.
    """
    if not text.strip():
        return SafeString("")
    if len(text) < WORTH_KEEPING:
        return _rendered(text, below, mentions)
    key = (below, hashlib.sha256(text.encode(errors="surrogatepass")).digest(), tuple(sorted(mentions.items())))
    return _KEPT.get(key, lambda: _rendered(text, below, mentions))


def is_shown_as_written(text: str) -> bool:
    """Return whether a text exceeds the markup limits, so that it is shown unrendered."""
    return sum(text.count(mark) for mark in _MARKS) > MAX_MARKS or _count_blocks(text) > MAX_BLOCKS


def _count_blocks(text: str) -> int:
    """Count block starts in one pass, ignoring code blocks; the result is never below the rendered number."""
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


def _rendered(text: str, below: int, mentions: Mapping[str, str]) -> SafeString:
    if is_shown_as_written(text):
        return format_html("<pre>{}</pre>", text)
    # The sanitiser needs valid UTF-8; a lone surrogate cannot be encoded.
    tokens = _MARKDOWN.parse(text.encode("utf-8", "replace").decode())
    open_levels: list[int] = []
    for token in tokens:
        if mentions and token.children:
            token.children = [part for child in token.children for part in _with_mentions(child, mentions)]
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
        attributes={"a": {"href"}, "strong": {"class", "title"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return SafeString(clean)


def _with_mentions(token: Token, mentions: Mapping[str, str]) -> Iterator[Token]:
    """Divide a token of text at the mentions of these accounts, which become strong. Raw HTML never gets here."""
    place = 0
    for start, end, name in mentions_in(token.content) if token.type == "text" else ():
        person = mentions.get(name.lower())
        if person is None:
            continue
        yield Token("text", "", 0, content=token.content[place:start])
        yield Token("strong_open", "strong", 1, attrs={"class": "mention", "title": person})
        yield Token("text", "", 0, content=token.content[start:end])
        yield Token("strong_close", "strong", -1)
        place = end
    if place == 0:
        yield token
    elif place < len(token.content):
        yield Token("text", "", 0, content=token.content[place:])


def without_front_matter(card: str) -> str:
    """Return the Markdown of a model card, without its front matter."""
    return cards.divide(card)[1]


def front_matter(card: str) -> str:
    """Return the YAML front matter of a model card, without the delimiter lines; empty if there is none."""
    return cards.divide(card)[0]
