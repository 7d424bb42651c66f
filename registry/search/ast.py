"""The parsed form of a query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias

from registry.search.fields import TEXT, SearchField


@dataclass(frozen=True)
class RelativeAge:
    """A time relative to now: before it, or after it for a field with future ages."""

    distance: timedelta


Bound: TypeAlias = "float | date | RelativeAge"


@dataclass(frozen=True)
class Range:
    """A range from `low` to `high`; None means unbounded. `with_low` and `with_high` say whether the bounds are
    included. Dates are whole days.
    """

    low: Bound | None = None
    high: Bound | None = None
    with_low: bool = True
    with_high: bool = True


@dataclass(frozen=True)
class Value:
    """A value as written; `is_prefix` if it ended with *, which is not part of `text`."""

    text: str
    is_prefix: bool = False
    span: Range | None = None
    at: int = 0


@dataclass(frozen=True)
class Term:
    """One condition of a query: text[start:end].

    Several values are alternatives. `word` is None for free text, which has one value; `quoted` marks a phrase.
    """

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
    """A parsed query: all its terms must match."""

    text: str
    terms: tuple[Term, ...] = ()

    def named(self, name: str) -> tuple[Term, ...]:
        """Return the terms with that field."""
        return tuple(term for term in self.terms if term.name == name)

    def without(self, *terms: Term) -> str:
        """Return the query text without some of its terms."""
        kept, at = [], 0
        for term in sorted(terms, key=lambda term: term.start):
            kept.append(self.text[at : term.start])
            at = term.end
        return " ".join(part.strip() for part in (*kept, self.text[at:]) if part.strip())
