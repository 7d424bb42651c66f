"""Files: stored bytes (blobs, by digest) and the files that a version declares (artifacts, by path)."""

from typing import Any, ClassVar

from django.db import models

from registry.models.base import AuditedModel


class Blob(models.Model):
    """Stored bytes, identified by their SHA-256; the same bytes are stored once."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.PositiveBigIntegerField(help_text="bytes")
    stored_at = models.DateTimeField()
    format = models.CharField(
        max_length=20,
        blank=True,
        editable=False,
        help_text="the format detected in the bytes; empty before the detection",
    )

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(name="blob_unrecognised", fields=["stored_at"], condition=models.Q(format="")),
            models.Index(name="blob_by_format", fields=["format"]),
        ]

    def __str__(self) -> str:
        return self.sha256[:12]


class Artifact(AuditedModel):
    """A file of a version: declared with its digest and size, complete once the blob with that digest is stored."""

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="artifacts")
    path = models.CharField(max_length=500, help_text="relative, forward slashes")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="bytes")
    blob = models.ForeignKey(Blob, null=True, blank=True, on_delete=models.PROTECT, related_name="artifacts")

    class Meta:
        ordering = ("path",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="artifact_path_once", fields=["version", "path"]),
            models.CheckConstraint(
                name="artifact_blob_is_the_declared_one",
                condition=models.Q(blob__isnull=True) | models.Q(blob=models.F("sha256")),
            ),
            models.CheckConstraint(name="artifact_sha256_form", condition=models.Q(sha256__regex="^[0-9a-f]{64}$")),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="artifact_by_digest", fields=["sha256"]),
            models.Index(name="artifact_by_beginning", fields=["sha256"], opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return self.path
