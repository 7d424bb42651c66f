"""Emergency changes: the incident, the limit of time, and what is owed until it is repaid."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from registry.models import AuditedModel


class EmergencyChange(AuditedModel):
    """What a promotion request of the kind `emergency` states beyond its reason, and what follows when it is promoted.

    `signed_…` is the signature of the person who requests; the person who confirms signs a decision. From promotion on
    the change is owed (`began_at`), until the place was approved by the ordinary path or given to another version, and
    the finding is closed (`repaid_at`). If the time ends before the place is settled, it is overdue (`overdue_at`).
    """

    class WhenEnded(models.TextChoices):
        FLAG = "flag", "shown as overdue"
        ROLL_BACK = "roll_back", "shown as overdue, and the rollback is requested"

    request = models.OneToOneField("governance.PromotionRequest", on_delete=models.PROTECT, related_name="emergency")
    incident = models.CharField(max_length=200, help_text="reference of the incident in the system that handles it")
    hours = models.PositiveSmallIntegerField(help_text="for how long the version may hold the place")
    retrospective_within_days = models.PositiveSmallIntegerField()
    when_ended = models.CharField(max_length=10, choices=WhenEnded.choices)
    signed_name = models.CharField(max_length=200)
    signed_meaning = models.TextField()
    signed_at = models.DateTimeField()
    began_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    retrospective_due = models.DateField(null=True, blank=True)
    finding = models.OneToOneField(
        "governance.Finding", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    overdue_at = models.DateTimeField(null=True, blank=True)
    repaid_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="emergency_is_owed_from_promotion",
                condition=Q(
                    began_at__isnull=True,
                    ends_at__isnull=True,
                    retrospective_due__isnull=True,
                    finding__isnull=True,
                    overdue_at__isnull=True,
                    repaid_at__isnull=True,
                )
                | Q(
                    began_at__isnull=False,
                    ends_at__gt=F("began_at"),
                    retrospective_due__isnull=False,
                    finding__isnull=False,
                ),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(
                name="emergency_owed",
                fields=["ends_at"],
                condition=Q(began_at__isnull=False, repaid_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"emergency change #{self.request_id}"
