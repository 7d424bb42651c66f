"""Trends of a model's key metrics over its newest versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from governance.policies.metric_limits import Limit, limit_on
from registry import selectors
from registry.models import RegisteredModel


@dataclass(frozen=True)
class Trend:
    """A metric on one dataset: its value by version number, and the policy limit."""

    name: str
    dataset: str
    by_number: Mapping[int, float]
    limit: Limit | None
    in_exclusive: int | None = None
    """Number of the version in the exclusive stage, such as Production; None if there is none."""

    @property
    def shown(self) -> int:
        """The version whose value represents the model: the one in the exclusive stage, otherwise the newest."""
        return self.in_exclusive if self.in_exclusive in self.by_number else max(self.by_number)  # type: ignore[return-value]  # a key of by_number is no None

    @property
    def value(self) -> float:
        """The value of that version."""
        return self.by_number[self.shown]

    @property
    def values(self) -> list[float]:
        """The values, oldest first."""
        return [self.by_number[number] for number in sorted(self.by_number)]

    @property
    def points(self) -> list[tuple[str, float]]:
        """The values with version names, oldest first."""
        return [(f"v{number}", self.by_number[number]) for number in sorted(self.by_number)]

    @property
    def last(self) -> float:
        return self.by_number[max(self.by_number)]

    @property
    def label(self) -> str:
        """The text alternative of the chart."""
        bound = f", policy limit {self.limit.sign} {self.limit.value:g}" if self.limit is not None else ""
        first, last = min(self.by_number), max(self.by_number)
        span = f"v{first} to v{last}; last" if first != last else f"v{last}:"
        serving = f"; v{self.shown} {self.value:g}" if self.shown != last else ""
        return f"{self.name} of {span} {self.last:g}{serving}{bound}"


def trends_of(
    models: Sequence[RegisteredModel], limits: Mapping[int, Sequence[Limit]], *, versions: int, most: int
) -> dict[int, list[Trend]]:
    """Return the key metrics of each model: those limited by policies, then those that most of its versions have.

    Runs two queries. The version in the exclusive stage is always included.

    Args:
        models: the models.
        limits: policy limits by the model's primary key.
        versions: number of newest versions considered per model.
        most: maximum metrics per model.
    """
    found = selectors.metric_histories(models, versions=versions)
    return {
        model.pk: _chosen(found[model.pk].values, limits[model.pk], found[model.pk].in_exclusive)[:most]
        for model in models
    }


def _chosen(
    values: Mapping[tuple[str, str], dict[int, float]], limits: Sequence[Limit], serving: int | None
) -> list[Trend]:
    bound = [key for limit in limits for key in values if limit.applies_to(*key)]
    often = sorted(values, key=lambda key: (-len(values[key]), key))
    return [Trend(*key, values[key], limit_on(limits, *key), serving) for key in dict.fromkeys([*bound, *often])]
