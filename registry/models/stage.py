"""Stages as data, the allowed transitions between them, and which version was in which stage when."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models.base import IS_CURRENT, TemporalModel, closed_event_constraint
from registry.models.managers import PreparedModel


class Stage(PreparedModel):
    """A stage of the lifecycle.

    Attributes:
        exclusive: holds one version of a model at a time; entering it moves the occupant to the stage `displaced_to`.
        protected: entered and left by promotion request under a policy only.
        protected_exit: every transition out of it, to a protected stage too, needs a policy for leaving it.
    """

    name = models.CharField(max_length=40, unique=True)
    slug = models.SlugField(max_length=40, unique=True)
    position = models.PositiveSmallIntegerField(unique=True)
    initial = models.BooleanField(default=False)
    exclusive = models.BooleanField(default=False)
    protected = models.BooleanField(default=False)
    protected_exit = models.BooleanField(default=False, help_text="leaving this stage needs a promotion request too")
    displaced_to = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("position",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="stage_one_initial", fields=["initial"], condition=Q(initial=True)),
            models.CheckConstraint(
                name="stage_exclusive_displaces", condition=Q(exclusive=False) | Q(displaced_to__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.name


class StageMove(models.Model):
    """One allowed transition of the lifecycle graph."""

    source = models.ForeignKey(Stage, on_delete=models.CASCADE, related_name="moves_out")
    target = models.ForeignKey(Stage, on_delete=models.CASCADE, related_name="moves_in")

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="stage_move_once", fields=["source", "target"]),
            models.CheckConstraint(name="stage_move_goes_somewhere", condition=~Q(source=models.F("target"))),
        ]

    def __str__(self) -> str:
        return f"{self.source} → {self.target}"


class StageOccupancy(TemporalModel):
    """A version was in a stage, from one event to another. Answers what was in Production at a given time.

    Written only by `registry.stage_transitions`. A trigger allows a version's `stage` to change only if the same
    transaction opened the matching occupancy. `model` and `exclusive` duplicate values of the version and the stage, so
    that one partial unique index can enforce one version of a model in an exclusive stage.
    """

    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="occupancies")
    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="+")
    stage = models.ForeignKey(Stage, on_delete=models.PROTECT, related_name="occupancies")
    exclusive = models.BooleanField()
    promotion = models.UUIDField(null=True, blank=True, help_text="uid of the promotion request that moved it")
    before_governance = models.BooleanField(
        default=False, help_text="it was in the stage before the import: it has no approval in this registry"
    )

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="occupancy_one_open_per_version", fields=["version"], condition=IS_CURRENT),
            models.UniqueConstraint(
                name="occupancy_exclusive_stage", fields=["model", "stage"], condition=IS_CURRENT & Q(exclusive=True)
            ),
            closed_event_constraint("occupancy_closed_with_event"),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="occupancy_at_time", fields=["model", "stage", "opened_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.version} in {self.stage}"
