"""Shared parts of the field compilers: the search context, and forms of conditions that several fields use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import or_
from typing import Any, TypeAlias

from django.db.models import Q
from django.db.models.functions import Lower
from django.db.models.lookups import Exact, StartsWith

from audit import clock
from audit.actor import Actor
from registry.models import Stage
from registry.search import Bound, InvalidQuery, Query, QueryError, Range, RelativeAge, Term, Value

Condition: TypeAlias = Q
Compile: TypeAlias = Callable[["SearchContext", Term], Condition]

Stages: TypeAlias = Sequence[tuple[int, str, str]]
"""Keys, slugs and names, in the order of the lifecycle."""


def stages_now() -> Stages:
    """Return the existing stages, for callers that run many queries."""
    return list(Stage.objects.order_by("position").values_list("pk", "slug", "name"))


class SearchContext:
    """The context of a search: the actor, the time, and the query text for errors."""

    def __init__(self, actor: Actor, query: Query, stages: Stages | None = None) -> None:
        self.actor = actor
        self.query = query
        self.now = clock.now()
        self._stages = stages
        self.dense = False
        """Whether a condition matches so many rows that the list is scanned and each row is checked."""

    @property
    def stages(self) -> Stages:
        """The existing stages, read when a query names one."""
        if self._stages is None:
            self._stages = stages_now()
        return self._stages

    @property
    def today(self) -> date:
        """The current date in UTC, as everywhere in a query: the same for every reader."""
        return self.now.astimezone(UTC).date()

    def fault(self, value: Value, detail: str, allowed: Sequence[str], meant: str = "") -> InvalidQuery:
        fault = QueryError("unknown_value", detail, value.at, value.at + len(value.text), tuple(allowed), meant)
        return InvalidQuery(self.query.text, [fault])


def any_of(conditions: Sequence[Condition]) -> Condition:
    """Return the condition that at least one of them is met."""
    return reduce(or_, conditions)


def matches_text(field: str, text: str, *, beginning: bool = False) -> Condition:
    """Return a case-insensitive equality or prefix condition, in a form that uses an index on lower()."""
    return Q((StartsWith if beginning else Exact)(Lower(field), text.lower()))


def text_or_prefix(field: str, value: Value) -> Condition:
    """Return a case-sensitive equality condition, or a prefix condition for `name*`."""
    return Q(**{f"{field}__{'startswith' if value.is_prefix else 'exact'}": value.text})


# --- ranges ---


def moment_of(field: str) -> Compile:
    """Return the function that compiles a filter on a time."""

    def compiled(context: SearchContext, term: Term) -> Condition:
        return any_of([moments(context, field, value.span) for value in term.values if value.span is not None])

    return compiled


def in_range(field: str, span: Range, read: Callable[[Bound], Any]) -> Condition:
    """Return the condition that the field is in the range; `read` converts a bound to the type of the column."""
    condition = Q()
    if span.low is not None:
        condition &= Q(**{f"{field}__{'gte' if span.with_low else 'gt'}": read(span.low)})
    if span.high is not None:
        condition &= Q(**{f"{field}__{'lte' if span.with_high else 'lt'}": read(span.high)})
    return condition


def as_day(context: SearchContext, bound: Bound) -> date:
    """Return a date; an age counts forward from today, because a review date is in the future."""
    if isinstance(bound, RelativeAge):
        return context.today + bound.distance
    assert isinstance(bound, date)
    return bound


def moments(context: SearchContext, field: str, span: Range) -> Condition:
    """Return a condition on a time: dates are whole days in UTC; an age below thirty days is a time after thirty
    days ago.
    """
    bound = span.low if span.low is not None else span.high
    if isinstance(bound, RelativeAge):
        moment = context.now - bound.distance
        younger = span.high is not None
        within = span.with_high if younger else span.with_low
        return Q(**{f"{field}__{'gt' if younger else 'lt'}{'e' if within else ''}": moment})
    condition = Q()
    if isinstance(span.low, date):
        condition &= Q(**{f"{field}__gte": _midnight(span.low, after=not span.with_low)})
    if isinstance(span.high, date):
        condition &= Q(**{f"{field}__lt": _midnight(span.high, after=span.with_high)})
    return condition


def _midnight(day: date, *, after: bool) -> datetime:
    return datetime.combine(day + timedelta(days=1) if after else day, time(), UTC)
