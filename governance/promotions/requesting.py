"""Request a promotion."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from django.db import DatabaseError, transaction

from audit import clock, recorder
from audit.actor import Actor, ActorKind
from audit.recorder import Change, ObjectRef
from governance.actions import PROMOTION_REQUESTED
from governance.gate import gate_inputs, returning
from governance.models import PromotionRequest, RequestPolicy
from governance.policies import Basis, Demand, RequestKind, facts_of_model
from governance.promotions.binding import Bound, bind_first, refuse_conflicts
from governance.promotions.emergency_terms import EmergencyTerms, allowed_section, checked_terms, record_terms
from governance.promotions.evaluation import reevaluate_locked
from governance.promotions.executing import apply_promotion
from governance.promotions.failures import record_failure
from governance.promotions.locks import LockedPromotion
from governance.promotions.places import approval_to_renew
from governance.promotions.recording import kind_data
from registry import access, selectors, stages
from registry.exceptions import (
    ConflictError,
    FieldError,
    InvalidStateError,
    InvalidTransitionError,
    ValidationFailedError,
)
from registry.models import AccessToken, ModelVersion, RegisteredModel, Stage, User
from registry.services.version_lock import lock_version
from registry.validation import ErrorCollector

MAX_REASON = 5_000


@transaction.atomic
def request(
    *,
    actor: Actor,
    version: ModelVersion,
    target_stage: str | None = None,
    target_alias: str | None = None,
    reason: str,
    renew: bool = True,
    kind: str = RequestKind.ORDINARY,
    emergency: EmergencyTerms | None = None,
    requested_by: User | None = None,
) -> PromotionRequest:
    """Request that a version enter a stage or get an alias. Exactly one target is given.

    An ungoverned target is applied at once and the request is returned as promoted. Otherwise the request is live, with
    its checks queued, bound to the policy revisions in force and to the version's current fingerprint. A protected
    target that the version holds already can be requested again if its inputs deviate from the approved ones
    (`governance.promotions.places`).

    Args:
        actor: who requests; a person or a token.
        version: the version to promote.
        target_stage: slug of the stage; None for an alias.
        target_alias: the alias, without "@"; None for a stage.
        reason: why; part of what approvers sign.
        renew: whether a place the version holds can be requested again; False for protocols that repeat calls.
        kind: ordinary, or a rollback to inputs that were approved in the same place before
            (`governance.gate.returning`). An emergency change is requested by `request_emergency`.
        emergency: the terms of an emergency change.
        requested_by: the person for whom a process requests; they are excluded from approving as if they had.

    Returns:
        The promotion request.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor lacks REQUEST_PROMOTION.
        ValidationFailedError: unknown stage, not exactly one target, or an empty reason.
        InvalidTransitionError: the lifecycle does not allow the transition, or the version holds the target already.
        InvalidStateError: the version is still registering; the model is archived or, for a governed target, has no
            active owner or no tier; no policy covers the change; or a rollback is not possible.
        ConflictError: a live request for the same version and target exists (`existing`).
    """
    person, token = _requester(actor, requested_by)
    reason = _checked_reason(reason)
    kind = _checked_kind(kind)
    terms = checked_terms(emergency) if kind == RequestKind.EMERGENCY else None
    group = terms.confirming_group if terms is not None else ""
    model, version = lock_version(version)
    access.require_permission(actor, access.Permission.REQUEST_PROMOTION, model)
    stage, alias = _target(target_stage, target_alias)
    protected = selectors.is_alias_governed(alias) if stage is None else False
    if version.status != ModelVersion.Status.REGISTERED:
        raise InvalidStateError(
            f"Version {version.number} of {model.slug} is still registering: upload its files and complete it first.",
            code="version_registering",
        )
    if model.status == RegisteredModel.Status.ARCHIVED:
        raise InvalidStateError(
            f"{model.slug} is archived: take it back into use before anything of it is moved.", code="model_archived"
        )
    _refuse_second(version, stage, alias)
    there = stage is not None and version.stage_id == stage.pk
    may_renew = kind == RequestKind.ORDINARY and (stage.protected and there if stage is not None else protected)
    renewed = approval_to_renew(version, stage, alias) if renew and may_renew else None
    if renewed is None and stage is not None:
        if there:
            raise InvalidTransitionError(f"Version {version.number} is in {stage.name} already.", code="already_there")
        if stages.needs_promotion(version.stage, stage):  # an ungoverned transition is validated when it is applied
            selectors.require_allowed_transition(version.stage, stage)
    demands = gate_inputs.demands_on(version, stage=stage, alias=alias)
    governed = bool(demands)
    # The version to compare with, or to displace.
    champion = _champion(version, stage, alias) if renewed is None and (governed or alias) else None
    bound = _policies(model, demands) if governed else []
    section = allowed_section(bound, terms, stage.name if stage is not None else f"@{alias}") if terms else None
    refuse_conflicts([one.revision for one in bound], kind=kind, confirming_group=group)
    restored = _earlier(version, stage, alias, bound) if kind == RequestKind.ROLLBACK else None
    revision = bound[0].revision if bound else None
    now = clock.now()
    revisions = [one.revision for one in bound]
    document = gate_inputs.combined(revisions, kind=kind, confirming_group=group) if bound else None
    made = PromotionRequest(
        uid=uuid4(),
        model=model,
        version=version,
        source_stage=version.stage,
        target_stage=stage,
        target_alias=alias,
        champion=champion,
        reason=reason,
        policy_revision=revision,
        reapproves_id=renewed.request if renewed is not None else None,
        kind=kind,
        restores=restored,
        confirming_group=group,
        fingerprint=version.fingerprint,
        requested_by=person,
        requested_with=token,
        created_at=now,
        expires_at=now + timedelta(days=document.expires_after_days) if document is not None else None,
    )
    begins = made.state
    if document is None:  # an ungoverned change is applied before the request is visible
        made.state, made.closed_at, made.revision = PromotionRequest.State.PROMOTED, now, made.revision + 1
    made.save()
    event = recorder.record_event(
        PROMOTION_REQUESTED,
        actor=actor,
        target=ObjectRef("promotion", str(made.uid)),
        stream=f"model:{model.uid}",
        related_objects=[
            ObjectRef("version", str(version.uid)),
            ObjectRef("model", str(model.uid)),
            *([ObjectRef("promotion", str(renewed.request_uid))] if renewed is not None else []),
            *([ObjectRef("promotion", str(restored.uid))] if restored is not None else []),
        ],
        changes=[Change("state", None, begins)],
        data={
            "number": made.pk,
            "version": version.number,
            "from_stage": version.stage.slug,
            "to_stage": stage.slug if stage is not None else None,
            "to_alias": alias or None,
            "fingerprint": version.fingerprint,
            "policy_revision": str(revision.uid) if revision is not None else None,
            "policy_digest": revision.digest if revision is not None else None,
            "policies": [{"digest": one.revision.digest, "basis": str(one.basis)} for one in bound],
            **(
                {"reapproves": renewed.request, "approved_fingerprint": renewed.recorded} if renewed is not None else {}
            ),
            **kind_data(made),
        },
        reason=reason,
    )
    bind_first(made, bound, event=event)
    locked = LockedPromotion(made, version, model)
    if terms is not None and section is not None:
        record_terms(locked, terms, section, person=person, actor=actor)
    if document is None:
        apply_promotion(locked, begins, actor=actor, following=event)
    else:
        _settle_first(locked, actor=actor)
    return made


def _settle_first(locked: LockedPromotion, *, actor: Actor) -> None:
    """Evaluate a new request. On an unexpected error the request is kept, blocked with the reason."""
    try:
        with transaction.atomic():
            reevaluate_locked(locked, actor=actor)
    except DatabaseError:
        raise
    except Exception as error:
        record_failure(locked.request.pk, error)
        locked.request.refresh_from_db(fields=["state", "revision", "closed_at", "packet_digest", "fingerprint"])


def _checked_reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise ValidationFailedError(
            [FieldError("/reason", "required", "Give a reason: it is part of what the approvers sign.")]
        )
    faults = ErrorCollector()
    faults.clean_text("/reason", reason, MAX_REASON)
    faults.raise_if_any()
    return reason


def _requester(actor: Actor, requested_by: User | None) -> tuple[User, AccessToken | None]:
    """Return the person who requests, and the token; for a process the person for whom it requests."""
    if requested_by is not None and actor.kind is ActorKind.PROCESS:
        return requested_by, None
    return access.require_person_and_token(actor)


def _checked_kind(kind: str) -> RequestKind:
    try:
        return RequestKind(kind)
    except ValueError:
        known = ", ".join(RequestKind)
        raise ValidationFailedError([FieldError("/kind", "unknown_kind", f"Choose one of: {known}.")]) from None


def _earlier(version: ModelVersion, stage: Stage | None, alias: str, bound: Sequence[Bound]) -> PromotionRequest:
    """Return the promotion that a rollback restores.

    Raises:
        InvalidStateError: the version cannot return to the place by a rollback.
    """
    found = returning.earlier_approval(version, stage=stage, alias=alias)
    place = stage.name if stage is not None else f"@{alias}"
    refusal = returning.refusal_of_rollback(
        version, found, returning.entering_documents([(b.revision, b.basis) for b in bound]), place
    )
    if refusal is not None:
        raise refusal
    assert found is not None  # refused otherwise
    return found.request


def _target(stage_slug: str | None, alias: str | None) -> tuple[Stage | None, str]:
    if bool(stage_slug) == bool(alias):
        raise ValidationFailedError([FieldError("/target", "one_target", "Name one target: a stage or an alias.")])
    if stage_slug:
        stage = Stage.objects.raw_first("slug = %(slug)s", slug=stage_slug)
        if stage is None:
            known = ", ".join(Stage.objects.values_list("slug", flat=True))
            raise ValidationFailedError(
                [FieldError("/target/stage", "unknown_stage", f"Unknown stage; the stages are: {known}.")]
            )
        return stage, ""
    assert alias is not None
    return None, alias


def _refuse_second(version: ModelVersion, stage: Stage | None, alias: str) -> None:
    existing = PromotionRequest.objects.raw_first(
        f"version_id = %(version)s AND state IN {PromotionRequest.LIVE!r}"
        " AND target_stage_id IS NOT DISTINCT FROM %(stage)s AND target_alias = %(alias)s",
        version=version.pk,
        stage=stage.pk if stage is not None else None,
        alias=alias,
    )
    if existing is not None:  # a constraint allows one live request
        raise ConflictError(
            f"Request #{existing.pk} already asks for version {version.number} → {existing.target_name}: "
            "follow that one, or withdraw it first.",
            code="already_open",
            existing=existing,
        )


def _refuse_incomplete(model: RegisteredModel) -> None:
    """Refuse a model without an active owner or without a tier: no policy can be selected for it."""
    missing = []
    if model.owner is None:
        missing.append("has no owner")
    elif not model.owner.is_active:
        missing.append(f"has no active owner: {model.owner.name}'s account is deactivated")
    if model.risk_tier is None:
        missing.append("has no risk tier")
    if missing:
        raise InvalidStateError(
            f"{model.slug} {', and '.join(missing)}. A protected target needs both: name an owner on the model's page, "
            f"and assess the model for its tier, on its page or with `countersign assess {model.slug}`.",
            code="model_incomplete",
            who_can=access.names_who_can_assign(model),
        )


def _policies(model: RegisteredModel, demands: Sequence[Demand]) -> list[Bound]:
    """Return the revisions in force that govern a change, the primary one first."""
    _refuse_incomplete(model)
    found = gate_inputs.policies_for(demands, facts_of_model(model))
    missing = [demand for demand, revision, _ in found if demand.required and revision is None]
    bound = [
        Bound(revision, RequestPolicy.Basis(demand.basis), reason)
        for demand, revision, reason in found
        if revision is not None
    ]
    if missing or not bound:
        words = " and ".join(demand.words for demand in missing or demands)
        how = (
            " For leaving a stage, `applies_to` names it in `from`."
            if any(demand.basis is Basis.LEAVING for demand in missing)
            else ""
        )
        raise InvalidStateError(
            f"No policy in force covers {words} for a tier {model.risk_tier} model, and promotion needs one: "
            f"an officer must publish it.{how}",
            code="no_policy",
        )
    revisions = [one.revision for one in bound]
    if gate_inputs.requires_assessment(model, demands, gate_inputs.combined(revisions)):
        raise InvalidStateError(
            f"The risk tier of {model.slug}, {model.risk_tier}, was declared without answering the questionnaire, and "
            f"{' and '.join(demand.words for demand in demands if demand.basis is not Basis.LEAVING)} requires an "
            f"assessed tier: assess the model first, on its page or with `countersign assess {model.slug}`.",
            code="tier_not_assessed",
            who_can=access.names_who_can_assign(model),
        )
    return bound


def _champion(version: ModelVersion, stage: Stage | None, alias: str) -> ModelVersion | None:
    """Return the version that holds the target now."""
    if stage is not None:
        return selectors.version_in_stage(version.model_id, stage.pk, other_than=version.pk)
    held = selectors.version_at_alias(version.model_id, alias)
    if held is not None and held.pk == version.pk:
        raise InvalidTransitionError(f"@{alias} points at version {version.number} already.", code="already_there")
    return held
