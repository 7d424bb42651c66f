"""Verification keys: public keys whose signatures count as evidence."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from registry.models.base import IS_CURRENT, TemporalModel, closed_event_constraint
from registry.models.registered_model import RegisteredModel


class VerificationKey(TemporalModel):
    """A public key, from the confirmation of its proposal until it is revoked. There is one row for a key, for good: a
    key that was revoked is not added again.

    It counts from `valid_from` to `valid_until`, for the purposes it is added for, and for one model or for all.
    """

    PURPOSES: ClassVar[tuple[str, ...]] = ("signature", "provenance")

    name = models.CharField(max_length=120)
    owner = models.CharField(max_length=200, help_text="the team or system that holds the private key")
    model = models.ForeignKey(
        RegisteredModel,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="verification_keys",
        help_text="the model whose versions it signs; empty for all models",
    )
    algorithm = models.CharField(max_length=20)
    public_key = models.TextField(help_text="SubjectPublicKeyInfo in PEM")
    key_id = models.CharField(
        max_length=64, unique=True, help_text="SHA-256 of the SubjectPublicKeyInfo in DER, in hexadecimal"
    )
    for_signatures = models.BooleanField(help_text="it signs the files of versions")
    for_provenance = models.BooleanField(help_text="it signs statements of builders")
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)
    proposal = models.OneToOneField(
        "registry.ChangeProposal", on_delete=models.PROTECT, related_name="verification_key"
    )
    revoked_by = models.CharField(  # noqa: DJ001 (not revoked)
        max_length=100, null=True, blank=True, help_text="pseudonymous id of the actor"
    )
    revocation_reason = models.TextField(null=True, blank=True)  # noqa: DJ001 (not revoked)

    class Meta:
        ordering = ("name", "pk")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(Lower("name"), name="key_one_current_name", condition=IS_CURRENT),
            models.CheckConstraint(name="key_has_purpose", condition=Q(for_signatures=True) | Q(for_provenance=True)),
            models.CheckConstraint(name="key_id_form", condition=Q(key_id__regex="^[0-9a-f]{64}$")),
            models.CheckConstraint(
                name="key_valid_span", condition=Q(valid_until__isnull=True) | Q(valid_until__gt=F("valid_from"))
            ),
            models.CheckConstraint(
                name="key_revoked_with_reason",
                condition=Q(closed_at__isnull=True, revoked_by__isnull=True, revocation_reason__isnull=True)
                | Q(closed_at__isnull=False, revoked_by__isnull=False, revocation_reason__isnull=False),
            ),
            closed_event_constraint("key_closed_with_event"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def purposes(self) -> tuple[str, ...]:
        """The purposes for which the key counts."""
        chosen = zip(self.PURPOSES, (self.for_signatures, self.for_provenance), strict=True)
        return tuple(purpose for purpose, given in chosen if given)
