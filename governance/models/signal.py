"""Production signals of versions."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel


class SignalReport(AuditedModel):
    """The signals that one source reported for one window of time. Immutable; one event of the log records it.

    `sha256` is the digest of source, window and signals: an identical report is stored once. `unread` lists the parts
    of a report in another monitor's format that were not stored.
    """

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="signal_reports")
    source = models.CharField(max_length=100)
    format = models.CharField(max_length=20)
    window_from = models.DateTimeField()
    window_to = models.DateTimeField()
    signals = models.PositiveIntegerField(help_text="number of signals")
    sha256 = models.CharField(max_length=64)
    unread = models.JSONField(default=list)
    unread_total = models.PositiveIntegerField(default=0)
    reported_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    reported_at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="signal_report_once", fields=["version", "sha256"]),
            models.CheckConstraint(name="signal_window_in_order", condition=Q(window_from__lte=models.F("window_to"))),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="signal_report_by_window", fields=["version", "-window_to"]),
        ]

    def __str__(self) -> str:
        return f"{self.source} to {self.window_to} of {self.version_id}"


class SignalSeries(models.Model):
    """A signal of a version as a series of values: its kind, name, slice and dataset. Immutable."""

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="signal_series")
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    slice = models.CharField(max_length=200, blank=True)
    dataset = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("kind", "name", "slice", "dataset")
        verbose_name_plural = "signal series"
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="signal_series_once", fields=["version", "kind", "name", "slice", "dataset"]),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.version_id}"


class SignalValue(models.Model):
    """One value of a series. Rows are added and never changed or deleted.

    The key begins with series and time: it is the index for the latest value and for charts, and a partition by time
    would contain it.
    """

    pk = models.CompositePrimaryKey("series_id", "at", "report_id")
    series = models.ForeignKey(SignalSeries, on_delete=models.PROTECT, related_name="values", db_index=False)
    at = models.DateTimeField(help_text="end of the period that it describes")
    report = models.ForeignKey(SignalReport, on_delete=models.PROTECT, related_name="values", db_index=False)
    value = models.FloatField()
    sample_size = models.BigIntegerField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.value} at {self.at}"
