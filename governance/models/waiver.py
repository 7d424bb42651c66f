"""Waivers: a named person accepts for a time that a check of a version is not satisfied."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel


class Waiver(AuditedModel):
    """The signed acceptance of an unsatisfied check of one version, until a time.

    It is for one state of the version (`fingerprint`) and one set of inputs of the check (`inputs_digest`); with other
    inputs it does not apply. `codes` limits it to findings with these codes; empty for the whole check. It ends by
    revocation or by the clock; a longer time is another waiver.
    """

    class End(models.TextChoices):
        REVOKED = "revoked", "Revoked"
        EXPIRED = "expired", "Expired"

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="waivers")
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="waivers")
    request = models.ForeignKey(
        "governance.PromotionRequest",
        on_delete=models.PROTECT,
        related_name="waivers",
        help_text="the request on which it was granted; it applies to every request of the version",
    )
    check_slug = models.CharField(max_length=80)
    codes = models.JSONField(default=list, blank=True, help_text="codes of findings; empty for the whole check")
    fingerprint = models.CharField(max_length=64)
    inputs_digest = models.CharField(max_length=64)
    reason = models.TextField()
    control = models.TextField(help_text="what limits the risk while the check is not satisfied")
    accepted_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="waivers")
    groups = models.JSONField(default=list, help_text="slugs of the groups in which the person counted")
    signed_name = models.CharField(max_length=200)
    signed_meaning = models.TextField()
    signed_method = models.CharField(max_length=16)
    granted_at = models.DateTimeField()
    valid_until = models.DateTimeField()
    event = models.UUIDField(help_text="the event that recorded it")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey("registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    end = models.CharField(max_length=10, choices=End.choices, blank=True)
    end_reason = models.TextField(blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="waiver_ends_later", condition=Q(valid_until__gt=models.F("granted_at"))),
            models.CheckConstraint(
                name="waiver_ended_in_one_way",
                condition=Q(ended_at__isnull=True, ended_by__isnull=True, end="")
                | Q(ended_at__isnull=False, ended_by__isnull=True, end="expired")
                | Q(ended_at__isnull=False, ended_by__isnull=False, end="revoked") & ~Q(end_reason=""),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="waiver_open_by_end", fields=["valid_until"], condition=Q(ended_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"waiver {self.pk} of {self.check_slug}"

    def is_in_force(self, at: datetime) -> bool:
        """Return whether it was granted and had not ended at a time, by the clock or by revocation."""
        ended = self.ended_at is not None and self.ended_at <= at
        return self.granted_at <= at < self.valid_until and not ended

    def state_at(self, at: datetime) -> str:
        """Return the state at a time: in_force, revoked or expired."""
        if self.end == self.End.REVOKED:
            return str(self.End.REVOKED)
        return "in_force" if self.is_in_force(at) else str(self.End.EXPIRED)
