"""The course of a model's key metrics over its newest versions: which ones are worth showing, and their values."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from governance.limits import Limit, limit_on
from registry.models import Metric, ModelVersion, RegisteredModel


@dataclass(frozen=True)
class Trend:
    """One metric on one dataset: its value by version number, and the limit a policy sets."""

    name: str
    dataset: str
    by_number: Mapping[int, float]
    limit: Limit | None

    @property
    def values(self) -> list[float]:
        """Oldest first."""
        return [self.by_number[number] for number in sorted(self.by_number)]

    @property
    def points(self) -> list[tuple[str, float]]:
        """The same with the versions' names."""
        return [(f"v{number}", self.by_number[number]) for number in sorted(self.by_number)]

    @property
    def last(self) -> float:
        return self.by_number[max(self.by_number)]

    @property
    def label(self) -> str:
        """What a drawing of it says to who cannot see it."""
        bound = f", policy limit {self.limit.sign} {self.limit.value:g}" if self.limit is not None else ""
        first, last = min(self.by_number), max(self.by_number)
        span = f"v{first} to v{last}; last" if first != last else f"v{last}:"
        return f"{self.name} of {span} {self.last:g}{bound}"


def trends_of(
    models: Sequence[RegisteredModel], limits: Mapping[int, Sequence[Limit]], *, versions: int, most: int
) -> dict[int, list[Trend]]:
    """The key metrics of each model: those its policies limit, in their order, then those most of its newest versions
    have. Two queries however many models there are.

    Args:
        limits: by a model's key.
        versions: how many of the newest versions are looked at.
        most: metrics per model.
    """
    newest = (
        ModelVersion.objects.filter(model__in=models, status=ModelVersion.Status.REGISTERED)
        .annotate(place=Window(RowNumber(), partition_by=F("model_id"), order_by=F("number").desc()))
        .filter(place__lte=versions)
        .values_list("pk", "model_id", "number")
    )
    known = {pk: (model, number) for pk, model, number in newest}
    found: defaultdict[int, defaultdict[tuple[str, str], dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    rows = Metric.objects.filter(version_id__in=known, slice="").order_by("name", "dataset", "revision")
    for version_id, name, dataset, value in rows.values_list("version_id", "name", "dataset", "value"):
        model, number = known[version_id]
        found[model][name, dataset][number] = value
    return {model.pk: _chosen(found[model.pk], limits[model.pk])[:most] for model in models}


def _chosen(values: Mapping[tuple[str, str], dict[int, float]], limits: Sequence[Limit]) -> list[Trend]:
    bound = [key for limit in limits for key in values if limit.about(*key)]
    often = sorted(values, key=lambda key: (-len(values[key]), key))
    return [Trend(*key, values[key], limit_on(limits, *key)) for key in dict.fromkeys([*bound, *often])]
