"""Every word of the query language, in one table: the parser, its messages and the help page are made from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

TEXT: Final = ""
"""The name of a term that is no word of the table but text to be searched for."""


class Kind(StrEnum):
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
    Kind.CHOICE: "one of a few values",
    Kind.STAGE: "the name of a stage",
    Kind.LINE: "text, or its beginning and *",
    Kind.PERSON: "a user name, or @me",
    Kind.HEX: "four hexadecimal digits or more",
    Kind.DAY: "a day, a span or an age",
    Kind.NUMBER: "a number or a span",
}


class Of(StrEnum):
    """What a word tells of."""

    MODEL = "model"
    VERSION = "version"
    BOTH = "both"
    """Of the model in lists of models, of the version in lists of versions."""


@dataclass(frozen=True)
class Word:
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
    kind: Kind
    of: Of
    label: str
    about: str
    examples: tuple[str, ...]
    values: tuple[str, ...] = ()
    ordered: bool = False
    part: str = ""
    part_needed: bool = False
    ahead: bool = False

    @property
    def takes(self) -> str:
        """What may stand after it, in words."""
        values = " or ".join([", ".join(self.values[:-1]), self.values[-1]] if len(self.values) > 1 else self.values)
        if self.kind is Kind.CHOICE:
            return values
        return f"{TAKES[self.kind]}; or {values}" if values else TAKES[self.kind]

    @property
    def compares(self) -> bool:
        """Whether < and > may follow."""
        return self.ordered or self.kind in (Kind.DAY, Kind.NUMBER)


class Vocabulary:
    """Some words, found by name."""

    def __init__(self, words: Iterable[Word]) -> None:
        self._words = {word.name: word for word in words}

    def __iter__(self) -> Iterator[Word]:
        return iter(self._words.values())

    def __len__(self) -> int:
        return len(self._words)

    def and_words(self, *more: Word) -> Vocabulary:
        """These words and more."""
        return Vocabulary([*self, *more])

    def get(self, name: str) -> Word | None:
        return self._words.get(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._words)


NONE: Final = "none"

WORDS: Final = Vocabulary(
    [
        Word(
            "name",
            Kind.LINE,
            Of.MODEL,
            "Name",
            "the model of that name; with * at the end, those whose names begin so",
            ("name:credit*", "name:credit-risk-pd"),
        ),
        Word(
            "tier",
            Kind.CHOICE,
            Of.MODEL,
            "Risk tier",
            "models of a risk tier; none finds those without one",
            ("tier:1", "tier:1,2", "tier:<=2", "tier:none"),
            values=("1", "2", "3", NONE),
            ordered=True,
        ),
        Word(
            "owner",
            Kind.PERSON,
            Of.MODEL,
            "Owner",
            "models a person is on record as the owner of, by user name; @me is you",
            ("owner:@me", "owner:priya", "owner:none"),
            values=(NONE,),
        ),
        Word(
            "team",
            Kind.LINE,
            Of.MODEL,
            "Team",
            "models of a team",
            ('team:"Retail Credit"', "team:retail*", "team:none"),
            values=(NONE,),
        ),
        Word(
            "status",
            Kind.CHOICE,
            Of.MODEL,
            "State",
            "models that are in use or archived; where nothing is said, archived ones are left out",
            ("status:archived", "status:any"),
            values=("active", "archived", "any"),
        ),
        Word(
            "regulation",
            Kind.LINE,
            Of.MODEL,
            "Regulation",
            "models under a regulation",
            ('regulation:"EU AI Act"',),
        ),
        Word(
            "review",
            Kind.DAY,
            Of.MODEL,
            "Next review",
            "models by their next review: overdue, due within thirty days, not set, or on a day",
            ("review:overdue", "review:due", "review:none", "review:<90d", "review:2027-01-01..2027-03-31"),
            values=("overdue", "due", NONE),
            ahead=True,
        ),
        Word(
            "updated",
            Kind.DAY,
            Of.MODEL,
            "Last change",
            "models by the day of their last change, or how long ago it was",
            ("updated:>2026-10-01", "updated:<30d", "updated:2026-01-01..2026-02-01"),
        ),
        Word(
            "created",
            Kind.DAY,
            Of.MODEL,
            "Registered",
            "models by the day they were registered",
            ("created:<1y", "created:2026-10-01"),
        ),
        Word(
            "is",
            Kind.CHOICE,
            Of.MODEL,
            "Is",
            "models without an active owner (unowned), without a tier (untiered), without either or both (incomplete), "
            "without a version (empty)",
            ("is:unowned", "is:incomplete"),
            values=("unowned", "untiered", "incomplete", "empty"),
        ),
        Word(
            "tag",
            Kind.LINE,
            Of.BOTH,
            "Tag",
            "what has a tag of that name; with a dot, a tag of that name and value",
            ("tag:llm", "tag.team=risk"),
            part="the tag's name",
        ),
        Word(
            "stage",
            Kind.STAGE,
            Of.VERSION,
            "Stage",
            "versions in a stage, and models that have one there",
            ("stage:production", "-stage:archived", "stage:staging,production"),
        ),
        Word(
            "alias",
            Kind.LINE,
            Of.VERSION,
            "Alias",
            "versions an alias points at",
            ("alias:champion",),
        ),
        Word(
            "metric",
            Kind.NUMBER,
            Of.VERSION,
            "Metric",
            "versions by the newest value of a metric, on whichever data set, over all rows of it",
            ("metric.auc>0.9", "metric.auc:0.8..0.9", 'metric."log loss"<=0.3'),
            part="the metric's name",
            part_needed=True,
        ),
        Word(
            "digest",
            Kind.HEX,
            Of.VERSION,
            "Digest",
            "versions by the beginning of their fingerprint or of a file's SHA-256",
            ("digest:5f70",),
        ),
        Word("run", Kind.LINE, Of.VERSION, "Run", "versions by the id of the run that made them", ("run:8f2c41*",)),
        Word(
            "commit",
            Kind.HEX,
            Of.VERSION,
            "Commit",
            "versions by the beginning of the commit of their code",
            ("commit:4be1c0f",),
        ),
        Word(
            "dataset",
            Kind.LINE,
            Of.VERSION,
            "Data set",
            "versions made or judged with a data set, by its name or its digest",
            ("dataset:loans-2026", "dataset:loans*"),
        ),
        Word(
            "registered",
            Kind.DAY,
            Of.VERSION,
            "Registered",
            "versions by the day they were registered",
            ("registered:<7d", "registered:2026-01-01..2026-06-30"),
        ),
    ]
)
"""The words about what the registry knows."""
