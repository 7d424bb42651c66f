"""What happened to an approval after the promotion, and recalled datasets."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from registry.models import AuditedModel


class DatasetRecall(AuditedModel):
    """That a dataset must not be relied on any more. Immutable, one for each dataset.

    `identity` is the identity of its references (`registry.datasets`).
    """

    identity = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=250)
    reason = models.TextField()
    recalled_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    recalled_at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"recall of {self.name}"


class Impact(AuditedModel):
    """One cause that concerns one approval: the version, the place, what the policy asks, and what was opened.

    `request` is the promotion by which the version holds the place; `reference` identifies the cause, so that it is
    recorded once. `settled_at` is set when nothing is asked any more, `overdue_at` when the time passed before that.
    """

    class Cause(models.TextChoices):
        INPUTS_CHANGED = "inputs_changed", "Inputs changed"
        TIER_CHANGED = "tier_changed", "Risk tier changed"
        POLICY_RETIRED = "policy_retired", "Policy retired"
        DATASET_RECALLED = "dataset_recalled", "Dataset recalled"
        VULNERABLE_DEPENDENCY = "vulnerable_dependency", "Vulnerable dependency"
        APPROVER_CONFLICTED = "approver_conflicted", "Approver conflicted"

    class Consequence(models.TextChoices):
        NOTIFY = "notify", "notified"
        FINDING = "finding", "finding"
        REAPPROVAL = "reapproval", "approve again"
        DEMOTE = "demote", "approve again, or remove"

    cause = models.CharField(max_length=24, choices=Cause.choices)
    reference = models.CharField(max_length=100)
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="impacts")
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="impacts")
    request = models.ForeignKey("governance.PromotionRequest", on_delete=models.PROTECT, related_name="impacts")
    place = models.CharField(max_length=256, help_text="slug of the stage, or @ and the alias")
    detail = models.TextField()
    consequence = models.CharField(max_length=12, choices=Consequence.choices)
    due = models.DateField(null=True, blank=True)
    recorded_at = models.DateTimeField()
    finding = models.ForeignKey("governance.Finding", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reapproval = models.ForeignKey(
        "governance.PromotionRequest", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    removal = models.ForeignKey(
        "governance.PromotionRequest", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    overdue_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    settlement = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="impact_once", fields=["cause", "reference", "request"]),
            models.CheckConstraint(
                name="impact_settled_says_how",
                condition=Q(settled_at__isnull=True, settlement="")
                | Q(settled_at__gte=F("recorded_at")) & ~Q(settlement=""),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="impact_open", fields=["model"], condition=Q(settled_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.cause} of #{self.request_id}"
