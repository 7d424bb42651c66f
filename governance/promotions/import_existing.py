"""Record promotions from before governance: an imported version that was in a protected stage, or had a protected
alias, in its previous registry.

The result is a promotion request in the state promoted, marked `before_governance`, by a named officer with a reason.
It claims no policy, check or approval. Only what an import record states can be recorded, and only for a place that no
version holds here; database guards enforce that. Later promotions of the version follow the usual rules.
"""

from __future__ import annotations

from collections import deque
from uuid import uuid4

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor, ActorKind
from audit.recorder import Change, ObjectRef
from governance.actions import PROMOTION_ADOPTED
from governance.models import PromotionRequest
from registry import access, selectors, stage_transitions
from registry.exceptions import ConflictError, InvalidStateError, InvalidTransitionError, PermissionDeniedError
from registry.models import (
    IS_CURRENT,
    AliasAssignment,
    ImportRecord,
    ModelVersion,
    RegisteredModel,
    Stage,
    StageOccupancy,
)
from registry.services.version_lock import lock_version
from registry.stages import Lifecycle
from registry.validation import ErrorCollector

COMMAND = "command"
"""Authentication method of an actor who runs a command on the server; pages and tokens cannot record such a
promotion.
"""


@transaction.atomic
def record_pre_governance_promotion(
    *,
    actor: Actor,
    version: ModelVersion,
    target_stage: str | None = None,
    target_alias: str | None = None,
    reason: str,
) -> PromotionRequest:
    """Record that a version was in a protected stage, or had a protected alias, before it was imported.

    Args:
        actor: an officer who runs a command.
        version: the imported version.
        target_stage: slug of the protected stage; None for an alias.
        target_alias: the protected alias, without "@"; used if `target_stage` is None.
        reason: why; recorded in the event.

    Returns:
        The promotion request, promoted.

    Raises:
        PermissionDeniedError: the actor is not an officer who runs a command.
        InvalidStateError: no import record states it (`not_claimed`), the alias is not protected (`not_protected`), or
            the version has been promoted here (`governed_already`).
        ConflictError: a version here holds the stage or has had the alias (`place_taken`).
        InvalidTransitionError: no path of unprotected stages leads to the stage.
        ValidationFailedError: the reason is empty.
    """
    _require_officer(actor)
    person = access.require_person(actor)
    faults = ErrorCollector()
    reason = faults.reason(reason)
    faults.raise_if_any()
    model, version = lock_version(version)
    record = ImportRecord.objects.filter(version=version).first()
    stage = Stage.objects.get(slug=target_stage) if target_stage is not None else None
    alias = target_alias or ""
    way: list[Stage] = []
    if stage is not None:
        _require_claim(record, version, stage.name, claimed=record is not None and _same(record.stage, stage))
        way = _way(model, version, stage)
    else:
        _require_claim(record, version, f"@{alias}", claimed=record is not None and alias in record.aliases)
        _require_free_alias(model, alias)
    now = clock.now()
    made = PromotionRequest(
        uid=uuid4(),
        model=model,
        version=version,
        source_stage=version.stage,
        target_stage=stage,
        target_alias=alias,
        reason=reason,
        state=PromotionRequest.State.PROMOTED,
        before_governance=True,
        fingerprint=version.fingerprint,
        requested_by=person,
        created_at=now,
        closed_at=now,
    )
    made.save()
    assert record is not None  # checked by _require_claim
    event = recorder.record_event(
        PROMOTION_ADOPTED,
        actor=actor,
        target=ObjectRef("promotion", str(made.uid)),
        stream=f"model:{model.uid}",
        related_objects=[
            ObjectRef("version", str(version.uid)),
            ObjectRef("model", str(model.uid)),
            ObjectRef("import", str(record.uid)),
        ],
        changes=[
            Change("state", None, made.state),
            Change("stage", version.stage.slug, stage.slug) if stage is not None else Change("alias", None, alias),
        ],
        data={
            "number": made.pk,
            "version": version.number,
            "fingerprint": version.fingerprint,
            "before_governance": True,
            "through": [passed.slug for passed in way[:-1]],
        },
        reason=reason,
    )
    if stage is not None:
        stage_transitions.import_stage(version=version, way=way, event=event, promotion=made.uid)
    else:
        stage_transitions.import_alias(version=version, name=alias, event=event, promotion=made.uid)
    return made


def may_adopt(actor: Actor) -> bool:
    """Return whether the actor is an officer who runs a command."""
    return (
        actor.kind is ActorKind.PERSON
        and actor.auth == COMMAND
        and bool(access.check_org_permission(actor, access.OrgPermission.MANAGE_POLICIES))
    )


def _require_officer(actor: Actor) -> None:
    if actor.kind is not ActorKind.PERSON or actor.auth != COMMAND:
        raise PermissionDeniedError(
            "What was promoted before governance is recorded by the import command, run by a named officer.",
            code="import_only",
        )
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)


def _require_claim(record: ImportRecord | None, version: ModelVersion, target: str, *, claimed: bool) -> None:
    if record is None or not claimed:
        raise InvalidStateError(
            f"No import record states that version {version.number} of {version.model.slug} was in {target} before the "
            "import: request its promotion.",
            code="not_claimed",
        )


def _same(claimed: str, stage: Stage) -> bool:
    return claimed.casefold() == stage.name.casefold()


def _way(model: RegisteredModel, version: ModelVersion, target: Stage) -> list[Stage]:
    """Return the stages after the version's current one up to the target; all but the target are unprotected."""
    lifecycle = selectors.lifecycle()
    held = StageOccupancy.objects.filter(IS_CURRENT, model=model, stage=target).exclude(version=version)
    if target.exclusive and (holder := held.select_related("version").first()) is not None:
        raise ConflictError(
            f"Version {holder.version.number} of {model.slug} is in {target.name} here, which an import does not "
            "change: request the promotion of this version.",
            code="place_taken",
        )
    if StageOccupancy.objects.filter(version=version, promotion__isnull=False).exists():
        raise InvalidStateError(
            f"Version {version.number} of {model.slug} has been promoted here: request its next promotion here.",
            code="governed_already",
        )
    slugs = _shortest(lifecycle, version.stage.slug, target.slug)
    if slugs is None:
        raise InvalidTransitionError(
            f"No path of unprotected stages leads from {version.stage.name} to {target.name} in this lifecycle."
        )
    stages = {stage.slug: stage for stage in Stage.objects.filter(slug__in=slugs)}
    return [stages[slug] for slug in slugs]


def _shortest(lifecycle: Lifecycle, source: str, target: str) -> list[str] | None:
    waiting, seen = deque([[source]]), {source}
    while waiting:
        path = waiting.popleft()
        for stage in lifecycle.targets(path[-1]):
            if stage.slug == target:
                return [*path[1:], target]
            if stage.slug not in seen and not stage.exclusive and not lifecycle.needs_promotion(path[-1], stage.slug):
                seen.add(stage.slug)
                waiting.append([*path, stage.slug])
    return None


def _require_free_alias(model: RegisteredModel, alias: str) -> None:
    if not selectors.is_protected_alias(alias):
        raise InvalidStateError(f"@{alias} is not protected: set it like any other alias.", code="not_protected")
    if AliasAssignment.objects.filter(model=model, name=alias).exists():
        raise ConflictError(
            f"@{alias} of {model.slug} has been set here, which an import does not change: request its promotion.",
            code="place_taken",
        )
