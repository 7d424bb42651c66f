"""Conditions of a policy: all, any and not over known facts, in three-valued logic. Pure: no database, no clock.

A fact that is not known makes a comparison unknown, and an unknown condition is not satisfied. The logic is that of
Kleene (K3): `all` is false if one part is false, `any` is true if one part is true, whatever the others are.

Source: S. C. Kleene, Introduction to Metamathematics (1952), section 64.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

from governance.policies.requirements import Requirement, RequirementStatus

MAX_DEPTH: Final = 6
MAX_PARTS: Final = 50

Operator = Literal["==", "!=", ">=", ">", "<=", "<", "in", "not in", "contains"]
_SYMMETRIC: Final = ("==", "!=")
_OPERATORS: Final[dict[str, tuple[str, ...]]] = {
    "number": (*_SYMMETRIC, ">=", ">", "<=", "<"),
    "text": (*_SYMMETRIC, "in", "not in"),
    "yes or no": ("==",),
    "set": ("contains",),
}


@dataclass(frozen=True)
class FactKind:
    """A fact that conditions can name.

    `of`: what the key `of` selects; empty where the fact has none. `by_time`: it changes while nothing happens.
    """

    type: Literal["number", "text", "yes or no", "set"]
    words: str
    how_to_fulfil: str
    of: str = ""
    by_time: bool = False


FACTS: Final[dict[str, FactKind]] = {
    "tier": FactKind("number", "the risk tier", "Assess the model"),
    "team": FactKind("text", "the team", "Name the team on the model"),
    "affects_people": FactKind("yes or no", "the model affects people", "State it on the model"),
    "data_classes": FactKind("set", "the data classes", "Declare them on the model"),
    "regulations": FactKind("set", "the regulations", "Name them on the model"),
    "tag": FactKind("text", "the tag {of}", "Set the tag on the model", of="name of the tag"),
    "metric": FactKind("number", "the metric {of}", "Add the metric to the version", of="name of the metric"),
    "has_document": FactKind(
        "yes or no", "there is evidence of the kind {of}", "Add it to the version", of="kind of evidence"
    ),
    "document_age_days": FactKind(
        "number",
        "the age of {of} in days",
        "Add a newer one to the version",
        of="kind of evidence",
        by_time=True,
    ),
    "days_since_review": FactKind(
        "number", "the days since the last periodic review", "Review the model", by_time=True
    ),
    "stage": FactKind("text", "the stage of the version", "Move the version first"),
    "hours_in_stage": FactKind(
        "number", "the hours of the version in {of}", "Wait, or move the version there first", of="slug of a stage",
        by_time=True,
    ),
    "open_findings": FactKind(
        "number", "the open findings of severity {of} on the model", "Close the findings", of="severity"
    ),
    "replaces_version": FactKind("yes or no", "another version holds the target", "It follows from the target"),
}  # fmt: skip
"""The facts that conditions can name. docs/policies.md describes each."""


class FactKey(NamedTuple):
    """What identifies a fact: its name, and what it is of."""

    name: str
    of: str = ""
    dataset: str = ""
    slice: str = ""


Known = Mapping[FactKey, Any]
"""Facts by key. A fact that is missing, or None, is not known."""


class Condition(BaseModel):
    """A comparison of a fact with a value, or `all`, `any` or `not` of conditions. Exactly one of the four is given.

    `title` and `how_to_fulfil` are shown to people; without them the words of the comparison are.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    all_of: tuple[Condition, ...] | None = Field(default=None, alias="all", min_length=1, max_length=MAX_PARTS)
    any_of: tuple[Condition, ...] | None = Field(default=None, alias="any", min_length=1, max_length=MAX_PARTS)
    negated: Condition | None = Field(default=None, alias="not")
    fact: str | None = None
    of: Annotated[str, StringConstraints(max_length=250)] = ""
    dataset: Annotated[str, StringConstraints(max_length=250)] = ""
    slice: Annotated[str, StringConstraints(max_length=250)] = ""
    op: Operator = "=="
    value: bool | float | str | tuple[str, ...] | None = None
    title: Annotated[str, StringConstraints(max_length=200)] = ""
    how_to_fulfil: Annotated[str, StringConstraints(max_length=500)] = ""

    @model_validator(mode="after")
    def _is_one_kind(self) -> Condition:
        kinds = (self.all_of, self.any_of, self.negated, self.fact)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("a condition is one of: all, any, not, or a fact with op and value")
        if self.fact is not None:
            self._require_comparison(self.fact)
        elif self.value is not None or self.of or self.dataset or self.slice:
            raise ValueError("value, of, dataset and slice belong to a fact")
        if self._depth() > MAX_DEPTH:
            raise ValueError(f"conditions are nested at most {MAX_DEPTH} deep")
        return self

    def _require_comparison(self, name: str) -> None:
        kind = FACTS.get(name)
        if kind is None:
            raise ValueError(f"unknown fact {name}; the facts are: {', '.join(FACTS)}")
        if bool(kind.of) != bool(self.of):
            raise ValueError(f"{name} needs `of`: the {kind.of}" if kind.of else f"{name} has no `of`")
        if name != "metric" and (self.dataset or self.slice):
            raise ValueError(f"{name} has no dataset and no slice: they belong to a metric")
        if self.op not in _OPERATORS[kind.type]:
            raise ValueError(f"{name} is a {kind.type}: op is one of {', '.join(_OPERATORS[kind.type])}")
        expected = {
            "number": isinstance(self.value, int | float) and not isinstance(self.value, bool),
            "yes or no": isinstance(self.value, bool),
            "set": isinstance(self.value, str),
            "text": isinstance(self.value, tuple if self.op in ("in", "not in") else str),
        }[kind.type]
        if not expected:
            shape = {"number": "a number", "yes or no": "true or false", "set": "one name"}.get(kind.type)
            shape = shape or ("a list of texts" if self.op in ("in", "not in") else "a text")
            raise ValueError(f"{name} {self.op} takes {shape} as value")

    def _depth(self) -> int:
        return 1 + max((part._depth() for part in self.parts), default=0)

    @model_serializer(mode="wrap")
    def _as_written(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        names = {"all_of": "all", "any_of": "any", "negated": "not"}
        written: dict[str, Any] = serialise(self)
        given = {names.get(key, key): value for key, value in written.items() if value not in (None, "")}
        if self.fact is None:
            given.pop("op", None)
        return given

    @property
    def parts(self) -> tuple[Condition, ...]:
        """The conditions of `all`, `any` or `not`."""
        return self.all_of or self.any_of or ((self.negated,) if self.negated is not None else ())

    def comparisons(self) -> Iterator[Condition]:
        """Return the comparisons with facts in this condition."""
        if self.fact is not None:
            yield self
        for part in self.parts:
            yield from part.comparisons()

    @property
    def key(self) -> FactKey:
        """The key of the fact of a comparison."""
        return FactKey(self.fact or "", self.of, self.dataset, self.slice)

    @property
    def words(self) -> str:
        """The condition as text."""
        if self.all_of is not None:
            return " and ".join(_grouped(part) for part in self.all_of)
        if self.any_of is not None:
            return " or ".join(_grouped(part) for part in self.any_of)
        if self.negated is not None:
            return f"not ({self.negated.words})"
        kind = FACTS[self.fact or ""]
        name = kind.words.format(of=self.of)
        name += f" on {self.dataset}" if self.dataset else ""
        name += f" for {self.slice}" if self.slice else ""
        if kind.type == "yes or no":
            return name if self.value else f"not: {name}"
        signs = {">=": "is at least", ">": "is more than", "<=": "is at most", "<": "is less than", "==": "is"}
        signs |= {"!=": "is not", "in": "is one of", "not in": "is none of", "contains": "contain"}
        value = ", ".join(self.value) if isinstance(self.value, tuple) else self.value
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        return f"{name} {signs[self.op]} {shown}"


def _grouped(condition: Condition) -> str:
    return f"({condition.words})" if len(condition.parts) > 1 else condition.words


def holds(condition: Condition, known: Known) -> bool | None:
    """Return whether a condition is satisfied; None if that is not known."""
    if condition.all_of is not None:
        return conjunction(holds(part, known) for part in condition.all_of)
    if condition.any_of is not None:
        return negation(conjunction(negation(holds(part, known)) for part in condition.any_of))
    if condition.negated is not None:
        return negation(holds(condition.negated, known))
    return _compare(condition, known.get(condition.key))


def conjunction(values: Iterable[bool | None]) -> bool | None:
    """Return the conjunction in three-valued logic: false if one is false, else unknown if one is unknown."""
    given = list(values)
    if any(value is False for value in given):
        return False
    return None if any(value is None for value in given) else True


def negation(value: bool | None) -> bool | None:
    """Return the negation in three-valued logic."""
    return None if value is None else not value


def _compare(condition: Condition, fact: Any) -> bool | None:
    if fact is None:
        return None
    value: Any = condition.value
    match condition.op:
        case "==":
            return bool(fact == value)
        case "!=":
            return bool(fact != value)
        case ">=":
            return bool(fact >= value)
        case ">":
            return bool(fact > value)
        case "<=":
            return bool(fact <= value)
        case "<":
            return bool(fact < value)
        case "in" | "contains":
            return fact in value if condition.op == "in" else value in fact
        case "not in":
            return fact not in value


def required_facts(conditions: Iterable[Condition | None]) -> frozenset[FactKey]:
    """Return the keys of the facts that conditions name."""
    return frozenset(one.key for condition in conditions if condition is not None for one in condition.comparisons())


def both(first: Condition | None, second: Condition | None) -> Condition | None:
    """Return the conjunction of two conditions; None if neither is given."""
    if first is None or second is None or first == second:
        return first if first is not None else second
    parts = [*(first.all_of or (first,)), *(second.all_of or (second,))]
    return Condition(all=tuple(dict.fromkeys(parts)))


def either(first: Condition | None, second: Condition | None) -> Condition | None:
    """Return the condition under which a rule of two policies applies: where one has none, always."""
    if first is None or second is None:
        return None
    return first if first == second else Condition(any=(first, second))


def condition_requirements(condition: Condition | None, known: Known) -> tuple[Requirement, ...]:
    """Return one requirement for each part of a conjunction, or one for another condition.

    Args:
        condition: the conditions of the combined policy.
        known: the facts that were read.
    """
    if condition is None:
        return ()
    parts = condition.all_of if condition.all_of is not None else (condition,)
    return tuple(_requirement(number, part, known) for number, part in enumerate(parts, start=1))


def _requirement(number: int, condition: Condition, known: Known) -> Requirement:
    answer = holds(condition, known)
    comparisons = list(condition.comparisons())
    unknown = [one for one in comparisons if known.get(one.key) is None]
    title = condition.title or condition.words[:1].upper() + condition.words[1:]
    shown = _values(comparisons, known)
    if answer:
        return Requirement(f"condition:{number}", "condition", title, RequirementStatus.MET, shown)
    open_ones = [one for one in comparisons if FACTS[one.fact or ""].by_time]
    state = RequirementStatus.WAITING if open_ones and not unknown else RequirementStatus.FAILED
    detail = shown
    if answer is None:
        names = ", ".join(dict.fromkeys(FACTS[one.fact or ""].words.format(of=one.of) for one in unknown))
        detail = f"not known: {names}" + (f"; {shown}" if shown else "")
    how = condition.how_to_fulfil or ". ".join(
        dict.fromkeys(one.how_to_fulfil or FACTS[one.fact or ""].how_to_fulfil for one in unknown or comparisons)
    )
    return Requirement(f"condition:{number}", "condition", title, state, detail, how)


def _values(comparisons: Iterable[Condition], known: Known) -> str:
    """Return the known values, such as "the risk tier: 2"."""
    found = {}
    for one in comparisons:
        value = known.get(one.key)
        if value is not None:
            name = FACTS[one.fact or ""].words.format(of=one.of)
            found[name] = {True: "yes", False: "no"}[value] if isinstance(value, bool) else _text(value)
    return "; ".join(f"{name}: {value}" for name, value in found.items())


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, frozenset | set | tuple | list):
        return ", ".join(sorted(map(str, value))) or "none"
    return str(value)
