"""Queries on versions: those of a model, one by its number, and what a reference means now or meant at a time."""

from datetime import datetime

from django.db.models import Q, QuerySet

from audit.actor import Actor
from registry import access
from registry.exceptions import NotFoundError
from registry.models import (
    IS_CURRENT,
    AliasAssignment,
    Artifact,
    ModelCard,
    ModelVersion,
    RegisteredModel,
    Stage,
    StageOccupancy,
)
from registry.selectors.catalogue import model


def versions_of(model: RegisteredModel) -> QuerySet[ModelVersion]:
    """Return the versions of a model, newest first, with the relations that a list row shows."""
    return with_list_relations(ModelVersion.objects.filter(model=model).order_by("-number"))


def with_list_relations(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """Join the relations that a list row shows."""
    return versions.select_related("model", "stage", "registered_by", "trained_by")


def version(actor: Actor, slug: str, number: int) -> ModelVersion:
    """Return a version by its model's slug and its number.

    Raises:
        NotFoundError: the model is absent or not visible, or has no such version.
        PermissionDeniedError: a token without `models:read`.
    """
    its_model = model(actor, slug)
    found = versions_of(its_model).select_related("registered_with__person").filter(number=number).first()
    if found is None:
        raise NotFoundError(f"{slug} has no version {number}.")
    found.model = its_model
    return found


def resolve(actor: Actor, reference: str) -> ModelVersion:
    """Return the registered version that a reference means now.

    Args:
        actor: the reader.
        reference: `model/7` (a number), `model@champion` (an alias; `@latest` is the newest), or `model:production`
            (the newest in a stage, by slug).

    Raises:
        NotFoundError: the reference has another form, or there is no such version; otherwise as `model`.
        PermissionDeniedError: a token without `models:read`.
    """
    for mark in ("@", ":", "/"):
        slug, found, rest = reference.partition(mark)
        if found and slug and rest:
            break
    else:
        raise NotFoundError(f"“{reference}” is no reference: write model/7, model@champion or model:production.")
    rows = versions_of(model(actor, slug)).filter(status=ModelVersion.Status.REGISTERED)
    if mark == "/":
        number = rest.isascii() and rest.isdecimal() and len(rest) <= 9
        rows = rows.filter(number=int(rest)) if number else rows.none()
    elif mark == ":":
        rows = rows.filter(stage__slug=rest)
    elif rest.casefold() != "latest":
        rows = rows.filter(
            pk__in=AliasAssignment.objects.filter(IS_CURRENT, model__slug=slug, name=rest).values("version_id")
        )
    pointed = rows.first()
    if pointed is None:
        what = {"/": "registered version", "@": "version with the alias", ":": "version in the stage"}[mark]
        raise NotFoundError(f"{slug} has no {what} “{rest}”.")
    return pointed


def in_stage_at(model: RegisteredModel, stage: Stage, moment: datetime) -> QuerySet[ModelVersion]:
    """Return the versions of a model that were in a stage at that time, newest first."""
    held = occupancies_at(model, stage, moment)
    return ModelVersion.objects.filter(pk__in=held.values("version_id")).order_by("-number")


def occupancies_at(model: RegisteredModel, stage: Stage, moment: datetime) -> QuerySet[StageOccupancy]:
    """Return the occupancies of a stage of a model at that time. One query, with the index `occupancy_at_time`."""
    return StageOccupancy.objects.filter(_held_at(moment), model=model, stage=stage)


def all_occupancies_at(stage: Stage, moment: datetime) -> QuerySet[StageOccupancy]:
    """Return the occupancies of a stage at that time, of every model. The caller filters by visibility."""
    return StageOccupancy.objects.filter(_held_at(moment), stage=stage)


def alias_at(model: RegisteredModel, name: str, moment: datetime) -> ModelVersion | None:
    """Return the version to which an alias of a model pointed at that time; None if there was none."""
    held = AliasAssignment.objects.filter(_held_at(moment), model=model, name=name).select_related("version").first()
    return held.version if held is not None else None


def _held_at(moment: datetime) -> Q:
    return Q(opened_at__lte=moment) & (Q(closed_at__isnull=True) | Q(closed_at__gt=moment))


def card_of(version: ModelVersion) -> ModelCard | None:
    """Return the latest revision of a version's model card; None if there is none."""
    return ModelCard.objects.filter(version=version).order_by("-revision").first()


def versions_with_digest(actor: Actor, sha256: str) -> QuerySet[ModelVersion]:
    """Return the visible registered versions that contain a stored file with this digest, oldest first."""
    holding = Artifact.objects.filter(sha256=sha256, blob__isnull=False).values("version_id")
    return (
        ModelVersion.objects.filter(
            pk__in=holding, status=ModelVersion.Status.REGISTERED, model__in=access.visible_models(actor)
        )
        .select_related("model", "stage")
        .order_by("registered_at", "pk")
    )


def same_artifacts(version: ModelVersion, *, most: int = 5) -> list[ModelVersion]:
    """Return older registered versions of the model with exactly the same files, newest first.

    Their other declared fields differ; otherwise the declaration would have returned the existing version.

    Args:
        version: the version.
        most: maximum number of results.
    """
    files = {(a.path, a.sha256) for a in version.artifacts.all()}
    if not files:
        return []
    # Every candidate has the first file; the others are compared in Python.
    path, sha256 = min(files)
    alike = Artifact.objects.filter(path=path, sha256=sha256, version__model_id=version.model_id)
    older = (
        ModelVersion.objects.filter(
            pk__in=alike.values("version_id"), number__lt=version.number, status=ModelVersion.Status.REGISTERED
        )
        .select_related("model")
        .prefetch_related("artifacts")
        .order_by("-number")[: most * 4]
    )
    return [v for v in older if {(a.path, a.sha256) for a in v.artifacts.all()} == files][:most]
