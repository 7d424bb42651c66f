"""Differences between two texts, by words if that is affordable, else by lines. Pure.

Lines are matched first, and words only inside lines that differ: a rewritten sentence does not match words pages apart,
and the cost is bounded for any input. `how` names the granularity that was reached. Removing the added segments gives
the first text exactly, removing the removed ones the second.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import Match, SequenceMatcher
from enum import StrEnum
from itertools import accumulate
from typing import Literal, TypeAlias

MAX_LINES = 3_000
"""Maximum differing lines of a side for matching by lines; beyond it the difference is one removal and one addition."""
MAX_LINE_PAIRS = 60_000
"""Maximum pairs of equal lines for matching by lines: `difflib` iterates over them repeatedly."""
MAX_WORDS = 400
"""Maximum words in a changed passage of a side for matching by words."""
MAX_ALL_WORDS = 12_000
"""Maximum words matched in one text; further passages are compared by lines."""
MAX_STEPS = 2_000_000
"""Comparisons of equal lines or words per `Effort`, about half a second: `difflib` is cubic in the worst case."""
MIN_SIMILARITY = 0.3
"""Share of common words below which a passage counts as rewritten: scattered common words would only confuse."""

_WORDS = re.compile(r"\s++|[^\W_]++(?:[.,’'-][^\W_]++)*+|.", re.DOTALL)


Opcode: TypeAlias = "tuple[Literal['replace', 'delete', 'insert', 'equal'], int, int, int, int]"


class SegmentKind(StrEnum):
    """The kind of a segment. `LEFT_OUT` replaces unchanged text that is not shown."""

    SAME = "same"
    REMOVED = "removed"
    ADDED = "added"
    LEFT_OUT = "left_out"


class DiffGranularity(StrEnum):
    """The granularity of a comparison."""

    WORDS = "words"
    LINES = "lines"
    WHOLE = "whole"


@dataclass(frozen=True)
class DiffSegment:
    """A run of text of one kind."""

    kind: SegmentKind
    text: str


@dataclass(frozen=True)
class TextDiff:
    """The differences between two texts. `how` is the coarsest granularity used in them."""

    pieces: tuple[DiffSegment, ...] = ()
    how: DiffGranularity = DiffGranularity.WORDS

    @property
    def changed(self) -> bool:
        return any(piece.kind is not SegmentKind.SAME for piece in self.pieces)

    @property
    def changes(self) -> int:
        """The number of passages that differ: a removal with the addition in its place is one."""
        count, inside = 0, False
        for piece in self.pieces:
            count += piece.kind is not SegmentKind.SAME and not inside
            inside = piece.kind is not SegmentKind.SAME
        return count

    @property
    def before(self) -> str:
        return "".join(p.text for p in self.pieces if p.kind is not SegmentKind.ADDED)

    @property
    def after(self) -> str:
        return "".join(p.text for p in self.pieces if p.kind is not SegmentKind.REMOVED)


@dataclass
class Effort:
    """The remaining budget for comparing. All texts of a page share one, so that the cost does not grow with their
    number.

    Args:
        words: words that may be matched one by one; the rest is compared by lines.
        steps: pairs of equal lines or words that may be examined; the rest is compared more coarsely.
    """

    words: int = MAX_ALL_WORDS
    steps: int = MAX_STEPS


class _OutOfSteps(Exception):
    """The budget does not suffice for matching these sequences."""


class _Matcher(SequenceMatcher[str]):
    """`difflib`'s matcher that counts its steps. Raises _OutOfSteps."""

    def __init__(self, old: Sequence[str], new: Sequence[str], effort: Effort) -> None:
        super().__init__(None, old, new, autojunk=False)
        self._effort = effort
        there = Counter(new)
        pairs = (1 + there[item] for item in old)
        self._pairs_before = list(accumulate(pairs, initial=0))

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        """Find the longest match in a range; the cost is at most the number of equal pairs there."""
        end = len(self._pairs_before) - 1 if ahi is None else ahi
        self._effort.steps -= self._pairs_before[end] - self._pairs_before[alo]
        if self._effort.steps < 0:
            self._effort.steps = 0
            raise _OutOfSteps
        return super().find_longest_match(alo, ahi, blo, bhi)


def compare_texts(before: str, after: str, *, effort: Effort | None = None) -> TextDiff:
    """Return the differences between two texts.

    Args:
        before: the first text.
        after: the second text.
        effort: the budget, which is reduced; None for the budget of one text.
    """
    effort = effort or Effort()
    if before == after:
        return TextDiff((DiffSegment(SegmentKind.SAME, before),) if before else ())
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    pieces = [DiffSegment(SegmentKind.SAME, "".join(old[:start]))]
    how = DiffGranularity.WORDS
    opcodes = _line_opcodes(middle_old, middle_new, effort)
    if opcodes is None:
        how = DiffGranularity.WHOLE
        pieces += _replaced(middle_old, middle_new)
    else:
        for tag, a, b, c, d in opcodes:
            was, now = "".join(middle_old[a:b]), "".join(middle_new[c:d])
            if tag == "equal":
                pieces.append(DiffSegment(SegmentKind.SAME, was))
                continue
            found = _by_words(was, now, effort)
            if found is None:
                how = DiffGranularity.LINES if was and now and how is DiffGranularity.WORDS else how
                found = _replaced([was], [now])
            pieces += found
    pieces.append(DiffSegment(SegmentKind.SAME, "".join(old[len(old) - end :])))
    return TextDiff(tuple(_joined(pieces)), how)


def collapse_unchanged(diff: TextDiff, *, around: int = 2) -> tuple[DiffSegment, ...]:
    """Return the segments for display: `around` unchanged lines on each side of a change; the rest becomes
    `LEFT_OUT` segments, with their text.
    """
    shown: list[DiffSegment] = []
    last = len(diff.pieces) - 1
    for n, piece in enumerate(diff.pieces):
        if piece.kind is not SegmentKind.SAME:
            shown.append(piece)
            continue
        lines = piece.text.splitlines(keepends=True)
        head, tail = (0 if n == 0 else around + 1), (0 if n == last else around + 1)
        if len(lines) <= head + tail + 2:
            shown.append(piece)
            continue
        parts = (
            DiffSegment(SegmentKind.SAME, "".join(lines[:head])),
            DiffSegment(SegmentKind.LEFT_OUT, "".join(lines[head : len(lines) - tail])),
            DiffSegment(SegmentKind.SAME, "".join(lines[len(lines) - tail :])),
        )
        shown += [part for part in parts if part.text]
    return tuple(shown)


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    count = 0
    for was, now in zip(old, new, strict=False):
        if was != now:
            break
        count += 1
    return count


def _line_opcodes(old: Sequence[str], new: Sequence[str], effort: Effort) -> list[Opcode] | None:
    """Return difflib opcodes by lines; None if matching is too expensive."""
    if max(len(old), len(new)) > MAX_LINES:
        return None
    here, there = Counter(old), Counter(new)
    if sum(count * there[line] for line, count in here.items()) > MAX_LINE_PAIRS:
        return None
    try:
        return _Matcher(old, new, effort).get_opcodes()
    except _OutOfSteps:
        return None


def _by_words(was: str, now: str, effort: Effort) -> list[DiffSegment] | None:
    """Return the segments of a changed passage by words; None if it has to be compared by lines."""
    if not was or not now or len(was) + len(now) > 20 * MAX_WORDS:
        return None
    old, new = _WORDS.findall(was), _WORDS.findall(now)
    if max(len(old), len(new)) > 2 * MAX_WORDS or len(old) + len(new) > effort.words:
        return None
    effort.words -= len(old) + len(new)
    matcher = _Matcher(old, new, effort)
    words = [w for w in old if w.strip()]
    try:
        blocks = matcher.get_matching_blocks()
    except _OutOfSteps:
        return None
    kept = sum(1 for a, _, size in blocks for w in old[a : a + size] if w.strip())
    if kept < MIN_SIMILARITY * max(1, min(len(words), sum(1 for w in new if w.strip()))):
        return _replaced([was], [now])
    found: list[DiffSegment] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            found.append(DiffSegment(SegmentKind.SAME, "".join(old[a:b])))
        else:
            found += _replaced(old[a:b], new[c:d])
    return _smoothed(found)


def _replaced(old: Sequence[str], new: Sequence[str]) -> list[DiffSegment]:
    pieces = [DiffSegment(SegmentKind.REMOVED, "".join(old)), DiffSegment(SegmentKind.ADDED, "".join(new))]
    return [piece for piece in pieces if piece.text]


def _smoothed(pieces: list[DiffSegment]) -> list[DiffSegment]:
    """Assign a single space between two changes to both: “old words” replaced by “new text” reads better than
    word for word.
    """
    out: list[DiffSegment] = []
    for n, piece in enumerate(pieces):
        inside = 0 < n < len(pieces) - 1
        if inside and piece.kind is SegmentKind.SAME and piece.text.isspace() and "\n" not in piece.text:
            out += [replace(piece, kind=SegmentKind.REMOVED), replace(piece, kind=SegmentKind.ADDED)]
        else:
            out.append(piece)
    return out


def _joined(pieces: Iterable[DiffSegment]) -> Iterator[DiffSegment]:
    """Join adjacent segments of one kind; in a changed passage the removed text comes first."""
    held: dict[SegmentKind, str] = {}
    for piece in pieces:
        if not piece.text:
            continue
        if (piece.kind is SegmentKind.SAME) != (SegmentKind.SAME in held) and held:
            yield from _let_go(held)
        held[piece.kind] = held.get(piece.kind, "") + piece.text
    yield from _let_go(held)


def _let_go(held: dict[SegmentKind, str]) -> Iterator[DiffSegment]:
    for kind in (SegmentKind.SAME, SegmentKind.REMOVED, SegmentKind.ADDED):
        if kind in held:
            yield DiffSegment(kind, held.pop(kind))
