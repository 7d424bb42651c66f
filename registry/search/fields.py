"""Every word of the query language, in one table: the parser, its messages and the help page are made from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

TEXT: Final = ""
"""The name of a term that is no word of the table but text to be searched for."""


class FieldType(StrEnum):
    """What may stand after a word."""

    CHOICE = "choice"
    """One of a few values."""
    STAGE = "stage"
    """The name of a stage: which there are is data, so the value is judged where the query is carried out."""
    LINE = "line"
    """Text, whole; its beginning where a * ends it."""
    PERSON = "person"
    """A user name, `@me`, or an id as the audit log writes it."""
    HEX = "hex"
    """The beginning of a digest, four digits at least."""
    DAY = "day"
    """A day, a span of days, or an age such as 30d; compared with < > <= >= too."""
    NUMBER = "number"
    """A number or a span of numbers; compared with < > <= >= too."""


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
    """What a word tells of."""

    MODEL = "model"
    VERSION = "version"
    BOTH = "both"
    """Of the model in lists of models, of the version in lists of versions."""


@dataclass(frozen=True)
class SearchField:
    """One word.

    Args:
        label: what a chip calls it.
        about: what it finds, as the end of a sentence that begins with "finds".
        examples: the first is the one that messages show.
        values: what a CHOICE takes; for other kinds, what they take beside their own form.
        ordered: a CHOICE that may be compared; its values are numbers then, but for those that are not.
        part: what is named after a dot (`metric.auc`), empty where nothing is.
        part_needed: whether it has to be named.
        ahead: a DAY whose ages are counted forward: `review:<30d` is a review within thirty days from now.
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
        """What may stand after it, in words."""
        values = " or ".join([", ".join(self.values[:-1]), self.values[-1]] if len(self.values) > 1 else self.values)
        if self.kind is FieldType.CHOICE:
            return values
        return f"{TAKES[self.kind]}; or {values}" if values else TAKES[self.kind]

    @property
    def is_ordered(self) -> bool:
        """Whether < and > may follow."""
        return self.ordered or self.kind in (FieldType.DAY, FieldType.NUMBER)


class FieldRegistry:
    """Some words, found by name."""

    def __init__(self, words: Iterable[SearchField]) -> None:
        self._words = {word.name: word for word in words}

    def __iter__(self) -> Iterator[SearchField]:
        return iter(self._words.values())

    def __len__(self) -> int:
        return len(self._words)

    def and_words(self, *more: SearchField) -> FieldRegistry:
        """These words and more."""
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
            "models that are in use or archived; where nothing is said, archived ones are left out",
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
            "versions made or judged with a data set, by its name or its digest",
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
"""The words about what the registry knows."""
