"""Production signals of versions, and the findings that breaches open."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel, RetriedInPlace


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


class MonitoringFinding(AuditedModel):
    """A breach of an approved limit, from the first value beyond it until a named person resolves it.

    Later breaches of the same limit attach to it (`breaches` counts reports); values within the limit set
    `recovered_at`, and do not close it. The limit is the one that was in force when the finding was opened.
    """

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="findings")
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="findings")
    kind = models.CharField(max_length=20)
    signal = models.CharField(max_length=200)
    slice = models.CharField(max_length=200, blank=True, help_text="as the policy names it; * for every slice")
    dataset = models.CharField(max_length=200, blank=True)
    direction = models.CharField(max_length=3, help_text="min or max")
    op = models.CharField(max_length=2)
    limit = models.FloatField()
    policy_revision = models.ForeignKey("governance.PolicyRevision", on_delete=models.PROTECT, related_name="+")
    stage = models.ForeignKey("registry.Stage", on_delete=models.PROTECT, related_name="+")
    first_value = models.FloatField()
    first_slice = models.CharField(max_length=200, blank=True)
    first_at = models.DateTimeField(help_text="end of the period of the first value beyond the limit")
    opened_at = models.DateTimeField()
    last_value = models.FloatField(help_text="the latest value beyond the limit")
    last_slice = models.CharField(max_length=200, blank=True)
    last_at = models.DateTimeField()
    breaches = models.PositiveIntegerField(default=1, help_text="number of reports with a value beyond the limit")
    recovered_at = models.DateTimeField(
        null=True, blank=True, help_text="since when the latest values are within the limit"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        "registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey("registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    resolution = models.TextField(blank=True, help_text="the reason that the person gave")

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="finding_one_open_per_limit",
                fields=["version", "kind", "signal", "slice", "dataset", "direction"],
                condition=Q(resolved_at__isnull=True),
            ),
            models.CheckConstraint(
                name="finding_resolved_by_a_person",
                condition=Q(resolved_at__isnull=True, resolved_by__isnull=True)
                | Q(resolved_at__isnull=False, resolved_by__isnull=False) & ~Q(resolution=""),
            ),
            models.CheckConstraint(
                name="finding_acknowledged_by_a_person",
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="finding_open_by_model", fields=["model"], condition=Q(resolved_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"finding {self.pk} of {self.version_id}"

    @property
    def state(self) -> str:
        """The state: open, acknowledged or resolved."""
        if self.resolved_at is not None:
            return "resolved"
        return "acknowledged" if self.acknowledged_at is not None else "open"

    @property
    def words(self) -> str:
        """The broken limit as text."""
        words = f"{self.signal} {self.op} {self.limit:g}"
        words += f" on {self.dataset}" if self.dataset else ""
        if self.slice:
            words += " for every slice" if self.slice == "*" else f" for {self.slice}"
        return words


class FindingMail(RetriedInPlace):
    """That the owner of a model is to be notified of a finding. The row is the queue, one row for each finding.

    Not a governed fact: it is deleted in the transaction that records that the mail was sent.
    """

    finding = models.OneToOneField(MonitoringFinding, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey("registry.User", on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[Any] = ("pk",)

    def __str__(self) -> str:
        return f"mail about finding {self.finding_id}"
