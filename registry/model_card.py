"""Parsing of model cards: YAML front matter, sections under headings, and what is missing. Pure.

The only parser of cards: the check `docs.model_card` uses it, and pages, comparisons and documents show its result.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from registry import yaml_reader

MAX_VALUES = 2_000
"""Maximum number of values in a front matter. With aliases YAML can contain more values than characters."""
MAX_SECTIONS = 1_000
"""Maximum number of headings of a card. Each is matched, rendered and compared, which costs more than plain text."""
_LIMITS = yaml_reader.Limits(characters=64 * 1024)

# Possessive quantifiers (`++`) where two parts match the same characters, so that matching takes linear time.
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_NUMBERING = re.compile(r"(?:\d++[.)]?|[a-z][.)]|[ivx]++[.)])(?:\d++[.)]?)*+\s++")
_WORD = re.compile(r"[^\W_]++(?:['’\-][^\W_]++)*+")
_PLACEHOLDER = re.compile(
    r"\[?\bmore information needed\b\]?"
    r"|\bto ?be ?(?:done|added|completed|determined|defined|decided|written|filled in)\b"
    r"|\b(?:todo|tbd|tba|tbc|fixme|xxx++|n/?a|not applicable|not available|coming soon|work in progress|wip)\b"
    r"|\blorem ipsum\b[^.\n]*+\.?|\binsert\b[^.\n]{0,60}\bhere\b|\byour \w++ here\b"
    # Braces inside the placeholder are single: a match that starts at "{{" ends before the next "{{".
    r"|\{\{[^{}\n]*+(?:(?:\{(?!\{)|\}(?!\}))[^{}\n]*+)*+\}\}|<[^<>\n]{1,80}>",
    re.IGNORECASE,
)
_EMPTY_WORDS = frozenset({"none", "null", "unknown", "placeholder", "example", "na", "nil", "-", "?"})


class ModelCardParseError(ValueError):
    """The card cannot be parsed; the message has the remedy."""

    @property
    def detail(self) -> str:
        """The message as a complete sentence, for people."""
        return f"The model card cannot be read: {self}"


@dataclass
class Section:
    """A heading and the text under it, including subsections."""

    level: int
    title: str
    line: int = 0
    """Line of its heading in the body of the card, counted from 0."""
    end: int = 0
    """Line where the next section of the same or a higher level begins."""
    text: list[str] = field(default_factory=list)

    @property
    def raw(self) -> str:
        """The text, without code and comments."""
        return "\n".join(self.text)

    @cached_property
    def name(self) -> tuple[str, ...]:
        """The words of the title, as returned by `normalised`."""
        return normalised(self.title)

    @cached_property
    def words(self) -> int:
        """The number of words that are not placeholders. Read it only after the card is parsed: `text` grows
        until then.
        """
        found = _WORD.findall(_PLACEHOLDER.sub(" ", self.raw))
        return sum(1 for word in found if word.casefold() not in _EMPTY_WORDS)


@dataclass(frozen=True)
class Card:
    """A parsed model card."""

    metadata: dict[str, Any]
    sections: tuple[Section, ...]
    lines: tuple[str, ...] = ()
    """The lines of the body."""

    def source(self, section: Section) -> str:
        """Return the Markdown under a section's heading, as written."""
        body = self.lines[section.line + 1 : section.end]
        if body and _UNDERLINE.fullmatch(body[0]) and _read_heading(self.lines[section.line]) is None:
            body = body[1:]
        return "\n".join(body).strip("\n")

    @property
    def opening(self) -> str:
        """The Markdown before the first heading."""
        first = self.sections[0].line if self.sections else len(self.lines)
        return "\n".join(self.lines[:first]).strip("\n")


def parse(text: str) -> Card:
    """Parse a card. Blank lines before the front matter are allowed, as on the Hugging Face Hub.

    Raises:
        ModelCardParseError: the front matter is not closed, is not a YAML mapping, or has a duplicate key; or the card
            has too many headings.

    Source: huggingface_hub.repocard, REGEX_YAML_BLOCK.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    metadata: dict[str, Any] = {}
    place = _front_matter_place(lines)
    if place is not None:
        start, end = place
        if end is None:
            raise ModelCardParseError("its front matter begins with --- and never ends. Close it with a line of ---.")
        metadata = _front_matter("\n".join(lines[start + 1 : end]), first_line=start + 2)
        lines = lines[end + 1 :]
    return Card(metadata, tuple(_split(lines)), tuple(lines))


def divide(text: str) -> tuple[str, str]:
    """Return the front matter of a card as written, without its delimiters, and the text after it.

    For a card without front matter, or with an unclosed one, these are an empty text and the whole text.
    """
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    start, end = _front_matter_place(lines) or (0, None)
    if end is None:
        return "", text
    return "".join(lines[start + 1 : end]).strip(), "".join(lines[end + 1 :])


def _front_matter_place(lines: Sequence[str]) -> tuple[int, int | None] | None:
    """Return the line numbers of the delimiters of the front matter, the second None if it is not closed; None
    without one.
    """
    start = next((i for i, line in enumerate(lines) if line.strip()), None)
    if start is None or lines[start].strip() != "---":
        return None
    return start, next((i for i in range(start + 1, len(lines)) if lines[i].rstrip() in ("---", "...")), None)


def _front_matter(source: str, first_line: int) -> dict[str, Any]:
    try:
        data = yaml_reader.read(source, limits=_LIMITS, first_line=first_line)
    except yaml_reader.YamlUnreadableError as error:
        raise ModelCardParseError(f"its front matter cannot be read: {str(error)[:300]}.") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ModelCardParseError("its front matter is not a mapping of names to values.")
    return {str(name): value for name, value in data.items()}


def to_json_value(value: Any) -> Any:
    """Return a value of the front matter as JSON data: dates and keys as text.

    Raises:
        ModelCardParseError: it has more than MAX_VALUES values: with aliases a few lines of YAML can expand to
            millions.
    """
    left = [MAX_VALUES]

    def made(value: Any, depth: int) -> Any:
        left[0] -= 1
        if left[0] < 0 or depth > 20:
            raise ModelCardParseError(f"its front matter has more than {MAX_VALUES:,} values. Move some into sections.")
        if isinstance(value, dict):
            return {str(key): made(member, depth + 1) for key, member in value.items()}
        if isinstance(value, list | tuple | set):
            return [made(member, depth + 1) for member in value]
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, int):
            return value if abs(value) < 2**53 else str(value)
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        return value.isoformat() if isinstance(value, date) else str(value)

    return made(value, 1)


def _split(lines: list[str]) -> list[Section]:
    sections: list[Section] = []
    open_now: list[Section] = []
    previous = ""
    for number, line in _prose(lines):
        heading = _read_heading(line)
        underline = _UNDERLINE.fullmatch(line) if previous.strip() else None
        if heading or underline:
            level, title = heading or (1 if underline and underline[1][0] == "=" else 2, previous)
            start = number if heading else number - 1
            if underline and not heading:
                for section in open_now:
                    section.text.pop()
            for section in open_now:
                if section.level >= level:
                    section.end = start
            open_now = [s for s in open_now if s.level < level]
            open_now.append(Section(level, title.strip(), start, len(lines)))
            sections.append(open_now[-1])
            if len(sections) > MAX_SECTIONS:
                raise ModelCardParseError(
                    f"it has more than {MAX_SECTIONS:,} headings. Move parts of it into documents of their own."
                )
            previous = ""
            continue
        for section in open_now:
            section.text.append(line)
        previous = line
    return sections


def _read_heading(line: str) -> tuple[int, str] | None:
    """Return level and title of a heading with number signs (CommonMark 4.2); None for another line."""
    rest = line.lstrip(" ")
    if len(line) - len(rest) > 3:
        return None
    title = rest.lstrip("#")
    level = len(rest) - len(title)
    if not 1 <= level <= 6 or (title and title[0] not in " \t"):
        return None
    title = title.strip(" \t")
    without_closing = title.rstrip("#")
    if without_closing == "" or without_closing[-1] in " \t":
        title = without_closing.rstrip(" \t")
    return level, title


def _prose(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines without fenced code (CommonMark 4.5) and HTML comments, which contain no headings."""
    fence = ""
    comment = False
    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not line[mark.end() :].strip():
                fence = ""
            continue
        kept, comment = _without_comments(line, comment)
        if not comment and (mark := _FENCE.match(kept)) is not None:
            fence = mark[1]
            continue
        yield number, kept


def _without_comments(line: str, inside: bool) -> tuple[str, bool]:
    kept, at = [], 0
    while at < len(line):
        mark = "-->" if inside else "<!--"
        found = line.find(mark, at)
        end = found if found >= 0 else len(line)
        if not inside:
            kept.append(line[at:end])
        if found < 0:
            break
        at = found + len(mark)
        inside = not inside
    return "".join(kept), inside


def normalised(title: str) -> tuple[str, ...]:
    """Return the words of a heading without numbering, markup and plural s: "2. **Intended Uses**" is
    ("intended", "use").
    """
    plain = re.sub(r"[*_`~]", "", title).strip().casefold()
    numbering = _NUMBERING.match(plain)
    return tuple(w.removesuffix("s") for w in _WORD.findall(plain[numbering.end() :] if numbering else plain))


@dataclass(frozen=True)
class MissingSection:
    """A required part of a card that is missing or empty. `code` is stable, `where` names the part."""

    code: str
    message: str
    where: str


def find_missing_sections(
    card: Card, *, required_metadata: Sequence[str], required_sections: Sequence[str], min_words: int
) -> list[MissingSection]:
    """Return the required parts that are missing, empty, or placeholders. Checks presence, not adequacy.

    Args:
        card: the card.
        required_metadata: names that the front matter must have.
        required_sections: beginnings of required headings, regardless of numbering, case and plural.
        min_words: words that each of these sections needs, without placeholders.
    """
    return [*_metadata(card, required_metadata), *_sections(card, required_sections, min_words)]


_HUB_HEADINGS: dict[str, tuple[str, ...]] = {
    "intended use": ("uses", "direct use", "model uses", "primary intended uses"),
    "limitations": (
        "bias risks and limitations", "risks limitations and biases", "bias and limitations", "known limitations",
    ),
    "training data": ("training and evaluation data", "training details", "training dataset"),
    "evaluation": ("training and evaluation data", "eval results", "testing data factors & metrics"),
    "ethical considerations": (
        "bias risks and limitations", "risks limitations and biases", "limitations and bias", "bias", "ethics",
    ),
}  # fmt: skip
"""Headings of cards on the Hugging Face Hub for the sections that policies name: those of its template
(huggingface_hub, modelcard_template.md), of cards that transformers writes, and of the older template.
"""


def section_of(card: Card, wanted: str) -> Section | None:
    """Return the section whose heading begins like `wanted`, else one with an equivalent Hugging Face Hub
    heading; of several the one with the most words; None if there is none.
    """
    words = normalised(wanted)
    matching = [s for s in card.sections if s.name[: len(words)] == words]
    if not matching:
        titles = _hub_headings(words)
        matching = [s for s in card.sections if s.name in titles]
    return max(matching, key=lambda s: s.words, default=None)


def _hub_headings(words: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    titles = next((titles for name, titles in _HUB_HEADINGS.items() if normalised(name) == words), ())
    return frozenset(map(normalised, titles))


def top_sections(card: Card) -> list[Section]:
    """Return the sections of the highest level that divides the card, with their subsections.

    A single title at the top, with all others below it, does not count.
    """
    levels = sorted({section.level for section in card.sections})
    first = card.sections[0].level if card.sections else 0
    if len(levels) > 1 and first == levels[0] and sum(s.level == first for s in card.sections) == 1:
        levels = levels[1:]
    return [s for s in card.sections if s.level in levels[:1]]


def _metadata(card: Card, required: Sequence[str]) -> Iterator[MissingSection]:
    for name in required:
        where = f"metadata: {name}"
        if name not in card.metadata:
            yield MissingSection("metadata_missing", f"The front matter lacks {name}. Add it.", where)
        elif not _has_content(card.metadata[name]):
            message = f"The front matter's {name} is empty or a placeholder. Fill it in."
            yield MissingSection("metadata_placeholder", message, where)


def _has_content(value: Any) -> bool:
    if isinstance(value, str):
        rest = _PLACEHOLDER.sub(" ", value)
        return any(word.casefold() not in _EMPTY_WORDS for word in _WORD.findall(rest))
    if isinstance(value, list):
        return any(_has_content(member) for member in value if not isinstance(member, list))
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, bool | int | float | date)


def _sections(card: Card, required: Sequence[str], min_words: int) -> Iterator[MissingSection]:
    for wanted in required:
        where = f"section: {wanted}"
        best = section_of(card, wanted)
        if best is None:
            yield MissingSection("section_missing", f"The card has no section “{wanted}”. Add one.", where)
            continue
        if best.words >= min_words:
            continue
        placeholder = _PLACEHOLDER.search(best.raw) is not None
        yield MissingSection(
            "section_placeholder" if placeholder else "section_too_short",
            f"The section “{wanted}” has {best.words} words{' besides its placeholders' if placeholder else ''}; "
            f"at least {min_words} are required.",
            where,
        )
