"""Contributors to a version, other than the account that registered it."""

from typing import Any, ClassVar

from django.db import models

from registry.models.base import AuditedModel


class Contribution(AuditedModel):
    """An account, with a token or signed in, added something that the version's fingerprint covers.

    One row for each version, account, token and part, created with the first such addition. Additions of the account
    that registered the version with the same token are not recorded here: the version names both.
    """

    class Part(models.TextChoices):
        REGISTRATION = "registration", "the registration"
        FILES = "files", "files"
        METRICS = "metrics", "metrics"
        CARD = "card", "the model card"
        EVIDENCE = "evidence", "evidence"

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="contributions")
    account = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="contributions")
    token = models.ForeignKey(
        "registry.AccessToken", null=True, blank=True, on_delete=models.PROTECT, related_name="contributions"
    )
    part = models.CharField(max_length=12, choices=Part.choices)
    event = models.UUIDField(help_text="the event of the first addition")
    contributed_at = models.DateTimeField()

    class Meta:
        ordering = ("version", "contributed_at", "id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="contribution_once", fields=["version", "account", "token", "part"], nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account}: {self.part} of {self.version}"
