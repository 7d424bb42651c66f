"""Metric values of versions, on the whole dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from registry.models import Metric, ModelVersion, RegisteredModel


@dataclass
class MetricHistory:
    """The metric values of one model.

    Args:
        values: the value by version number, for each metric name and dataset.
        in_exclusive: number of the newest version in the exclusive stage; None if there is none.
    """

    values: dict[tuple[str, str], dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    in_exclusive: int | None = None


def metric_values(versions: Collection[int], names: Collection[str]) -> dict[tuple[int, str, str], float]:
    """Return the latest value by the primary key of the version, metric name and dataset.

    Args:
        versions: primary keys of versions.
        names: names of the metrics.
    """
    rows = Metric.objects.filter(version_id__in=versions, slice="", name__in=names).order_by("revision")
    return {
        (version, name, dataset): value
        for version, name, dataset, value in rows.values_list("version_id", "name", "dataset", "value")
    }


def metric_histories(models: Collection[RegisteredModel], *, versions: int) -> dict[int, MetricHistory]:
    """Return the metric values of the newest registered versions by the primary key of the model, in two queries.

    The version in the exclusive stage is always included.

    Args:
        models: the models; each has an entry in the result.
        versions: number of versions considered per model.
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
    found = {model.pk: MetricHistory() for model in models}
    known: dict[int, tuple[MetricHistory, int]] = {}
    for pk, model, number, exclusive in newest:
        history = found[model]
        known[pk] = (history, number)
        if exclusive:
            history.in_exclusive = max(number, history.in_exclusive or 0)
    rows = Metric.objects.filter(version_id__in=known, slice="").order_by("name", "dataset", "revision")
    for pk, name, dataset, value in rows.values_list("version_id", "name", "dataset", "value"):
        history, number = known[pk]
        history.values[name, dataset][number] = value
    return found
