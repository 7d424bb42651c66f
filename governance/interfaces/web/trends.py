"""Trends of a model's key metrics over its newest versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from governance.policies.metric_limits import Limit, limit_on
from registry.models import Metric, ModelVersion, RegisteredModel


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
    newest = (
        ModelVersion.objects.filter(model__in=models, status=ModelVersion.Status.REGISTERED)
        .annotate(
            place=Window(
                RowNumber(),
                partition_by=F("model_id"),
                order_by=[F("stage__exclusive").desc(), F("number").desc()],
            )
        )
        .filter(place__lte=versions)
        .values_list("pk", "model_id", "number", "stage__exclusive")
    )
    known: dict[int, tuple[int, int]] = {}
    serving: dict[int, int] = {}
    for pk, model, number, exclusive in newest:
        known[pk] = (model, number)
        if exclusive:
            serving[model] = max(number, serving.get(model, 0))
    found: defaultdict[int, defaultdict[tuple[str, str], dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    rows = Metric.objects.filter(version_id__in=known, slice="").order_by("name", "dataset", "revision")
    for version_id, name, dataset, value in rows.values_list("version_id", "name", "dataset", "value"):
        model, number = known[version_id]
        found[model][name, dataset][number] = value
    return {model.pk: _chosen(found[model.pk], limits[model.pk], serving.get(model.pk))[:most] for model in models}


def _chosen(
    values: Mapping[tuple[str, str], dict[int, float]], limits: Sequence[Limit], serving: int | None
) -> list[Trend]:
    bound = [key for limit in limits for key in values if limit.applies_to(*key)]
    often = sorted(values, key=lambda key: (-len(values[key]), key))
    return [Trend(*key, values[key], limit_on(limits, *key), serving) for key in dict.fromkeys([*bound, *often])]
