"""What a query is once it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

from registry.search.fields import TEXT, SearchField


@dataclass(frozen=True)
class RelativeAge:
    """A moment told by its distance from now: before it, or after it where the word looks ahead."""

    distance: timedelta


Bound: TypeAlias = "float | date | RelativeAge"


@dataclass(frozen=True)
class Range:
    """From `low` to `high`, either open (None); whether each itself belongs to it. Days are whole."""

    low: Bound | None = None
    high: Bound | None = None
    with_low: bool = True
    with_high: bool = True


@dataclass(frozen=True)
class Value:
    """A value as it was written; `beginning`: a * ended it, and is not part of `text`."""

    text: str
    is_prefix: bool = False
    span: Range | None = None
    at: int = 0


@dataclass(frozen=True)
class Term:
    """One condition of a query: text[start:end]. Several values are alternatives. `word` is None for text, which has
    one value; `quoted` says it stood in quotes and is a phrase."""

    word: SearchField | None
    values: tuple[Value, ...]
    start: int
    end: int
    part: str = ""
    negated: bool = False
    quoted: bool = False

    @property
    def name(self) -> str:
        return self.word.name if self.word is not None else TEXT


@dataclass(frozen=True)
class Query:
    """A query that was read: all its terms have to hold."""

    text: str
    terms: tuple[Term, ...] = ()

    def named(self, name: str) -> tuple[Term, ...]:
        """The terms with that word."""
        return tuple(term for term in self.terms if term.name == name)

    def without(self, *terms: Term) -> str:
        """The same query without some of its terms, as one would write it."""
        kept, at = [], 0
        for term in sorted(terms, key=lambda term: term.start):
            kept.append(self.text[at : term.start])
            at = term.end
        return " ".join(part.strip() for part in (*kept, self.text[at:]) if part.strip())
