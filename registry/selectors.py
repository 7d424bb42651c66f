"""Questions to the catalogue. What an actor may see is asked of `registry.access`; nothing here decides it anew."""

from datetime import datetime

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from audit.actor import Actor
from registry import access, stages
from registry.exceptions import NotFound
from registry.fingerprint import latest_evidence, latest_metrics
from registry.models import (
    OPEN,
    AliasAssignment,
    Artifact,
    ModelCard,
    ModelVersion,
    ProtectedAlias,
    RegisteredModel,
    Stage,
    StageMove,
    StageOccupancy,
)
from registry.rules import Faults

__all__ = [
    "alias_at",
    "card_of",
    "catalogue",
    "holding_digest",
    "in_stage_at",
    "is_protected_alias",
    "latest_evidence",
    "latest_metrics",
    "lifecycle",
    "model",
    "require_alias_name",
    "resolve",
    "version",
    "versions_of",
]


def catalogue(
    actor: Actor,
    *,
    words: str = "",
    tier: int | None = None,
    stage: str | None = None,
    owner: str | None = None,
    team: str | None = None,
    tag: tuple[str, str] | None = None,
    status: str = RegisteredModel.Status.ACTIVE,
) -> QuerySet[RegisteredModel]:
    """The models the actor may see, narrowed down; one query however many there are.

    Each comes with `latest_number` (of its newest registered version), `in_exclusive` (number of the version in the
    lifecycle's exclusive stage, such as Production) and its owner.

    Args:
        words: searched in names, titles, purpose and description; also a beginning of the name.
        tier: 1 to 3; 0 finds models without one.
        stage: slug of a stage that some version of the model is in.
        owner: uid of the owner.
        team: exact name.
        tag: a key and its value.
        status: "active", "archived"; empty for both.
    """
    found = access.visible_to(actor).select_related("owner")
    if status:
        found = found.filter(status=status)
    if words := words.replace("\x00", " ").strip()[:500]:
        vector = SearchVector("slug", "title", "purpose", "description", "team", config="english")
        found = found.annotate(_text=vector).filter(
            Q(_text=SearchQuery(words, search_type="websearch", config="english"))
            | Q(slug__icontains=words)
            | Q(title__icontains=words)
        )
    if tier is not None:
        found = found.filter(risk_tier=tier) if tier else found.filter(risk_tier__isnull=True)
    if stage is not None:
        held = StageOccupancy.objects.filter(OPEN, model_id=OuterRef("pk"), stage__slug=stage)
        found = found.filter(Exists(held))
    if owner is not None:
        found = found.filter(owner__uid=owner)
    if team is not None:
        found = found.filter(team=team)
    if tag is not None:
        found = found.filter(tags__contains={tag[0]: tag[1]})
    newest = ModelVersion.objects.filter(model_id=OuterRef("pk"), status=ModelVersion.Status.REGISTERED)
    exclusive = StageOccupancy.objects.filter(OPEN, model_id=OuterRef("pk"), exclusive=True)
    return found.annotate(
        latest_number=Subquery(newest.order_by("-number").values("number")[:1]),
        in_exclusive=Subquery(exclusive.order_by("-stage__position").values("version__number")[:1]),
    ).order_by("slug")


def model(actor: Actor, slug: str) -> RegisteredModel:
    """A model by its name. Raises NotFound, the same for absent and invisible; NotPermitted for a token that was not
    issued for reading models."""
    access.require_scope(actor, "models:read")
    found = access.visible_to(actor).select_related("owner", "accountable_executive").filter(slug=slug).first()
    if found is None:
        raise NotFound(access.absent_model(slug))
    return found


def versions_of(model: RegisteredModel) -> QuerySet[ModelVersion]:
    """The versions of a model, newest first, with what a row of a list shows."""
    rows = ModelVersion.objects.filter(model=model).order_by("-number")
    return rows.select_related("model", "stage", "registered_by", "trained_by")


def version(actor: Actor, slug: str, number: int) -> ModelVersion:
    """A version by its model's name and its number. Raises as `model` does."""
    found = versions_of(model(actor, slug)).select_related("registered_with__person").filter(number=number).first()
    if found is None:
        raise NotFound(f"{slug} has no version {number}.")
    return found


def resolve(actor: Actor, reference: str) -> ModelVersion:
    """The registered version a reference means now: `model/7` (a number), `model@champion` (an alias; `@latest` is the
    newest), `model:production` (the newest in a stage, by slug). Raises NotFound, saying the three forms; otherwise as
    `model` does."""
    for mark in ("@", ":", "/"):
        slug, found, rest = reference.partition(mark)
        if found and slug and rest:
            break
    else:
        raise NotFound(f"“{reference}” is no reference: write model/7, model@champion or model:production.")
    rows = versions_of(model(actor, slug)).filter(status=ModelVersion.Status.REGISTERED)
    if mark == "/":
        number = rest.isascii() and rest.isdecimal() and len(rest) <= 9
        rows = rows.filter(number=int(rest)) if number else rows.none()
    elif mark == ":":
        rows = rows.filter(stage__slug=rest)
    elif rest.casefold() != "latest":
        rows = rows.filter(
            pk__in=AliasAssignment.objects.filter(OPEN, model__slug=slug, name=rest).values("version_id")
        )
    pointed = rows.first()
    if pointed is None:
        what = {"/": "registered version", "@": "version with the alias", ":": "version in the stage"}[mark]
        raise NotFound(f"{slug} has no {what} “{rest}”.")
    return pointed


def in_stage_at(model: RegisteredModel, stage: Stage, moment: datetime) -> QuerySet[ModelVersion]:
    """The versions of a model that were in a stage at that moment, newest first."""
    held = StageOccupancy.objects.filter(_held_at(moment), model=model, stage=stage)
    return ModelVersion.objects.filter(pk__in=held.values("version_id")).order_by("-number")


def alias_at(model: RegisteredModel, name: str, moment: datetime) -> ModelVersion | None:
    """The version an alias of a model pointed at at that moment."""
    held = AliasAssignment.objects.filter(_held_at(moment), model=model, name=name).select_related("version").first()
    return held.version if held is not None else None


def _held_at(moment: datetime) -> Q:
    return Q(opened_at__lte=moment) & (Q(closed_at__isnull=True) | Q(closed_at__gt=moment))


def card_of(version: ModelVersion) -> ModelCard | None:
    """The latest revision of a version's model card."""
    return ModelCard.objects.filter(version=version).order_by("-revision").first()


def holding_digest(actor: Actor, sha256: str) -> QuerySet[ModelVersion]:
    """The registered versions the actor may see that contain a file with this digest, oldest first."""
    holding = Artifact.objects.filter(sha256=sha256, blob__isnull=False).values("version_id")
    return (
        ModelVersion.objects.filter(
            pk__in=holding, status=ModelVersion.Status.REGISTERED, model__in=access.visible_to(actor)
        )
        .select_related("model", "stage")
        .order_by("registered_at", "pk")
    )


def lifecycle() -> stages.Lifecycle:
    """The lifecycle in force, as a value. Two queries."""
    rows = Stage.objects.select_related("displaced_to").order_by("position")
    return stages.lifecycle(
        [
            stages.StageSpec(
                name=row.name,
                slug=row.slug,
                position=row.position,
                initial=row.initial,
                exclusive=row.exclusive,
                protected=row.protected,
                protected_exit=row.protected_exit,
                displaced_to=row.displaced_to.slug if row.displaced_to is not None else None,
            )
            for row in rows
        ],
        StageMove.objects.values_list("source__slug", "target__slug"),
    )


def is_protected_alias(name: str) -> bool:
    """Whether the alias moves by promotion request only."""
    return ProtectedAlias.objects.filter(name=name).exists()


def require_alias_name(name: str) -> str:
    """Raises InvalidInput, at /alias, for a name that cannot be an alias, and for one that is a protected alias but for
    its capitals: whoever reads “Champion” takes it for the champion."""
    faults = Faults()
    faults.alias("/alias", name)
    meant = ProtectedAlias.objects.filter(name__iexact=name).exclude(name=name).first()
    if meant is not None:
        faults.add("/alias", "looks_protected", f"Write “{meant.name}”, the protected alias, or choose another name.")
    faults.refuse()
    return name
