"""Queries on versions: those of a model, one by its number, and what a reference means now or meant at a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db.models import Q, QuerySet

from audit.actor import Actor
from registry import access
from registry.access.visibility_sql import visibility_clause
from registry.exceptions import NotFoundError
from registry.models import (
    AliasAssignment,
    Artifact,
    ModelCard,
    ModelVersion,
    RegisteredModel,
    Stage,
    StageOccupancy,
)
from registry.models.joined_rows import JoinedRows
from registry.selectors.catalogue import model
from registry.selectors.contents import CARD_OF, CARDS

MAX_NUMBER: Final = 2**31 - 1
"""The largest number a version may have."""

# Conditions on a version v of a model m, used by every interface.
REGISTERED: Final = "v.status = 'registered'"
NEWEST: Final = "ORDER BY v.number DESC LIMIT 1"
POINTED_AT: Final = (
    "v.id = (SELECT x.version_id FROM registry_aliasassignment x WHERE x.model_id = m.id AND x.name = %(alias)s"
    " AND x.closed_at IS NULL)"
)

ALIASES_OF_VERSION: Final = (
    "ARRAY(SELECT a.name FROM registry_aliasassignment a WHERE a.version_id = v.id AND a.closed_at IS NULL ORDER BY 1)"
)
"""A column of a statement over a version v: the names of its current aliases."""

_VERSION = JoinedRows(
    ModelVersion,
    "v",
    (
        *("model__owner", "model__accountable_executive", "stage", "registered_by", "trained_by"),
        "registered_with__person",
    ),
    {"model": "m"},
)


def versions_of(model: RegisteredModel) -> QuerySet[ModelVersion]:
    """Return the versions of a model, newest first, with the relations that a list row shows."""
    return with_list_relations(ModelVersion.objects.filter(model=model).order_by("-number"))


def version_numbers(model: RegisteredModel) -> list[int]:
    """Return the numbers of the versions of a model, newest first."""
    return list(ModelVersion.objects.filter(model=model).order_by("-number").values_list("number", flat=True))


def all_versions() -> QuerySet[ModelVersion]:
    """Return all versions, for callers that filter by keys which they read from a visible list."""
    return ModelVersion.objects.all()


def with_list_relations(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """Join the relations that a list row shows."""
    return versions.select_related("model", "stage", "registered_by", "trained_by")


def version(actor: Actor, slug: str, number: int) -> ModelVersion:
    """Return a version by its model's slug and its number.

    Raises:
        NotFoundError: the model is absent or not visible, or has no such version.
        PermissionDeniedError: a token without `models:read`.
    """
    return visible_version(actor, reference_to_number(slug, number))[0]


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
    return visible_version(actor, parse_reference(reference))[0]


class VersionReference(NamedTuple):
    """A version of a model, by the condition that selects it."""

    slug: str
    """The model's slug."""
    condition: str
    """SQL over a version v of a model m in `stage`, with an order and a limit where several rows can match."""
    values: Mapping[str, Any]
    """The values of the condition's placeholders."""
    absent: str
    """The message if no version matches."""


def reference_to_number(slug: str, number: int) -> VersionReference:
    """Refer to a version by its number, registered or not."""
    condition = "v.number = %(number)s" if number <= MAX_NUMBER else "FALSE"
    return VersionReference(slug, condition, {"number": number}, f"{slug} has no version {number}.")


def parse_reference(reference: str) -> VersionReference:
    """Parse a reference in one of the three forms of `resolve`.

    Raises:
        NotFoundError: the text has none of the forms; the message lists them.
    """
    for mark in ("@", ":", "/"):
        slug, found, rest = reference.partition(mark)
        if found and slug and rest:
            break
    else:
        raise NotFoundError(f"“{reference}” is no reference: write model/7, model@champion or model:production.")
    what = {"/": "registered version", "@": "version with the alias", ":": "version in the stage"}[mark]
    absent = f"{slug} has no {what} “{rest}”."
    if mark == ":":
        return VersionReference(slug, f"{REGISTERED} AND stage.slug = %(stage)s {NEWEST}", {"stage": rest}, absent)
    if mark == "@":
        if rest.casefold() == "latest":
            return VersionReference(slug, f"{REGISTERED} {NEWEST}", {}, absent)
        return VersionReference(slug, f"{REGISTERED} AND {POINTED_AT}", {"alias": rest}, absent)
    if rest.isascii() and rest.isdecimal() and len(rest) <= 9:
        return VersionReference(slug, f"{REGISTERED} AND v.number = %(number)s", {"number": int(rest)}, absent)
    return VersionReference(slug, "FALSE", {}, absent)


def visible_version(
    actor: Actor, reference: VersionReference, columns: Sequence[str] = ()
) -> tuple[ModelVersion, tuple[Any, ...]]:
    """Return the version that a reference selects, with further columns, if the actor may see it. One prepared query.

    Args:
        actor: who reads.
        reference: the version.
        columns: SQL expressions over the version v and its model m.

    Returns:
        The version with its model, stage and people, and the values of `columns`.

    Raises:
        NotFoundError: there is no such version visible to the actor.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    access.require_scope(actor, "models:read")
    seen = visibility_clause(actor)
    found = _VERSION.fetch_with(
        columns,
        f"m.slug = %(slug)s AND v.deleted_at IS NULL AND {seen.condition} AND {reference.condition}",
        {"slug": reference.slug, **reference.values, **seen.parameters},
        beginning=f"WITH {seen.tables}",
    )
    if not found:
        model(actor, reference.slug)
        raise NotFoundError(reference.absent)
    return found[0]


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
    """Return the latest revision of a version's model card; None if there is none. One prepared query."""
    found = CARDS.fetch(CARD_OF.format("%(version)s"), {"version": version.pk})
    return found[0] if found else None


def versions_with_digest_prefix(actor: Actor, prefix: str) -> QuerySet[ModelVersion]:
    """Return the visible versions whose fingerprint, or one of whose files, has a digest that begins with `prefix`."""
    files = Artifact.objects.filter(sha256__startswith=prefix).values("version_id")
    return ModelVersion.objects.filter(
        Q(fingerprint__startswith=prefix) | Q(pk__in=files), model__in=access.visible_models(actor)
    ).select_related("model")


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
