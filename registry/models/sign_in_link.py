"""Links with which account holders set their own password."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models.base import AuditedModel


class SignInLink(AuditedModel):
    """A link with which the holder of an account sets a password, once, before it expires.

    Only the SHA-256 of its secret is stored. A shown link has it from the start; the worker that mails a link creates
    the secret, which exists only in that message.
    """

    class Way(models.TextChoices):
        MAILED = "mailed", "mailed to the address of the account"
        SHOWN = "shown", "shown once to the person who issued it"

    account = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="sign_in_links")
    way = models.CharField(max_length=8, choices=Way.choices)
    issued_by = models.ForeignKey(
        "registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="empty where a process of the set-up issued it",
    )  # fmt: skip
    digest = models.BinaryField(max_length=32, null=True, unique=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="when a newer link took its place")

    class Meta:
        ordering = ("-created_at", "-id")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="sign_in_link_one_open",
                fields=["account"],
                condition=Q(used_at__isnull=True, ended_at__isnull=True),
                violation_error_code="already_issued",
            ),
            models.CheckConstraint(
                name="sign_in_link_shown_has_digest", condition=Q(way="mailed") | Q(digest__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"sign-in link of {self.account}"
