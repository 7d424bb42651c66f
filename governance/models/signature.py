"""What proves a decision signature: the signed statement, the server's attestation, and the server's decision keys."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel


class DecisionKey(AuditedModel):
    """The public half of a key with which the server attests decision signatures.

    The private half is a file (`governance.decision_signatures.key_file`). A key attests from `valid_from`, and until
    `valid_until` where a newer key has replaced it. Rows are kept, because old attestations are verified with them.
    """

    key_id = models.CharField(
        max_length=64, unique=True, help_text="SHA-256 of the SubjectPublicKeyInfo in DER, in hexadecimal"
    )
    public_key = models.TextField(help_text="SubjectPublicKeyInfo in PEM")
    valid_from = models.DateTimeField()
    registered_event = models.UUIDField()
    valid_until = models.DateTimeField(null=True, blank=True)
    replaced_event = models.UUIDField(null=True, blank=True)

    class Meta:
        ordering = ("-valid_from", "-pk")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="decision_key_replaced_with_event",
                condition=Q(valid_until__isnull=True, replaced_event__isnull=True)
                | Q(valid_until__isnull=False, replaced_event__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"decision key {self.key_id[:12]}"


class SignatureRecord(models.Model):
    """The statement that a decision signs, and what proves the signature. Written with the decision, never changed.

    `statement` is the canonical bytes; `attestation` is the DSSE signature of `key` over them.
    """

    decision = models.OneToOneField(
        "governance.Decision", on_delete=models.PROTECT, related_name="signature_record", primary_key=True
    )
    statement = models.BinaryField()
    key = models.ForeignKey(DecisionKey, on_delete=models.PROTECT, related_name="+")
    attestation = models.BinaryField(help_text="Ed25519 signature over the pre-authentication encoding of DSSE")

    def __str__(self) -> str:
        return f"signature of {self.decision_id}"


class PasskeyAssertion(models.Model):
    """The assertion of a passkey over the statement of a decision, as the browser returned it. Never changed."""

    decision = models.OneToOneField(
        "governance.Decision", on_delete=models.PROTECT, related_name="passkey_assertion", primary_key=True
    )
    passkey = models.ForeignKey("registry.Passkey", on_delete=models.PROTECT, related_name="+")
    authenticator_data = models.BinaryField()
    client_data = models.BinaryField()
    signature = models.BinaryField()
    sign_count = models.BigIntegerField()
    rp_id = models.CharField(max_length=253)
    origin = models.CharField(max_length=300)

    def __str__(self) -> str:
        return f"assertion for {self.decision_id}"
