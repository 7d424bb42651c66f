"""Second factors of accounts, and locks of signing."""

from typing import Any, ClassVar

from django.db import models

from registry.models.base import IS_CURRENT, TemporalModel, closed_event_constraint


class SecondFactor(TemporalModel):
    """An authenticator app (TOTP) of an account, from its enrolment until it is removed or reset.

    `secret` is encrypted with a key derived from the secret key of the installation (`registry.services.sealing`).
    `last_step` is the step of the last accepted code: no code is accepted twice. `recovery_codes` are the SHA-256
    digests of the codes that were not used.
    """

    account = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="second_factors")
    secret = models.BinaryField()
    last_step = models.BigIntegerField()
    recovery_codes = models.JSONField(default=list)

    class Meta:
        ordering = ("account", "opened_at", "id")
        constraints: ClassVar[list[Any]] = [
            closed_event_constraint("second_factor_closed_with_event"),
            models.UniqueConstraint(
                name="second_factor_one_open",
                fields=["account"],
                condition=IS_CURRENT,
                violation_error_code="already_enrolled",
            ),
        ]

    def __str__(self) -> str:
        return f"second factor of {self.account}"


class Passkey(TemporalModel):
    """A passkey (Web Authentication credential) of an account, from its enrolment until it is removed or reset.

    `credential` is the attested credential data with the public key in COSE; `sign_count` is the counter of its last
    accepted assertion.
    """

    account = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="passkeys")
    name = models.CharField(max_length=80)
    credential_id = models.BinaryField()
    credential = models.BinaryField()
    public_key = models.TextField(help_text="SubjectPublicKeyInfo in PEM")
    key_id = models.CharField(
        max_length=64, help_text="SHA-256 of the SubjectPublicKeyInfo in DER, in hexadecimal", unique=True
    )
    sign_count = models.BigIntegerField()

    class Meta:
        ordering = ("account", "opened_at", "id")
        constraints: ClassVar[list[Any]] = [closed_event_constraint("passkey_closed_with_event")]

    def __str__(self) -> str:
        return self.name


class SigningLock(TemporalModel):
    """An account cannot sign: from too many wrong passwords or codes until an administrator unlocks it."""

    account = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="signing_locks")
    failures = models.PositiveIntegerField()

    class Meta:
        ordering = ("account", "opened_at", "id")
        constraints: ClassVar[list[Any]] = [
            closed_event_constraint("signing_lock_closed_with_event"),
            models.UniqueConstraint(name="signing_lock_one_open", fields=["account"], condition=IS_CURRENT),
        ]

    def __str__(self) -> str:
        return f"signing of {self.account} is locked"
