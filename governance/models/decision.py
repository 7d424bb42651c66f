"""Decisions, and the packets they sign."""

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import apps
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from registry.models import AuditedModel

if TYPE_CHECKING:
    from governance.models.discussion import ThreadResolution


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
        PASSWORD_TOTP = "password_totp", "Password given again, and code of the authenticator app"
        RECOVERY_CODE = "recovery_code", "Password given again, and recovery code"
        PASSKEY = "passkey", "Passkey"

    request = models.ForeignKey("governance.PromotionRequest", on_delete=models.PROTECT, related_name="decisions")
    person = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    comment = models.TextField(blank=True)
    packet_digest = models.CharField(max_length=64)
    on_behalf_of = models.ForeignKey(
        "registry.User",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the member whose place the person takes by a delegation",
    )
    delegation = models.ForeignKey(
        "governance.Delegation", null=True, blank=True, on_delete=models.PROTECT, related_name="decisions"
    )
    groups = models.JSONField(
        default=list, help_text="slugs of the policy's groups in which the decision counts, as of when it was signed"
    )
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
            models.UniqueConstraint(
                Coalesce("on_behalf_of", "person"),
                "request",
                name="decision_one_standing_per_member",
                condition=Q(lapsed_at__isnull=True),
                violation_error_code="already_decided",
            ),
            models.CheckConstraint(
                name="decision_by_delegation",
                condition=Q(on_behalf_of__isnull=True, delegation__isnull=True)
                | (Q(on_behalf_of__isnull=False, delegation__isnull=False) & ~Q(on_behalf_of=F("person"))),
            ),
            models.CheckConstraint(
                name="decision_lapsed_with_event",
                condition=Q(lapsed_at__isnull=True, lapsed_event__isnull=True)
                | Q(lapsed_at__isnull=False, lapsed_event__isnull=False),
            ),
        ]

    @property
    def name(self) -> str:
        """The printed name of the signer, and for a delegate whose place they took."""
        return f"{self.signed_name} for {self.on_behalf_of.name}" if self.on_behalf_of is not None else self.signed_name

    @property
    def signer(self) -> str:
        """The printed name of the signer, and for a delegate whose place they took and by what."""
        return f"{self.name}, {self.delegation.title}" if self.delegation is not None else self.name

    @property
    def attested_by(self) -> str:
        """Key id of the decision key that attests the signature; empty for a decision of an earlier release."""
        record = getattr(self, "signature_record", None)
        return record.key.key_id if record is not None else ""

    def __str__(self) -> str:
        return f"{self.outcome} by {self.person} on #{self.request_id}"

    @cached_property
    def ending(self) -> "ThreadResolution | None":
        """How the signer ended the objection: resolved or withdrawn. None if it did not end, or by new evidence."""
        if self.lapsed_event is None or self.outcome != self.Outcome.REQUEST_CHANGES:
            return None
        resolutions = apps.get_model("governance", "ThreadResolution")
        found: ThreadResolution | None = resolutions.objects.filter(
            thread__decision=self, event=self.lapsed_event
        ).first()
        return found


def ended_delegation_q(moment: datetime) -> Q:
    """Return the condition for decisions by a delegation that is not in effect any more at that time."""
    return Q(delegation__closed_at__isnull=False) | Q(delegation__valid_until__lte=moment)
