"""Results of checks that other systems run and report: one row a run."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from governance.models.check_run import CheckRun
from registry.models import AuditedModel


class ExternalRun(AuditedModel):
    """One run of a check outside the product, on one version.

    It is reported with a token that names the check, before or after a promotion is requested. `inputs_digest` is the
    digest of the version's contents when the run began: a run with another digest than the current one is stale. Each
    live request whose policy requires the check has a check run that follows this one. Runs are kept; the latest
    counts.
    """

    class Format(models.TextChoices):
        SARIF = "sarif", "SARIF"
        JUNIT = "junit", "JUnit"
        JSON = "json", "JSON"

    Status = CheckRun.Status
    Conclusion = CheckRun.Conclusion

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="external_runs")
    check_slug = models.CharField(max_length=80)
    status = models.CharField(max_length=16, choices=CheckRun.Status.choices, default=CheckRun.Status.QUEUED)
    conclusion = models.CharField(max_length=16, choices=CheckRun.Conclusion.choices, blank=True)
    inputs_digest = models.CharField(max_length=64)
    progress = models.CharField(max_length=500, blank=True)
    summary = models.TextField(blank=True)
    findings = models.JSONField(default=list, blank=True)
    measures = models.JSONField(default=dict, blank=True)
    details_url = models.CharField(max_length=1000, blank=True)

    attachment = models.ForeignKey(
        "registry.Blob", null=True, blank=True, on_delete=models.PROTECT, related_name="external_runs"
    )
    attachment_format = models.CharField(max_length=8, choices=Format.choices, blank=True)
    attachment_name = models.CharField(max_length=250, blank=True)
    objections = models.JSONField(
        default=list, blank=True, help_text="what in the attachment contradicts a success, in words"
    )

    reported_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="external_runs")
    reported_with = models.ForeignKey("registry.AccessToken", on_delete=models.PROTECT, related_name="external_runs")
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    reported_at = models.DateTimeField(help_text="when its reporter last sent something")
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="external_run_completed_has_conclusion",
                condition=(Q(status="completed", completed_at__isnull=False) & ~Q(conclusion=""))
                | (~Q(status="completed") & Q(conclusion="", completed_at__isnull=True)),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="external_run_of_version", fields=["version", "check_slug", "-id"]),
            models.Index(name="external_run_unfinished", fields=["created_at"], condition=~Q(status="completed")),
        ]

    def __str__(self) -> str:
        return f"{self.check_slug} on {self.version_id}, reported"
