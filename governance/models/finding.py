"""Findings: what is wrong with a model, who is to correct it until when, and what it blocks until then."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import F, Q

from registry.models import AuditedModel

if TYPE_CHECKING:
    from registry.models import User


class Finding(AuditedModel):
    """Something that is wrong with a model, from its discovery until named persons close it.

    One register for every source. A finding of the source `signal` is a breach of an approved limit: the columns from
    `kind` to `recovered_at` describe it, and are empty for every other source. Later breaches of the same limit attach
    to it (`breaches` counts reports); values within the limit set `recovered_at`, and do not close it. The limit is the
    one that was in force when the finding was opened.

    `blocks` names protected places: slugs of stages, or "@" and an alias. While the finding is not closed, no request
    for its version (for any version of the model with `blocks_model`, or without a version) into them is ready.

    The table and three of its columns have the names of the first kind of findings: a governed table is not renamed.
    """

    class Severity(models.TextChoices):
        LOW = "low", "Low"
        MEDIUM = "medium", "Medium"
        HIGH = "high", "High"
        CRITICAL = "critical", "Critical"

    class Source(models.TextChoices):
        REVIEW = "review", "Review"
        CHECK = "check", "Check"
        SIGNAL = "signal", "Production signal"
        INCIDENT = "incident", "Incident"
        DECISION = "decision", "Condition of an approval"
        EMERGENCY = "emergency", "Emergency change"
        CHANGE = "change", "Change after promotion"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        PROPOSED = "closure_proposed", "Closure proposed"
        CLOSED = "closed", "Closed"

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="findings")
    version = models.ForeignKey(
        "registry.ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="findings"
    )
    request = models.ForeignKey(
        "governance.PromotionRequest", null=True, blank=True, on_delete=models.PROTECT, related_name="findings"
    )
    decision = models.ForeignKey(
        "governance.Decision",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="conditions",
        help_text="the approval of which this is a condition",
    )
    source = models.CharField(max_length=20, choices=Source.choices)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.HIGH)
    title = models.CharField(max_length=200, blank=True, help_text="empty for a signal: the limit is its title")
    description = models.TextField(blank=True, help_text="Markdown")
    owner = models.ForeignKey(
        "registry.User",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="owned_findings",
        help_text="who is to correct it",
    )
    due = models.DateField(null=True, blank=True, help_text="last day on which it is not late")
    blocks = models.JSONField(default=list, blank=True, help_text="slugs of stages, or @ and an alias")
    blocks_model = models.BooleanField(default=False, help_text="blocks every version of the model")
    opened_at = models.DateTimeField()

    kind = models.CharField(max_length=20, blank=True)
    signal = models.CharField(max_length=200, blank=True)
    slice = models.CharField(max_length=200, blank=True, help_text="as the policy names it; * for every slice")
    dataset = models.CharField(max_length=200, blank=True)
    direction = models.CharField(max_length=3, blank=True, help_text="min or max")
    op = models.CharField(max_length=2, blank=True)
    limit = models.FloatField(null=True, blank=True)
    policy_revision = models.ForeignKey(
        "governance.PolicyRevision", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    stage = models.ForeignKey("registry.Stage", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    first_value = models.FloatField(null=True, blank=True)
    first_slice = models.CharField(max_length=200, blank=True)
    first_at = models.DateTimeField(
        null=True, blank=True, help_text="end of the period of the first value beyond the limit"
    )
    last_value = models.FloatField(null=True, blank=True, help_text="the latest value beyond the limit")
    last_slice = models.CharField(max_length=200, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    breaches = models.PositiveIntegerField(default=0, help_text="number of reports with a value beyond the limit")
    recovered_at = models.DateTimeField(
        null=True, blank=True, help_text="since when the latest values are within the limit"
    )

    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.ForeignKey(
        "registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    proposed_at = models.DateTimeField(null=True, blank=True)
    proposed_by = models.ForeignKey("registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    closure_evidence = models.TextField(blank=True, help_text="what the person who proposes closure shows")
    closure_attachment = models.ForeignKey(
        "registry.Evidence", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    closed_at = models.DateTimeField(null=True, blank=True, db_column="resolved_at")
    closed_by = models.ForeignKey(
        "registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_column="resolved_by_id"
    )
    closure = models.TextField(blank=True, help_text="the reason that the person gave", db_column="resolution")

    class Meta:
        db_table = "governance_monitoringfinding"
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="finding_one_open_per_limit",
                fields=["version", "kind", "signal", "slice", "dataset", "direction"],
                condition=Q(closed_at__isnull=True, source="signal"),
            ),
            models.CheckConstraint(
                name="finding_closed_by_a_person",
                condition=Q(closed_at__isnull=True, closed_by__isnull=True)
                | Q(closed_at__isnull=False, closed_by__isnull=False) & ~Q(closure=""),
            ),
            models.CheckConstraint(
                name="finding_critical_closed_by_two",
                condition=~Q(severity="critical")
                | Q(closed_at__isnull=True)
                | Q(proposed_by__isnull=False) & ~Q(proposed_by=F("closed_by")),
            ),
            models.CheckConstraint(
                name="finding_proposed_by_a_person",
                condition=Q(proposed_at__isnull=True, proposed_by__isnull=True)
                | Q(proposed_at__isnull=False, proposed_by__isnull=False) & ~Q(closure_evidence=""),
            ),
            models.CheckConstraint(
                name="finding_acknowledged_by_a_person",
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
            ),
            models.CheckConstraint(
                name="finding_of_a_signal_has_a_limit",
                condition=Q(
                    source="signal",
                    version__isnull=False,
                    limit__isnull=False,
                    policy_revision__isnull=False,
                    stage__isnull=False,
                    first_value__isnull=False,
                    first_at__isnull=False,
                    last_value__isnull=False,
                    last_at__isnull=False,
                )
                | ~Q(source="signal") & ~Q(title="") & Q(limit__isnull=True),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="finding_open_by_model", fields=["model"], condition=Q(closed_at__isnull=True)),
            models.Index(name="finding_open_by_due", fields=["due"], condition=Q(closed_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"finding {self.pk}"

    @property
    def state(self) -> str:
        """The state, a value of `State`."""
        if self.closed_at is not None:
            return str(self.State.CLOSED)
        if self.proposed_at is not None:
            return str(self.State.PROPOSED)
        return str(self.State.ACKNOWLEDGED if self.acknowledged_at is not None else self.State.OPEN)

    @property
    def words(self) -> str:
        """The title; for a signal the broken limit as text."""
        if self.limit is None:
            return self.title
        words = f"{self.signal} {self.op} {self.limit:g}"
        words += f" on {self.dataset}" if self.dataset else ""
        if self.slice:
            words += " for every slice" if self.slice == "*" else f" for {self.slice}"
        return words

    @property
    def responsible(self) -> User | None:
        """The owner of the finding; the active owner of the model where none is named."""
        return self.owner if self.owner_id is not None else self.model.active_owner

    def is_late(self, today: date) -> bool:
        """Return whether the finding is not closed although its due date has passed.

        Args:
            today: the date in UTC.
        """
        return self.closed_at is None and self.due is not None and self.due < today
