"""Decisions, and the packets they sign."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel


class Packet(models.Model):
    """A frozen review packet: canonical JSON bytes, identified by their SHA-256 digest.

    The same content of a request is the same packet, so reverting a change restores the earlier packet.
    """

    request = models.ForeignKey("governance.PromotionRequest", on_delete=models.PROTECT, related_name="packets")
    digest = models.CharField(max_length=64)
    body = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="packet_once", fields=["request", "digest"]),
        ]

    def __str__(self) -> str:
        return f"packet {self.digest[:12]} of #{self.request_id}"


class Decision(AuditedModel):
    """A person's signed decision on a packet of a promotion request.

    A decision lapses if its packet is no longer the one under review; it is never edited or deleted.

    Source: 21 CFR 11.50 requires the signer's printed name, date and time, and the meaning of the signature.
    """

    class Outcome(models.TextChoices):
        APPROVE = "approve", "Approve"
        REQUEST_CHANGES = "request_changes", "Request changes"
        REJECT = "reject", "Reject"

    class SignatureMethod(models.TextChoices):
        PASSWORD = "password", "Password given again"

    request = models.ForeignKey("governance.PromotionRequest", on_delete=models.PROTECT, related_name="decisions")
    person = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    comment = models.TextField(blank=True)
    packet_digest = models.CharField(max_length=64)
    groups = models.JSONField(default=list, help_text="slugs of the policy's groups the person was in when deciding")
    signed_name = models.CharField(max_length=200)
    signed_meaning = models.TextField()
    signed_method = models.CharField(max_length=16, choices=SignatureMethod.choices)
    signed_at = models.DateTimeField()
    event = models.UUIDField(help_text="the event that recorded it")
    lapsed_at = models.DateTimeField(null=True, blank=True)
    lapsed_event = models.UUIDField(null=True, blank=True)

    class Meta:
        ordering = ("signed_at",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="decision_one_standing_per_person",
                fields=["request", "person"],
                condition=Q(lapsed_at__isnull=True),
                violation_error_code="already_decided",
            ),
            models.CheckConstraint(
                name="decision_lapsed_with_event",
                condition=Q(lapsed_at__isnull=True, lapsed_event__isnull=True)
                | Q(lapsed_at__isnull=False, lapsed_event__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} by {self.person} on #{self.request_id}"
