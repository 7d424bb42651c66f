"""The current contents of versions, for callers that read several kinds of them, or a version and its champion."""

from collections.abc import Collection
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet

from registry.models import (
    IS_CURRENT,
    AliasAssignment,
    Artifact,
    DatasetReference,
    Evidence,
    ImportRecord,
    Metric,
    ModelCard,
    ModelVersion,
    StageOccupancy,
)
from registry.models.joined_rows import JoinedRows

_Row = TypeVar("_Row", Artifact, DatasetReference, Evidence, Metric, ModelCard)

# How the parts of a version are read, and the condition and order of the parts of one: {} is the key of the version.
FILES = JoinedRows(Artifact, "a", ("blob", "upload"))
FILES_OF = "a.version_id = {} ORDER BY a.path"
DATASETS = JoinedRows(DatasetReference, "d")
DATASETS_OF = "d.version_id = {} ORDER BY d.role, d.name, d.id"
METRICS = JoinedRows(Metric, "c")
METRICS_OF = """c.id IN (
    SELECT DISTINCT ON (x.name, x.dataset, x.slice) x.id FROM registry_metric x WHERE x.version_id = {}
     ORDER BY x.name, x.dataset, x.slice, x.revision DESC) ORDER BY c.name, c.dataset, c.slice"""
EVIDENCE = JoinedRows(Evidence, "e", ("blob",))
EVIDENCE_OF = """e.id IN (
    SELECT DISTINCT ON (x.kind) x.id FROM registry_evidence x WHERE x.version_id = {}
     ORDER BY x.kind, x.revision DESC) ORDER BY e.kind"""
CARDS = JoinedRows(ModelCard, "k")
CARD_OF = "k.version_id = {} ORDER BY k.revision DESC LIMIT 1"
IMPORTS = JoinedRows(ImportRecord, "i", ("imported_by",))
IMPORT_OF = "i.version_id = {} ORDER BY i.id LIMIT 1"


class VersionContents:
    """The files, datasets, metrics, cards and evidence of some versions.

    Each kind is read once, on first use, for all of the versions together; so an instance must not be kept after a
    change.
    """

    def __init__(self, *versions: ModelVersion) -> None:
        self._ids = [version.pk for version in versions]

    def files(self, version: ModelVersion) -> list[Artifact]:
        """Return its files, by path."""
        return self._files.get(version.pk, [])

    def datasets(self, version: ModelVersion) -> list[DatasetReference]:
        """Return its dataset references, by role and name."""
        return self._datasets.get(version.pk, [])

    def metrics(self, version: ModelVersion) -> list[Metric]:
        """Return the latest revision of each (name, dataset, slice)."""
        return self._metrics.get(version.pk, [])

    def card(self, version: ModelVersion) -> ModelCard | None:
        """Return the latest revision of its card."""
        return next(iter(self._cards.get(version.pk, [])), None)

    def evidence(self, version: ModelVersion) -> list[Evidence]:
        """Return the latest revision of each kind."""
        return self._evidence.get(version.pk, [])

    def before_governance(self, version: ModelVersion) -> bool:
        """Return whether it holds a stage or an alias that an import set."""
        return version.pk in self._before_governance

    @cached_property
    def _before_governance(self) -> frozenset[int]:
        return imported_occupancies(self._ids)

    @cached_property
    def _files(self) -> dict[int, list[Artifact]]:
        return _by_version(Artifact.objects.filter(version__in=self._ids).order_by("path"))

    @cached_property
    def _datasets(self) -> dict[int, list[DatasetReference]]:
        return _by_version(DatasetReference.objects.filter(version__in=self._ids).order_by("role", "name", "pk"))

    @cached_property
    def _metrics(self) -> dict[int, list[Metric]]:
        key = ("version_id", "name", "dataset", "slice")
        rows = Metric.objects.filter(version__in=self._ids)
        return _by_version(rows.order_by(*key, "-revision").distinct(*key))

    @cached_property
    def _cards(self) -> dict[int, list[ModelCard]]:
        rows = ModelCard.objects.filter(version__in=self._ids)
        return _by_version(rows.order_by("version_id", "-revision").distinct("version_id"))

    @cached_property
    def _evidence(self) -> dict[int, list[Evidence]]:
        key = ("version_id", "kind")
        rows = Evidence.objects.filter(version__in=self._ids).select_related("blob")
        return _by_version(rows.order_by(*key, "-revision").distinct(*key))


def latest_metrics(version: ModelVersion) -> list[Metric]:
    """Return the latest revision of each (name, dataset, slice). One prepared query."""
    return METRICS.fetch(METRICS_OF.format("%(version)s"), {"version": version.pk})


def latest_evidence(version: ModelVersion) -> list[Evidence]:
    """Return the latest revision of each kind, with its blob. One prepared query."""
    return EVIDENCE.fetch(EVIDENCE_OF.format("%(version)s"), {"version": version.pk})


def first_attached(model: int, kind: str, sha256: str) -> datetime | None:
    """Return when a file was first attached as evidence of a kind to a version of a model.

    Args:
        model: primary key of the model.
        kind: kind of the evidence.
        sha256: SHA-256 of the file in hexadecimal.

    Returns:
        The time; None if it never was.
    """
    found = Evidence.objects.filter(version__model_id=model, kind=kind, blob_id=sha256)
    return found.order_by("added_at").values_list("added_at", flat=True).first()


def imported_occupancies(versions: Collection[int]) -> frozenset[int]:
    """Return which versions, by primary key, hold a stage or an alias that an import set, so that it was not
    approved here. One query.
    """
    held = Q(IS_CURRENT, before_governance=True, version_id=OuterRef("pk"))
    found = ModelVersion.objects.filter(
        Exists(StageOccupancy.objects.filter(held)) | Exists(AliasAssignment.objects.filter(held)), pk__in=versions
    )
    return frozenset(found.values_list("pk", flat=True))


def _by_version(rows: "QuerySet[_Row, Any]") -> dict[int, list[_Row]]:
    found: dict[int, list[_Row]] = {}
    for row in rows:
        found.setdefault(row.version_id, []).append(row)
    return found
