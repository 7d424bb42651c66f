"""Stages, and which versions hold stages and aliases now. One definition of "current" for every interface."""

from collections.abc import Collection
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Prefetch, QuerySet, Window
from django.db.models.functions import RowNumber

from registry.exceptions import NotFoundError
from registry.models import IS_CURRENT, AliasAssignment, ModelVersion, RegisteredModel, Stage, StageOccupancy


def stages() -> QuerySet[Stage]:
    """Return the stages in the order of the lifecycle."""
    return Stage.objects.order_by("position")


def stages_prepared() -> list[Stage]:
    """Return the stages in the order of the lifecycle, by a statement that PostgreSQL plans once on a connection."""
    return Stage.objects.raw_filter("TRUE ORDER BY position")


def stage(slug: str) -> Stage:
    """Return a stage.

    Raises:
        NotFoundError: there is none with this slug.
    """
    found = Stage.objects.filter(slug=slug).first()
    if found is None:
        raise NotFoundError(f"There is no stage “{slug}”.")
    return found


def current_aliases(
    *, model: RegisteredModel | None = None, version: ModelVersion | None = None
) -> QuerySet[AliasAssignment]:
    """Return the aliases that point at a version now, by name, with the versions and their stages.

    Args:
        model: only aliases of this model.
        version: only aliases that point at this version.
    """
    found = AliasAssignment.objects.filter(IS_CURRENT).select_related("version__stage").order_by("name")
    if model is not None:
        found = found.filter(model=model)
    return found.filter(version=version) if version is not None else found


def current_alias_names(version: ModelVersion) -> frozenset[str]:
    """Return the names of the aliases that point at a version now."""
    return frozenset(current_aliases(version=version).values_list("name", flat=True))


def with_current_aliases(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """Prefetch the current aliases of the versions as `held_aliases`."""
    return versions.prefetch_related(
        Prefetch("aliases", AliasAssignment.objects.filter(IS_CURRENT), to_attr="held_aliases")
    )


def newest_by_stage(models: Collection[RegisteredModel]) -> dict[tuple[int, int], int]:
    """Return the number of the newest version in each stage, by the keys of model and stage. One query."""
    rows = (
        StageOccupancy.objects.filter(IS_CURRENT, model__in=models, version__deleted_at__isnull=True)
        .order_by("model_id", "stage_id", "-version__number")
        .distinct("model_id", "stage_id")
        .values_list("model_id", "stage_id", "version__number")
    )
    return {(model, stage): number for model, stage, number in rows}


def held_by_stage(model: RegisteredModel, *, most: int) -> list[Any]:
    """Return the newest occupancies of each stage of a model, with their versions.

    Args:
        model: the model.
        most: maximum number of versions by stage.

    Returns:
        Occupancies by stage, newest version first; each has `total`, the number of versions in its stage.
    """
    return list(
        StageOccupancy.objects.filter(IS_CURRENT, model=model, version__deleted_at__isnull=True)
        .annotate(
            place=Window(RowNumber(), partition_by="stage_id", order_by=F("version__number").desc()),
            total=Window(Count("pk"), partition_by="stage_id"),
        )
        .filter(place__lte=most)
        .select_related("version")
        .order_by("stage_id", "place")
    )


def left_protected_stages(model: RegisteredModel, *, most: int) -> list[Any]:
    """Return the last occupancies of each protected stage of a model that ended, latest first, with their versions.

    An occupancy that another approval of the same version in the same stage continued has not ended.

    Args:
        model: the model.
        most: maximum number of occupancies by stage.
    """
    left = StageOccupancy.objects.filter(model=model, stage__protected=True, closed_at__isnull=False)
    continued = StageOccupancy.objects.filter(
        version=OuterRef("version"), stage=OuterRef("stage"), opened_event=OuterRef("closed_event")
    )
    placed = left.filter(~Exists(continued)).annotate(
        place=Window(RowNumber(), partition_by="stage_id", order_by=F("closed_at").desc())
    )
    return list(placed.filter(place__lte=most).select_related("version").order_by("stage_id", "place"))


def occupancies_of(version: ModelVersion) -> QuerySet[StageOccupancy]:
    """Return the stages that a version was in, latest first, without those of zero duration, which imports create."""
    rows = StageOccupancy.objects.filter(version=version).select_related("stage").order_by("-opened_at", "-pk")
    return rows.exclude(closed_at=F("opened_at"))


def stage_entries(version: ModelVersion) -> dict[int, Any]:
    """Return the time at which a version last entered each stage, by the key of the stage. One query."""
    rows = StageOccupancy.objects.filter(version=version).order_by("opened_at")
    return dict(rows.values_list("stage_id", "opened_at"))
