"""Dataset references."""

from typing import Any, ClassVar

from django.contrib.postgres.indexes import HashIndex
from django.db import models

from registry.datasets import FORMS, Reference, form_of, identity_hint
from registry.models.base import AuditedModel


class DatasetIdentity(models.Func):
    """The database function that computes `registry.datasets.identity`, for the generated column."""

    function = "public.registry_dataset_identity"
    output_field = models.CharField(max_length=64)


class DatasetReference(AuditedModel):
    """A dataset with which a version was trained or evaluated: its role, its location, and how reliably it is
    identified.
    """

    class DatasetRole(models.TextChoices):
        TRAINING = "training", "Training"
        VALIDATION = "validation", "Validation"
        EVALUATION = "evaluation", "Evaluation"

    class Strength(models.TextChoices):
        STRONG = "strong", "Strong: SHA-256 of the bytes"
        MEDIUM = "medium", "Medium: a commit or an MD5"
        WEAK = "weak", "Weak: a label"

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="datasets")
    role = models.CharField(max_length=12, choices=DatasetRole.choices)
    name = models.CharField(max_length=250)
    reference = models.CharField(max_length=250, blank=True, help_text="the name's version, tag or date")
    uri = models.CharField(max_length=2000, blank=True)
    digest_algorithm = models.CharField(max_length=20, blank=True)
    digest = models.CharField(max_length=128, blank=True)
    strength = models.CharField(max_length=8, choices=Strength.choices)
    identity = models.GeneratedField(
        expression=DatasetIdentity("strength", "digest_algorithm", "digest", "uri", "name", "reference"),
        output_field=models.CharField(max_length=64),
        db_persist=True,
        help_text="what tells datasets apart: registry.datasets.identity",
    )

    class Meta:
        ordering = ("role", "name")
        indexes: ClassVar[list[Any]] = [
            models.Index(name="dataset_by_digest", fields=["digest"]),
            # For searches: prefixes of names and digests, and whole addresses (which are too long for a B-tree).
            models.Index(name="dataset_by_digest_start", fields=["digest"], opclasses=["varchar_pattern_ops"]),
            models.Index(name="dataset_by_name_start", fields=["name"], opclasses=["varchar_pattern_ops"]),
            HashIndex(name="dataset_by_uri", fields=["uri"]),
            models.Index(name="dataset_by_identity", fields=["identity", "version"]),
            models.Index(name="dataset_by_name", fields=["name"], opclasses=["varchar_pattern_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.role}: {self.name}"

    @property
    def facts(self) -> Reference:
        """The fields of the reference as a value."""
        return Reference(self.name, self.reference, self.uri, self.digest_algorithm, self.digest)

    @property
    def form(self) -> str:
        """The format of the reference, a key of `registry.datasets.FORMS`; empty for a plain label."""
        return form_of(self.facts)

    @property
    def kind(self) -> str:
        """The display name of the format: "DVC", "lakeFS", "label"."""
        return FORMS[self.form].title if self.form else "label"

    @property
    def better_identity_hint(self) -> str:
        """How to identify the data more reliably; empty if nothing is better."""
        return identity_hint(self.facts)
