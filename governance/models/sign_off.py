"""Sign-offs of the parts of a regulatory document: a named person signs what a part contains."""

from __future__ import annotations

from django.db import models

from registry.models import AuditedModel


class DocumentSignOff(AuditedModel):
    """The signature of a person under parts of a regulatory document of a version.

    `parts` has the digest of each signed part, by point. A sign-off counts for every later revision of the document in
    which the part has the same content. Database guards refuse any change.
    """

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="sign_offs")
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="sign_offs")
    evidence = models.ForeignKey(
        "registry.Evidence", on_delete=models.PROTECT, related_name="sign_offs", help_text="the document that was read"
    )
    parts = models.JSONField(help_text="SHA-256 of the content of each signed part, by point")
    person = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="sign_offs")
    roles = models.JSONField(default=list, help_text="roles of the person on the model when they signed")
    signed_name = models.CharField(max_length=200)
    signed_meaning = models.TextField()
    signed_method = models.CharField(max_length=16)
    signed_at = models.DateTimeField()
    event = models.UUIDField(help_text="the event that recorded it")

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"sign-off {self.pk} by {self.signed_name}"
