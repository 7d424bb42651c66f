"""The models that a policy is for, by facts of the model. Pure: no database, no clock, no settings.

Of two policies of equal priority that cover one model, the narrower one governs: each of its restrictions is equal to
or narrower than that of the other. Policies that share models and of which none is narrower are refused at publication,
so any policies in force that cover one model at equal priority are a chain with one narrowest policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

ANY_VALUE = "*"
"""The value of a tag in a policy that every value of the tag satisfies."""
DataClass = Literal["public", "internal", "confidential", "personal", "special-category"]
DATA_CLASSES: frozenset[str] = frozenset(get_args(DataClass))

_Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class ModelLike(Protocol):
    """A registered model, as a row or as a value."""

    @property
    def risk_tier(self) -> int | None: ...
    @property
    def tags(self) -> Mapping[str, str]: ...
    @property
    def data_classes(self) -> Sequence[str]: ...
    @property
    def team(self) -> str: ...
    @property
    def affects_people(self) -> bool | None: ...
    @property
    def regulations(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class ModelFacts:
    """The facts of a model that policies match. Names of teams and regulations are in lower case."""

    tier: int | None = None
    tags: frozenset[tuple[str, str]] = frozenset()
    data_classes: frozenset[str] = frozenset()
    team: str = ""
    affects_people: bool | None = None
    regulations: frozenset[str] = frozenset()


def facts_of_model(model: ModelLike) -> ModelFacts:
    """Return the matched facts of a model."""
    return ModelFacts(
        tier=model.risk_tier,
        tags=frozenset((str(key), str(value)) for key, value in model.tags.items()),
        data_classes=frozenset(model.data_classes),
        team=_folded(model.team),
        affects_people=model.affects_people,
        regulations=frozenset(_folded(str(name)) for name in model.regulations),
    )


class ModelFilter(BaseModel):
    """Restrictions to certain models. A restriction that is left out accepts every model.

    `tiers`, `teams`: one of them. `tags`: each of them, with one of its values; `"*"` accepts every value.
    `data_classes`, `regulations`: at least one of them. An unknown fact does not exempt a model: every policy covers a
    model without a tier, a model without data classes counts as one with all of them, and a model for which it is not
    stated whether it affects people counts as affecting people. A model without tags, team or regulations has none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tiers: tuple[Annotated[int, Field(ge=1, le=9)], ...] = ()
    tags: dict[_Line, tuple[_Line, ...]] = Field(
        default_factory=dict, max_length=20, exclude_if=lambda found: not found
    )
    data_classes: tuple[DataClass, ...] = Field(default=(), exclude_if=lambda found: not found)
    teams: tuple[_Line, ...] = Field(default=(), max_length=50, exclude_if=lambda found: not found)
    affects_people: Annotated[bool, Field(strict=True)] | None = Field(
        default=None, exclude_if=lambda found: found is None
    )
    regulations: tuple[_Line, ...] = Field(default=(), max_length=50, exclude_if=lambda found: not found)

    @field_validator("tags", mode="before")
    @classmethod
    def _one_value_or_several(cls, tags: Any) -> Any:
        if not isinstance(tags, Mapping):
            return tags
        return {key: (value,) if isinstance(value, str) else value for key, value in tags.items()}

    @field_validator("tags")
    @classmethod
    def _has_values(cls, tags: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        if empty := [key for key, values in tags.items() if not values]:
            raise ValueError(f'name a value of the tag {empty[0]}, or "*" for every value')
        return {key: (ANY_VALUE,) if ANY_VALUE in values else values for key, values in tags.items()}

    @property
    def restricts_only_tiers(self) -> bool:
        """Whether no restriction but that of tiers is given."""
        return not (self.tags or self.data_classes or self.teams or self.regulations) and self.affects_people is None

    def covers_tier(self, tier: int | None) -> bool:
        """Return whether the policy is for models of this tier. Every policy covers a model without a tier."""
        return not self.tiers or tier is None or tier in self.tiers

    def covers(self, facts: ModelFacts) -> bool:
        """Return whether the policy is for a model with these facts."""
        people = True if facts.affects_people is None else facts.affects_people
        return (
            self.covers_tier(facts.tier)
            and all(
                any(key == tag and (values == (ANY_VALUE,) or value in values) for tag, value in facts.tags)
                for key, values in self.tags.items()
            )
            and (not self.data_classes or not (facts.data_classes or DATA_CLASSES).isdisjoint(self.data_classes))
            and (not self.teams or facts.team in _fold(self.teams))
            and self.affects_people in (None, people)
            and (not self.regulations or not facts.regulations.isdisjoint(_fold(self.regulations)))
        )

    def shares_models_with(self, other: ModelFilter) -> bool:
        """Return whether some model is covered by both. Exact: a model has one tier, one team, one value of a tag and
        one answer whether it affects people, and any number of data classes and regulations. A model without a tier is
        left out, because no promotion of it is possible.
        """
        return (
            _meet(set(self.tiers), set(other.tiers))
            and _meet(_fold(self.teams), _fold(other.teams))
            and (None in (self.affects_people, other.affects_people) or self.affects_people == other.affects_people)
            and all(_meet(_values(self.tags[key]), _values(other.tags[key])) for key in self.tags.keys() & other.tags)
        )

    def is_narrower_than(self, other: ModelFilter) -> bool:
        """Return whether each restriction is equal to or narrower than that of the other, and at least one is
        narrower. A narrower policy covers only models that the other covers too.
        """
        return self._is_within(other) and not other._is_within(self)

    def _is_within(self, other: ModelFilter) -> bool:
        return (
            _within(set(self.tiers), set(other.tiers))
            and _within(set(self.data_classes), set(other.data_classes))
            and _within(_fold(self.teams), _fold(other.teams))
            and _within(_fold(self.regulations), _fold(other.regulations))
            and other.affects_people in (None, self.affects_people)
            and all(
                key in self.tags and _within(_values(self.tags[key]), _values(other.tags[key])) for key in other.tags
            )
        )


def describe_models(models: ModelFilter) -> str:
    """Describe the covered models, such as "models of tier 1, of the team Credit"."""
    tiers = f"models of tier {_either(map(str, models.tiers))}" if models.tiers else "models of every tier"
    return ", ".join((tiers, *restrictions_in_words(models)))


def restrictions_in_words(models: ModelFilter) -> list[str]:
    """Describe the restrictions besides that of the tier, such as "of the team Credit"."""
    words = []
    if models.teams:
        words.append(f"of the team {_either(models.teams)}")
    for key, values in models.tags.items():
        words.append(f"with the tag {key}" if values == (ANY_VALUE,) else f"with the tag {key} = {_either(values)}")
    if models.data_classes:
        words.append(f"reading data of the class {_either(models.data_classes)} or of no declared class")
    if models.affects_people is not None:
        words.append(
            "affecting people, or without a statement about it"
            if models.affects_people
            else "stated not to affect people"
        )
    if models.regulations:
        words.append(f"under {_either(models.regulations)}")
    return words


def matched_facts(models: ModelFilter) -> tuple[str, ...]:
    """Return which facts of a model a policy matches, in words."""
    given = {
        "its tier": models.tiers,
        "its tags": models.tags,
        "its data classes": models.data_classes,
        "its team": models.teams,
        "whether it affects people": models.affects_people is not None,
        "its regulations": models.regulations,
    }
    return tuple(name for name, restriction in given.items() if restriction)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _fold(names: Iterable[str]) -> set[str]:
    return {_folded(name) for name in names}


def _values(values: tuple[str, ...]) -> set[str]:
    """Return the accepted values of a tag; empty for every value."""
    return set() if values == (ANY_VALUE,) else set(values)


def _meet(first: Set[Any], second: Set[Any]) -> bool:
    """Return whether two restrictions to one of several values accept a common value; an empty one accepts all."""
    return not first or not second or bool(first & second)


def _within(first: Set[Any], second: Set[Any]) -> bool:
    """Return whether the first restriction accepts only what the second accepts; an empty one accepts all."""
    return not second or (bool(first) and first <= second)


def _either(words: Iterable[str]) -> str:
    *most, last = words
    return " or ".join(filter(None, (", ".join(most), last)))
