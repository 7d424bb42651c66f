"""Additions to a version after registration, in numbered revisions: metrics, cards, evidence files."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from registry.models.artifact import Blob
from registry.models.base import AuditedModel


class Metric(AuditedModel):
    """A declared number of a version, on a dataset and a slice of it. Always finite: validation refuses NaN and
    infinity.

    A later revision of the same (name, dataset, slice) supersedes an earlier one; both stay. `latest` is true only for
    the newest revision: the database enforces that there is one, and a search by metric uses the index over these rows.
    """

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="metrics")
    name = models.CharField(max_length=250)
    value = models.FloatField()
    dataset = models.CharField(max_length=250, blank=True)
    slice = models.CharField(max_length=250, blank=True)
    revision = models.PositiveIntegerField()
    recorded_at = models.DateTimeField()
    latest = models.BooleanField(default=True, editable=False)

    class Meta:
        ordering = ("name", "dataset", "slice", "-revision")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="metric_once", fields=["version", "name", "dataset", "slice", "revision"]),
            models.UniqueConstraint(
                name="metric_one_latest", fields=["version", "name", "dataset", "slice"], condition=Q(latest=True)
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(Lower("name"), "value", "version", name="metric_by_value", condition=Q(latest=True, slice="")),
        ]

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"


class ModelCard(AuditedModel):
    """A revision of a version's model card: YAML front matter and Markdown sections, as written."""

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="cards")
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    revision = models.PositiveIntegerField()
    added_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ("-revision",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="card_revision_once", fields=["version", "revision"]),
        ]

    def __str__(self) -> str:
        return f"card {self.revision} of {self.version}"


class Evidence(AuditedModel):
    """A file for checks, by kind ("evaluation.table", "signature.bundle", …); checks define the kinds."""

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=80)
    filename = models.CharField(max_length=250)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="evidence")
    revision = models.PositiveIntegerField()
    added_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()

    class Meta:
        ordering = ("kind", "-revision")
        verbose_name_plural = "evidence"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="evidence_revision_once", fields=["version", "kind", "revision"]),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.filename}"
