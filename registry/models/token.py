"""Access tokens: hashed, scoped, limited, expiring."""

import secrets
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from registry.models.managers import PreparedModel


def new_token_uid() -> str:
    """Return a pseudonym for a token in the audit log; unrelated to its secret."""
    return "tok_" + secrets.token_hex(10)


class AccessToken(PreparedModel):
    """A secret with which a program signs in, and the account responsible for it.

    Only the SHA-256 of the secret is stored: it has 238 bits of randomness, so a slow hash adds nothing. `prefix` is
    its readable start, to find a token in a list or in a leak. A token has the permissions of its person, limited to
    `scopes` and, unless `model_slugs` is null, to the models named there. With the scope `checks:write` it reports the
    results of the checks in `check_names`, and of no other.
    """

    uid = models.CharField(max_length=40, unique=True, default=new_token_uid, editable=False)
    person = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="access_tokens")
    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=12)
    digest = models.BinaryField(max_length=32, unique=True)
    scopes = ArrayField(models.CharField(max_length=40))
    model_slugs = ArrayField(models.CharField(max_length=200), null=True, blank=True)
    check_names = ArrayField(
        models.CharField(max_length=80), default=list, blank=True, help_text="checks whose results it may report"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="token_ends_after_it_begins", condition=Q(expires_at__gt=models.F("created_at"))
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class TokenUse(models.Model):
    """When a token was last used: telemetry, not a governed fact, hence a separate table."""

    token = models.OneToOneField(AccessToken, on_delete=models.CASCADE, related_name="use")
    last_used_at = models.DateTimeField()
    last_address = models.GenericIPAddressField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.token} at {self.last_used_at}"
