"""Check runs: one attempt of one check on one version, for one promotion request."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel, Claimable


class CheckRun(AuditedModel, Claimable):
    """One attempt of a check. Unfinished rows are the work queue.

    A worker claims a row by writing `claim`, and only the holder of that claim may complete it. `inputs_digest` is the
    SHA-256 of everything the result depends on: the same digest means the same result, and a run whose digest is not
    the current one is stale. Attempts are kept; the latest counts.
    """

    class Status(models.TextChoices):
        WAITING_EVIDENCE = "waiting_evidence", "Waiting for evidence"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        COMPLETED = "completed", "Completed"

    class Conclusion(models.TextChoices):
        SUCCESS = "success", "Passed"
        FAILURE = "failure", "Failed"
        ACTION_REQUIRED = "action_required", "Needs action"
        NEUTRAL = "neutral", "Information"
        SKIPPED = "skipped", "Not applicable"
        ERROR = "error", "Check error"
        CANCELLED = "cancelled", "Cancelled"

    class Mode(models.TextChoices):
        REQUIRED = "required", "Required"
        ADVISORY = "advisory", "Advisory"

    request = models.ForeignKey("governance.PromotionRequest", on_delete=models.PROTECT, related_name="check_runs")
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="check_runs")
    check_slug = models.CharField(max_length=80)
    check_version = models.CharField(max_length=40)
    mode = models.CharField(max_length=10, choices=Mode.choices)
    params = models.JSONField(default=dict)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    conclusion = models.CharField(max_length=16, choices=Conclusion.choices, blank=True)
    inputs_digest = models.CharField(max_length=64)
    input_bytes = models.PositiveBigIntegerField(default=0, help_text="bytes of the files that the check reads")
    attempt = models.PositiveSmallIntegerField(default=1)

    external_run = models.ForeignKey(
        "governance.ExternalRun",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="check_runs",
        help_text="the reported run that this run follows; empty if the product runs the check",
    )

    summary = models.TextField(blank=True)
    findings = models.JSONField(default=list, blank=True)
    measures = models.JSONField(default=dict, blank=True)
    conditions = models.JSONField(default=dict, blank=True, help_text="limits used, isolation, resource use")

    claimed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("request", "check_slug", "-attempt")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="check_run_attempt_once", fields=["request", "check_slug", "inputs_digest", "attempt"]
            ),
            models.UniqueConstraint(
                name="check_run_one_unfinished",
                fields=["request", "check_slug"],
                condition=~Q(status="completed"),
            ),
            models.CheckConstraint(
                name="check_run_completed_has_conclusion",
                condition=(Q(status="completed", completed_at__isnull=False) & ~Q(conclusion=""))
                | (~Q(status="completed") & Q(conclusion="", completed_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="check_run_running_is_claimed",
                condition=~Q(status="running") | Q(claim__isnull=False) | Q(external_run__isnull=False),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="check_run_unfinished", fields=["status", "run_after"], condition=~Q(status="completed")),
        ]

    def __str__(self) -> str:
        return f"{self.check_slug} on {self.version_id}, attempt {self.attempt}"


class CheckProgress(models.Model):
    """What the worker of a running check does: telemetry, not a governed fact, hence a separate table."""

    run = models.OneToOneField(CheckRun, primary_key=True, on_delete=models.CASCADE, related_name="progress")
    phase = models.CharField(max_length=20)
    done = models.PositiveBigIntegerField(default=0, help_text="bytes")
    total = models.PositiveBigIntegerField(default=0, help_text="bytes")
    noted_at = models.DateTimeField()

    def __str__(self) -> str:
        if self.phase == "copying":
            return f"copying and hashing the evidence: {self.done:,} of {self.total:,} bytes"
        return "the check runs"
