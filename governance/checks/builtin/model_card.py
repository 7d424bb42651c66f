"""`docs.model_card`: the card says what a reader needs, in words of its own. Presence, never adequacy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, ClassVar

import yaml
from pydantic import Field

from governance.checks.contract import (
    MAX_FINDINGS,
    MODEL_CARD,
    Check,
    Conclusion,
    Context,
    Evidence,
    Finding,
    Outcome,
    Parameters,
    Sandbox,
    Severity,
)

MAX_CARD = 256 * 1024
"""Bytes; a card is read by people."""

Name = Annotated[str, Field(min_length=1, max_length=120)]

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)[ \t]*")
_NUMBERING = re.compile(r"^(?:\d+[.)]?|[a-z][.)]|[ivx]+[.)])(?:\d+[.)]?)*\s+")
_WORD = re.compile(r"[^\W_]+(?:['’\-][^\W_]+)*")
_PLACEHOLDER = re.compile(
    r"\[?\bmore information needed\b\]?"
    r"|\bto ?be ?(?:done|added|completed|determined|defined|decided|written|filled in)\b"
    r"|\b(?:todo|tbd|tba|tbc|fixme|xxx+|n/?a|not applicable|not available|coming soon|work in progress|wip)\b"
    r"|\blorem ipsum\b.*?(?:\.|$)|\binsert\b[^.\n]{0,60}\bhere\b|\byour \w+ here\b|\{\{.*?\}\}|<[^<>\n]{1,80}>",
    re.IGNORECASE,
)
_EMPTY_WORDS = frozenset({"none", "null", "unknown", "placeholder", "example", "na", "nil", "-", "?"})


class ModelCardComplete(Check):
    """Front matter (YAML) must hold the required metadata and the body the required sections, each with enough words
    that are no placeholders. That the words are true and sufficient is for the reviewers to say."""

    slug = "docs.model_card"
    version = "1.0.0"
    title = "Model card is complete"
    category = "documentation"
    needs = (Evidence(MODEL_CARD),)
    sandbox: ClassVar[Sandbox] = Sandbox(memory=512 << 20, cpu=60, wall=90)

    class Params(Parameters):
        """What a card must have."""

        required_metadata: Annotated[tuple[Name, ...], Field(title="Required metadata")] = (
            "license",
            "datasets",
            "metrics",
        )
        required_sections: Annotated[tuple[Name, ...], Field(title="Required sections")] = (
            "intended use",
            "limitations",
            "training data",
            "evaluation",
            "ethical considerations",
        )
        min_words: Annotated[int, Field(ge=1, le=10_000, title="Words a section needs at least")] = 20

    def run(self, ctx: Context, params: Any) -> Outcome:
        """Success when nothing required is missing, empty, or a placeholder."""
        file = ctx.one(MODEL_CARD)
        if file is None or file.local is None:
            return Outcome(Conclusion.ACTION_REQUIRED, "The version has no model card: add one.")
        if file.size > MAX_CARD:
            message = f"The model card has {file.size:,} bytes; more than {MAX_CARD:,} are not read. Shorten it."
            return Outcome(Conclusion.FAILURE, message, (Finding("card_too_long", message),))
        try:
            card = parse(file.local.read_text("utf-8"))
        except (CardUnreadable, UnicodeDecodeError) as error:
            message = f"The model card cannot be read: {error}"
            return Outcome(Conclusion.FAILURE, message[:2000], (Finding("card_unreadable", message[:2000]),))
        findings = [*_metadata(card, params.required_metadata), *_sections(card, params)]
        measures = {"words": {s.title[:120]: s.words for s in card.sections[:100]}}
        asked = len(params.required_metadata) + len(params.required_sections)
        if not findings:
            return Outcome(Conclusion.SUCCESS, f"All {asked} required parts of the card are there.", (), measures)
        places = ", ".join(f.where for f in findings[:8]) + (" …" if len(findings) > 8 else "")
        summary = f"{len(findings)} of {asked} required parts of the card are missing or unfinished: {places}."
        return Outcome(Conclusion.FAILURE, summary[:2000], tuple(findings[:MAX_FINDINGS]), measures)


class CardUnreadable(ValueError):
    """The card's front matter is broken; the message says how to mend it."""


@dataclass
class Section:
    """A heading and what stands under it, subsections included."""

    level: int
    title: str
    text: list[str] = field(default_factory=list)

    @property
    def raw(self) -> str:
        """The text, without code and comments."""
        return "\n".join(self.text)

    @property
    def words(self) -> int:
        """Words that are not placeholders."""
        found = _WORD.findall(_PLACEHOLDER.sub(" ", self.raw))
        return sum(1 for word in found if word.casefold() not in _EMPTY_WORDS)


@dataclass(frozen=True)
class Card:
    """A model card, taken apart."""

    metadata: dict[str, Any]
    sections: tuple[Section, ...]


def parse(text: str) -> Card:
    """Take a card apart. Raises CardUnreadable for front matter that is not a YAML mapping."""
    lines = text.removeprefix("\ufeff").splitlines()
    metadata: dict[str, Any] = {}
    if lines and lines[0].rstrip() == "---":
        end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() in ("---", "...")), None)
        if end is None:
            raise CardUnreadable("its front matter begins with --- and never ends. Close it with a line of ---.")
        metadata = _front_matter("\n".join(lines[1:end]))
        lines = lines[end + 1 :]
    return Card(metadata, tuple(_split(lines)))


def _front_matter(source: str) -> dict[str, Any]:
    try:
        data = yaml.safe_load(source)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise CardUnreadable(f"its front matter is not valid YAML ({str(error)[:300]}).") from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise CardUnreadable("its front matter is not a mapping of names to values.")
    return {str(name): value for name, value in data.items()}


def _split(lines: list[str]) -> Iterator[Section]:
    sections: list[Section] = []
    open_now: list[Section] = []
    previous = ""
    for line in _prose(lines):
        heading = _HEADING.fullmatch(line)
        underline = _UNDERLINE.fullmatch(line) if previous.strip() else None
        if heading or underline:
            level = len(heading[1]) if heading else (1 if underline and underline[1][0] == "=" else 2)
            title = (heading[2] or "") if heading else previous
            if underline and not heading:
                for section in open_now:
                    section.text.pop()
            open_now = [s for s in open_now if s.level < level]
            open_now.append(Section(level, title.strip()))
            sections.append(open_now[-1])
            previous = ""
            continue
        for section in open_now:
            section.text.append(line)
        previous = line
    return iter(sections)


def _prose(lines: list[str]) -> Iterator[str]:
    """The lines without fenced code (CommonMark 4.5) and HTML comments: a heading in either is none."""
    fence = ""
    comment = False
    for line in lines:
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1][0] == fence[0] and len(mark[1]) >= len(fence) and not line[mark.end() :].strip():
                fence = ""
            continue
        kept, comment = _without_comments(line, comment)
        if not comment and (mark := _FENCE.match(kept)) is not None:
            fence = mark[1]
            continue
        yield kept


def _without_comments(line: str, inside: bool) -> tuple[str, bool]:
    kept = ""
    while line:
        before, found, line = line.partition("-->" if inside else "<!--")
        if not inside:
            kept += before
        if not found:
            break
        inside = not inside
    return kept, inside


def normalised(title: str) -> tuple[str, ...]:
    """A heading's words, without numbering, markup and plural s: "2. **Intended Uses**" is ("intended", "use")."""
    plain = re.sub(r"[*_`~]", "", title).strip().casefold()
    return tuple(w.removesuffix("s") for w in _WORD.findall(_NUMBERING.sub("", plain)))


def _metadata(card: Card, required: tuple[str, ...]) -> Iterator[Finding]:
    for name in required:
        where = f"metadata: {name}"
        if name not in card.metadata:
            yield Finding("metadata_missing", f"The front matter lacks {name}. Add it.", where=where)
        elif not _says_something(card.metadata[name]):
            message = f"The front matter's {name} is empty or a placeholder. Fill it in."
            yield Finding("metadata_placeholder", message, where=where)


def _says_something(value: Any) -> bool:
    if isinstance(value, str):
        rest = _PLACEHOLDER.sub(" ", value)
        return any(word.casefold() not in _EMPTY_WORDS for word in _WORD.findall(rest))
    if isinstance(value, list):
        return any(_says_something(member) for member in value if not isinstance(member, list))
    if isinstance(value, dict):
        return bool(value)
    return isinstance(value, bool | int | float | date)


def _sections(card: Card, params: Any) -> Iterator[Finding]:
    for wanted in params.required_sections:
        where = f"section: {wanted}"
        words = normalised(wanted)
        matching = [s for s in card.sections if normalised(s.title)[: len(words)] == words]
        if not matching:
            yield Finding("section_missing", f"The card has no section “{wanted}”. Add one.", where=where)
            continue
        best = max(matching, key=lambda s: s.words)
        if best.words >= params.min_words:
            continue
        placeholder = _PLACEHOLDER.search(best.raw) is not None
        yield Finding(
            "section_placeholder" if placeholder else "section_too_short",
            f"The section “{wanted}” has {best.words} words{' besides its placeholders' if placeholder else ''}; "
            f"{params.min_words} are asked for.",
            Severity.HIGH,
            where,
        )
