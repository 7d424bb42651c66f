"""Dataset references."""

from typing import Any, ClassVar

from django.db import models

from registry.models.base import Governed


class DatasetReference(Governed):
    """A dataset a version was made or judged with: its role, where it is, and how surely it is identified."""

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

    class Meta:
        ordering = ("role", "name")
        indexes: ClassVar[list[Any]] = [models.Index(name="dataset_by_digest", fields=["digest"])]

    def __str__(self) -> str:
        return f"{self.role}: {self.name}"
