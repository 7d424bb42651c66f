"""Registered models."""

from typing import Any, ClassVar, Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce, Lower

from registry.models.base import AuditedModel, Undeleted
from registry.models.user import User


class RegisteredModel(AuditedModel):
    """A named predictive model, with an owner and a risk tier; its versions are promoted.

    `slug` is its name in URLs and in the API, and for MLflow clients if it has no other name. `next_version` is the
    number of the next version; numbers are never reused. `revision` counts changes of this row, for ETags. A model that
    was never governed can be deleted (`registry.services.deletion`): the row and its events stay, its names are free
    again.
    """

    class Tier(models.IntegerChoices):
        TIER_1 = 1, "Tier 1"
        TIER_2 = 2, "Tier 2"
        TIER_3 = 3, "Tier 3"

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        ARCHIVED = "archived", "Archived"

    class DataClass(models.TextChoices):
        """The kinds of data that a model reads, from the least sensitive to the most."""

        PUBLIC = "public", "Public"
        INTERNAL = "internal", "Internal"
        CONFIDENTIAL = "confidential", "Confidential"
        PERSONAL = "personal", "Personal"
        SPECIAL_CATEGORY = "special-category", "Special category (GDPR Article 9)"

    slug = models.CharField(max_length=200, db_index=True)
    mlflow_name = models.CharField(  # noqa: DJ001 - most have none, and those are not equal
        max_length=256,
        null=True,
        blank=True,
        editable=False,
        help_text="the name for MLflow clients, where it is not a valid slug",
    )
    renamed = models.CharField(  # noqa: DJ001 - most were never renamed, and those are not equal
        max_length=256,
        null=True,
        blank=True,
        editable=False,
        help_text="the name for MLflow clients after one of them renamed the model; the slug stays",
    )
    title = models.CharField(max_length=200, blank=True)
    description = models.TextField(blank=True, help_text="Markdown")
    purpose = models.CharField("use case", max_length=300, blank=True)
    team = models.CharField(max_length=120, blank=True)
    intended_use = models.TextField(blank=True)
    prohibited_use = models.TextField(blank=True)
    affects_people = models.BooleanField(null=True, blank=True)
    data_classes = models.JSONField(default=list, blank=True, help_text="values of DataClass, in their order")
    regulations = models.JSONField(default=list, blank=True)
    tags = models.JSONField(default=dict, blank=True)
    risk_tier = models.PositiveSmallIntegerField(choices=Tier.choices, null=True, blank=True)
    tier_basis = models.ForeignKey(
        "registry.Assessment",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="the assessment the tier rests on; empty where it was declared without questionnaire",
    )
    owner = models.ForeignKey(
        "registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="owned_models"
    )
    accountable_executive = models.ForeignKey(
        "registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    next_review = models.DateField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.ACTIVE)
    next_version = models.PositiveIntegerField(default=1)
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[Undeleted[Self]] = Undeleted()

    class Meta:
        ordering = ("slug",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="model_slug_once", fields=["slug"], condition=Q(deleted_at__isnull=True)),
            models.UniqueConstraint(
                Coalesce("renamed", "mlflow_name", "slug"),
                name="model_name_once",
                condition=Q(deleted_at__isnull=True),
            ),
        ]
        # The vocabulary of registry.access; Django's `view_registeredmodel` is VIEW, its `change_` is EDIT.
        permissions: ClassVar[list[Any]] = [
            ("register_version", "Add versions and what belongs to them"),
            ("request_promotion", "Ask for a promotion"),
            ("decide_promotion", "Decide on a promotion request, when a policy calls on them"),
            ("grant_role", "Give and take roles on the model"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="model_by_change", fields=["-updated_at", "slug"]),
            models.Index(name="model_by_review", fields=["next_review", "slug"]),
            models.Index(name="model_by_tier", fields=["risk_tier", "slug"]),
            models.Index(Lower("team"), "slug", name="model_by_team"),
            GinIndex(name="model_by_tag", fields=["tags"]),
            GinIndex(name="model_by_regulation", fields=["regulations"]),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def display_name(self) -> str:
        """The name for MLflow clients."""
        return self.renamed or self.mlflow_name or self.slug

    @property
    def active_owner(self) -> "User | None":
        """The owner if the account is active, else None."""
        return self.owner if self.owner is not None and self.owner.is_active else None

    @property
    def data_class_names(self) -> list[str]:
        """The labels of the data classes."""
        return [str(self.DataClass(value).label) for value in self.data_classes]
