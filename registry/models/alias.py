"""Aliases: names such as `champion` that point to one version of a model at a time."""

from typing import Any, ClassVar

from django.db import models

from registry.models.base import IS_CURRENT, TemporalModel, closed_event_constraint


class ProtectedAlias(models.Model):
    """An alias name that changes by promotion request only, on every model. Data, like stages.

    `stage` is the stage it represents. A version that is not in that stage gets the alias only by a request that also
    satisfies the policy for entering the stage.
    """

    name = models.CharField(max_length=255, unique=True)
    stage = models.ForeignKey(
        "registry.Stage",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="represented_by",
        help_text="the stage it represents: who follows the alias expects a version that may be there",
    )

    class Meta:
        verbose_name_plural = "protected aliases"

    def __str__(self) -> str:
        return self.name


class AliasAssignment(TemporalModel):
    """An alias pointed to a version, from one event to another. Written only by `registry.stage_transitions`."""

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="aliases")
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="aliases")
    name = models.CharField(max_length=255)
    promotion = models.UUIDField(null=True, blank=True, help_text="uid of the promotion request that set it")
    before_governance = models.BooleanField(
        default=False, help_text="it was set before the import: it has no approval in this registry"
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="alias_one_open_per_model", fields=["model", "name"], condition=IS_CURRENT),
            closed_event_constraint("alias_closed_with_event"),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(name="alias_at_time", fields=["model", "name", "opened_at"])]

    def __str__(self) -> str:
        return f"{self.name} → {self.version}"
