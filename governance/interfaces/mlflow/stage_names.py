"""Stages by the names clients give them."""

from __future__ import annotations

from typing import NamedTuple

from governance.interfaces.mlflow.errors import invalid
from governance.interfaces.mlflow.serializers import NO_STAGE
from registry.models import Stage

ARCHIVED = "archived"
"""The slug of the stage for versions that are out of use."""


class MlflowStage(NamedTuple):
    """A stage: what clients call it, and its slug here. `active`: one whose versions may be archived for a newcomer,
    which is every stage but the one where versions begin and Archived."""

    name: str
    slug: str
    active: bool


def stages() -> list[MlflowStage]:
    """The stages of the lifecycle in force, the initial one as “None”."""
    return [
        MlflowStage(NO_STAGE if stage.initial else stage.name, stage.slug, not stage.initial and stage.slug != ARCHIVED)
        for stage in Stage.objects.raw_filter("TRUE ORDER BY position")
    ]


def stage_named(name: str) -> MlflowStage:
    """A stage by its name, whatever its capitals; by its slug, too. Raises MlflowError with those there are."""
    known = stages()
    wanted = name.strip().casefold()
    for stage in known:
        if wanted in (stage.name.casefold(), stage.slug):
            return stage
    raise invalid(
        f"Invalid Model Version stage: {name}. Value must be one of {', '.join(stage.name for stage in known)}."
    )
