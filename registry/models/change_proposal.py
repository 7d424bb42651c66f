"""Change proposals: a change of governance that takes effect only after a second person confirms it."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models.base import IS_CURRENT, TemporalModel
from registry.models.registered_model import RegisteredModel


class ChangeProposal(TemporalModel):
    """A change that one person proposed, until a second person confirms or rejects it.

    `kind` names the change (`registry.services.change_kinds.ChangeKind`), `payload` holds its arguments, `digest`
    is the SHA-256 of what the second person signs: kind, subject, title and payload in canonical JSON. A proposal never
    changes; the answer is given once and closes the row. Its primary key is its number (C12).

    `single_officer` marks a proposal that took effect without a second person, because the instance declares that it
    has only one officer.
    """

    class Outcome(models.TextChoices):
        CONFIRMED = "confirmed", "Confirmed"
        REJECTED = "rejected", "Rejected"
        WITHDRAWN = "withdrawn", "Withdrawn"
        EXPIRED = "expired", "Expired"

    PROPOSED: ClassVar[str] = "proposed"

    kind = models.CharField(max_length=60)
    subject_type = models.CharField(max_length=40, help_text="what the change is about, as the audit log names it")
    subject_id = models.CharField(max_length=80)
    model = models.ForeignKey(
        RegisteredModel,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="change_proposals",
        help_text="the model it is about; empty for a change of the organisation",
    )
    title = models.CharField(max_length=300)
    payload = models.JSONField()
    digest = models.CharField(max_length=64)
    reason = models.TextField()
    proposed_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="change_proposals")
    proposed_with = models.ForeignKey(
        "registry.AccessToken", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    single_officer = models.BooleanField(default=False)
    expires_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, null=True, blank=True, choices=Outcome.choices)  # noqa: DJ001 (no answer)
    comment = models.TextField(null=True, blank=True)  # noqa: DJ001 (no answer yet)
    closed_by = models.CharField(  # noqa: DJ001 (no answer yet)
        max_length=100, null=True, blank=True, help_text="pseudonymous id of the actor"
    )
    signed_name = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 (no answer yet)
    signed_meaning = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 (no answer yet)

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="change_one_open_per_subject",
                fields=["kind", "subject_type", "subject_id"],
                condition=IS_CURRENT,
                violation_error_code="already_proposed",
            ),
            models.CheckConstraint(
                name="change_answered_once",
                condition=Q(
                    closed_at__isnull=True,
                    closed_event__isnull=True,
                    outcome__isnull=True,
                    comment__isnull=True,
                    closed_by__isnull=True,
                    signed_name__isnull=True,
                    signed_meaning__isnull=True,
                )
                | Q(
                    closed_at__isnull=False,
                    closed_event__isnull=False,
                    outcome__isnull=False,
                    comment__isnull=False,
                    closed_by__isnull=False,
                    signed_name__isnull=False,
                    signed_meaning__isnull=False,
                ),
                violation_error_code="closed_without_event",
            ),
            models.CheckConstraint(name="change_digest_form", condition=Q(digest__regex="^[0-9a-f]{64}$")),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="change_waiting", fields=["opened_at"], condition=IS_CURRENT),
        ]

    def __str__(self) -> str:
        return f"C{self.pk}"

    @property
    def state(self) -> str:
        """ "proposed", or the outcome."""
        return self.outcome or self.PROPOSED
