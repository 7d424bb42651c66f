"""Frozen technical documents."""

from typing import Any, ClassVar

from django.db import models

from registry.models import AuditedModel


class FrozenDocument(AuditedModel):
    """The technical document of a version at its promotion into a protected stage: canonical JSON bytes with their
    SHA-256.

    One per such promotion; database guards refuse any change.
    """

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="frozen_documents")
    request = models.OneToOneField(
        "governance.PromotionRequest", on_delete=models.PROTECT, related_name="frozen_document"
    )
    template = models.CharField(max_length=80, help_text="whose shape it has")
    digest = models.CharField(max_length=64)
    body = models.BinaryField()
    missing = models.PositiveIntegerField(help_text="answers that were missing")
    event = models.UUIDField(help_text="the event that recorded it")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-created_at",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="document_digest_form", condition=models.Q(digest__regex="^[0-9a-f]{64}$")),
        ]

    def __str__(self) -> str:
        return f"document {self.digest[:12]} of #{self.request_id}"
