"""Model versions."""

from typing import Any, ClassVar, Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F
from django.db.models.functions import Coalesce

from registry.models.base import AuditedModel, Undeleted


class ModelVersion(AuditedModel):
    """One version of a registered model.

    Fixed at registration: files, code, environment, datasets, parents, parameters, model signature. Added later in
    numbered revisions: card, metrics, evidence. `fingerprint` is the SHA-256 over all of the first and the latest of
    the second (`registry.fingerprint`): decisions refer to it. `evidence_revision` counts the additions. The exception
    is a version that is `source_only`: its files may be attached later, see `registry.services.attachments`.
    """

    class Status(models.TextChoices):
        REGISTERING = "registering", "Registering"
        REGISTERED = "registered", "Registered"

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.REGISTERING)
    stage = models.ForeignKey("registry.Stage", on_delete=models.PROTECT, related_name="versions")
    fingerprint = models.CharField(max_length=64, blank=True)
    evidence_revision = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField(default=1)

    source = models.CharField(max_length=2000, blank=True)
    run_id = models.CharField(max_length=500, blank=True)
    run_link = models.CharField(max_length=2000, blank=True)
    code_repository = models.CharField(max_length=500, blank=True)
    code_commit = models.CharField(max_length=64, blank=True)
    code_clean = models.BooleanField(null=True, blank=True)
    environment_lock = models.TextField(blank=True)
    parameters = models.JSONField(default=dict, blank=True)
    signature = models.JSONField(default=dict, blank=True)
    licence = models.CharField(max_length=200, blank=True)

    # Editable: may change at any time, each time with an event; in no fingerprint.
    description = models.TextField(blank=True)
    notes = models.TextField(blank=True, help_text="Markdown")
    tags = models.JSONField(default=dict, blank=True)

    registered_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    registered_with = models.ForeignKey(
        "registry.AccessToken", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    trained_by = models.ForeignKey("registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    parents = models.ManyToManyField("self", symmetrical=False, blank=True, related_name="children")
    declaration = models.CharField(
        max_length=64,
        editable=False,
        help_text="SHA-256 of all that was declared: a registration sent again has the same",
    )
    created_at = models.DateTimeField()
    registered_at = models.DateTimeField(null=True, blank=True)

    source_only = models.BooleanField(
        default=False,
        editable=False,
        help_text="registered by its source alone, as MLflow clients do: what it consists of may be attached later",
    )
    updated_at = models.DateTimeField(
        null=True, blank=True, help_text="of the last change of its stage, description or name; empty: none since"
    )

    abandoned_at = models.DateTimeField(
        null=True, blank=True, help_text="when it was given up, because its files never came"
    )

    deleted_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when it was deleted: never, where anything of it was governed"
    )

    objects: ClassVar[Undeleted[Self]] = Undeleted()

    examining: tuple[int, ...] = ()
    """Set by `complete_registration` on a version that waits for workers: the keys of the uploads they process."""
    found = False
    """Set by `declare_version` on an existing version that it returns because the same was declared before."""

    class Meta:
        ordering = ("model", "-number")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="version_number_once", fields=["model", "number"]),
            models.CheckConstraint(
                name="version_registered_has_fingerprint",
                condition=models.Q(status="registering") | models.Q(fingerprint__regex="^[0-9a-f]{64}$"),
            ),
            models.CheckConstraint(
                name="version_abandoned_is_not_registered",
                condition=models.Q(status="registering") | models.Q(abandoned_at__isnull=True),
            ),
        ]
        # For searches; prefixes of digests need an index that compares bytes, whatever the collation.
        indexes: ClassVar[list[Any]] = [
            models.Index(name="version_by_declaration", fields=["model", "declaration"]),
            models.Index(Coalesce("updated_at", "created_at").desc(), F("number").desc(), name="version_by_change"),
            models.Index(name="version_by_stage", fields=["stage", "model", "number"]),
            models.Index(name="version_by_fingerprint", fields=["fingerprint"], opclasses=["varchar_pattern_ops"]),
            models.Index(name="version_by_run", fields=["run_id"], opclasses=["varchar_pattern_ops"]),
            models.Index(name="version_by_commit", fields=["code_commit"], opclasses=["varchar_pattern_ops"]),
            models.Index(name="version_by_moment", fields=["registered_at"]),
            GinIndex(name="version_by_tag", fields=["tags"]),
        ]

    def __str__(self) -> str:
        return f"{self.model.slug} v{self.number}"
