"""All fields of the query language in one table, from which the parser, its messages and the help page are derived."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

TEXT: Final = ""
"""The name of a free-text term."""


class FieldType(StrEnum):
    """The type of the values of a field."""

    CHOICE = "choice"
    """One of a fixed set of values."""
    STAGE = "stage"
    """The name of a stage. Stages are data, so the value is validated when the query runs."""
    LINE = "line"
    """Text, exact; a prefix if it ends with *."""
    PERSON = "person"
    """A user name, `@me`, or an id as in the audit log."""
    HEX = "hex"
    """The prefix of a digest, at least four digits."""
    DAY = "day"
    """A date, a range of dates, or an age such as 30d; also with < > <= >=."""
    NUMBER = "number"
    """A number or a range of numbers; also with < > <= >=."""


TAKES: Final = {
    FieldType.CHOICE: "one of a few values",
    FieldType.STAGE: "the name of a stage",
    FieldType.LINE: "text, or its beginning and *",
    FieldType.PERSON: "a user name, or @me",
    FieldType.HEX: "four hexadecimal digits or more",
    FieldType.DAY: "a day, a span or an age",
    FieldType.NUMBER: "a number or a span",
}


class FieldTarget(StrEnum):
    """The object that a field describes."""

    MODEL = "model"
    VERSION = "version"
    BOTH = "both"
    """The model in lists of models, the version in lists of versions."""


@dataclass(frozen=True)
class SearchField:
    """One search field.

    Attributes:
        label: its name on a filter chip.
        help_text: what it finds, completing "finds …".
        examples: the first is shown in messages.
        values: the values of a CHOICE; for other types, allowed values in addition to their own form.
        ordered: a CHOICE that may be compared; its comparable values are numbers.
        part: what is named after a dot (`metric.auc`), empty if nothing.
        part_needed: whether the part is required.
        future_ages: a DAY whose ages count forward: `review:<30d` is a review within the next thirty days.
    """

    name: str
    kind: FieldType
    of: FieldTarget
    label: str
    help_text: str
    examples: tuple[str, ...]
    values: tuple[str, ...] = ()
    ordered: bool = False
    part: str = ""
    part_needed: bool = False
    future_ages: bool = False

    @property
    def value_hint(self) -> str:
        """The allowed values, in words."""
        values = " or ".join([", ".join(self.values[:-1]), self.values[-1]] if len(self.values) > 1 else self.values)
        if self.kind is FieldType.CHOICE:
            return values
        return f"{TAKES[self.kind]}; or {values}" if values else TAKES[self.kind]

    @property
    def is_ordered(self) -> bool:
        """Whether < and > are allowed."""
        return self.ordered or self.kind in (FieldType.DAY, FieldType.NUMBER)


class FieldRegistry:
    """A set of fields, by name."""

    def __init__(self, words: Iterable[SearchField]) -> None:
        self._words = {word.name: word for word in words}

    def __iter__(self) -> Iterator[SearchField]:
        return iter(self._words.values())

    def __len__(self) -> int:
        return len(self._words)

    def and_words(self, *more: SearchField) -> FieldRegistry:
        """Return these fields and more."""
        return FieldRegistry([*self, *more])

    def get(self, name: str) -> SearchField | None:
        return self._words.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._words)


NONE: Final = "none"

WORDS: Final = FieldRegistry(
    [
        SearchField(
            "name",
            FieldType.LINE,
            FieldTarget.MODEL,
            "Name",
            "the model of that name; with * at the end, those whose names begin so",
            ("name:credit*", "name:credit-risk-pd"),
        ),
        SearchField(
            "tier",
            FieldType.CHOICE,
            FieldTarget.MODEL,
            "Risk tier",
            "models of a risk tier; none finds those without one",
            ("tier:1", "tier:1,2", "tier:<=2", "tier:none"),
            values=("1", "2", "3", NONE),
            ordered=True,
        ),
        SearchField(
            "owner",
            FieldType.PERSON,
            FieldTarget.MODEL,
            "Owner",
            "models a person is on record as the owner of, by user name; @me is you",
            ("owner:@me", "owner:priya", "owner:none"),
            values=(NONE,),
        ),
        SearchField(
            "team",
            FieldType.LINE,
            FieldTarget.MODEL,
            "Team",
            "models of a team",
            ('team:"Retail Credit"', "team:retail*", "team:none"),
            values=(NONE,),
        ),
        SearchField(
            "status",
            FieldType.CHOICE,
            FieldTarget.MODEL,
            "State",
            "active or archived models; without this filter archived ones are left out",
            ("status:archived", "status:any"),
            values=("active", "archived", "any"),
        ),
        SearchField(
            "regulation",
            FieldType.LINE,
            FieldTarget.MODEL,
            "Regulation",
            "models under a regulation",
            ('regulation:"EU AI Act"',),
        ),
        SearchField(
            "review",
            FieldType.DAY,
            FieldTarget.MODEL,
            "Next review",
            "models by their next review: overdue, due within thirty days, not set, or on a day",
            ("review:overdue", "review:due", "review:none", "review:<90d", "review:2027-01-01..2027-03-31"),
            values=("overdue", "due", NONE),
            future_ages=True,
        ),
        SearchField(
            "updated",
            FieldType.DAY,
            FieldTarget.MODEL,
            "Last change",
            "models by the day of their last change, or how long ago it was",
            ("updated:>2026-10-01", "updated:<30d", "updated:2026-01-01..2026-02-01"),
        ),
        SearchField(
            "created",
            FieldType.DAY,
            FieldTarget.MODEL,
            "Registered",
            "models by the day they were registered",
            ("created:<1y", "created:2026-10-01"),
        ),
        SearchField(
            "is",
            FieldType.CHOICE,
            FieldTarget.MODEL,
            "Is",
            "models without an active owner (unowned), without a tier (untiered), without either or both (incomplete), "
            "without a version (empty)",
            ("is:unowned", "is:incomplete"),
            values=("unowned", "untiered", "incomplete", "empty"),
        ),
        SearchField(
            "tag",
            FieldType.LINE,
            FieldTarget.BOTH,
            "Tag",
            "what has a tag of that name; with a dot, a tag of that name and value",
            ("tag:llm", "tag.team=risk"),
            part="the tag's name",
        ),
        SearchField(
            "stage",
            FieldType.STAGE,
            FieldTarget.VERSION,
            "Stage",
            "versions in a stage, and models that have one there",
            ("stage:production", "-stage:archived", "stage:staging,production"),
        ),
        SearchField(
            "alias",
            FieldType.LINE,
            FieldTarget.VERSION,
            "Alias",
            "versions an alias points at",
            ("alias:champion",),
        ),
        SearchField(
            "metric",
            FieldType.NUMBER,
            FieldTarget.VERSION,
            "Metric",
            "versions by the newest value of a metric, on whichever data set, over all rows of it",
            ("metric.auc>0.9", "metric.auc:0.8..0.9", 'metric."log loss"<=0.3'),
            part="the metric's name",
            part_needed=True,
        ),
        SearchField(
            "digest",
            FieldType.HEX,
            FieldTarget.VERSION,
            "Digest",
            "versions by the beginning of their fingerprint or of a file's SHA-256",
            ("digest:5f70",),
        ),
        SearchField(
            "run",
            FieldType.LINE,
            FieldTarget.VERSION,
            "Run",
            "versions by the id of the run that made them",
            ("run:8f2c41*",),
        ),
        SearchField(
            "commit",
            FieldType.HEX,
            FieldTarget.VERSION,
            "Commit",
            "versions by the beginning of the commit of their code",
            ("commit:4be1c0f",),
        ),
        SearchField(
            "dataset",
            FieldType.LINE,
            FieldTarget.VERSION,
            "Data set",
            "versions trained or evaluated with a data set, by its name or its digest",
            ("dataset:loans-2026", "dataset:loans*"),
        ),
        SearchField(
            "registered",
            FieldType.DAY,
            FieldTarget.VERSION,
            "Registered",
            "versions by the day they were registered",
            ("registered:<7d", "registered:2026-01-01..2026-06-30"),
        ),
    ]
)
"""The fields about data of the registry."""
