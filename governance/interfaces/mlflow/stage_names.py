"""Stages by their MLflow names."""

from __future__ import annotations

from typing import NamedTuple

from governance.interfaces.mlflow.errors import invalid
from governance.interfaces.mlflow.serializers import NO_STAGE
from registry import selectors

ARCHIVED = "archived"
"""Slug of the stage for versions that are no longer used."""


class MlflowStage(NamedTuple):
    """A stage with its MLflow name and its slug.

    `active` is true for stages whose versions a transition can archive: all except the initial stage and Archived.
    """

    name: str
    slug: str
    active: bool


def stages() -> list[MlflowStage]:
    """Return the stages of the lifecycle in force; the initial one is named “None”."""
    return [
        MlflowStage(NO_STAGE if stage.initial else stage.name, stage.slug, not stage.initial and stage.slug != ARCHIVED)
        for stage in selectors.stages_prepared()
    ]


def stage_named(name: str) -> MlflowStage:
    """Return a stage by its name or slug, ignoring case. Raises MlflowError with the known stages."""
    known = stages()
    wanted = name.strip().casefold()
    for stage in known:
        if wanted in (stage.name.casefold(), stage.slug):
            return stage
    raise invalid(
        f"Invalid Model Version stage: {name}. Value must be one of {', '.join(stage.name for stage in known)}."
    )
