"""Statements of another registry about an imported model or version."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from registry.models.base import AuditedModel


class ImportRecord(AuditedModel):
    """A model, or one of its versions, was imported, with what the other registry states about it.

    All of it is a claim: it was not verified here, and an approval in the other registry is not an approval here.
    `imported_at` is the time of the import; `created_there` and `author_there` come from the other registry. The key is
    `origin` (its address, or the kind and account of an export), `name` and `number` there; `number` is empty for the
    model itself.
    """

    class Kind(models.TextChoices):
        MLFLOW = "mlflow", "MLflow"
        SAGEMAKER = "sagemaker", "SageMaker"
        AZUREML = "azureml", "Azure ML"
        COMET = "comet", "Comet"

    kind = models.CharField(max_length=12, choices=Kind.choices)
    origin = models.CharField(max_length=500)
    name = models.CharField(max_length=500)
    number = models.CharField(max_length=100, blank=True)
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="import_records")
    version = models.OneToOneField(
        "registry.ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="import_record"
    )
    created_there = models.DateTimeField(null=True, blank=True)
    updated_there = models.DateTimeField(null=True, blank=True)
    author_there = models.CharField(max_length=500, blank=True)
    stage = models.CharField(max_length=100, blank=True, help_text="the stage in the other registry")
    aliases = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    approval = models.CharField(
        max_length=100, blank=True, help_text="the approval recorded in the other registry; it has no effect here"
    )
    claims = models.JSONField(default=dict, blank=True, help_text="other statements of the other registry")
    imported_at = models.DateTimeField()
    imported_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="imported_once", fields=["origin", "name", "number"]),
            models.CheckConstraint(
                name="import_of_a_version_has_its_number",
                condition=models.Q(number="", version__isnull=True) | (~models.Q(number="") & ~models.Q(version=None)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.number} from {self.origin}".replace("  ", " ")
