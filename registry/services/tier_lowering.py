"""Less strict risk tiers: one person assesses and proposes, a second person not involved in the model confirms.

Source: separation of duties in model risk management, SR 11-7, section V (validation independent of development and
use).
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from audit import clock, recorder
from audit import selectors as log
from audit.actor import Actor
from audit.recorder import Change, ObjectRef
from registry import access
from registry.actions import MODEL_TIER_LOWERED
from registry.exceptions import ConflictError, InvalidStateError
from registry.models import (
    AccessToken,
    Assessment,
    ChangeProposal,
    Grant,
    Membership,
    ModelVersion,
    RegisteredModel,
    User,
    active_grants_q,
)
from registry.models.joined_rows import JoinedRows
from registry.selectors import participation
from registry.services import assessments, change_kinds, change_proposals, questionnaires, tier_use


@transaction.atomic
def submit(
    *,
    actor: Actor,
    model: RegisteredModel,
    answers: Mapping[str, str],
    rationale: str,
    tier: int | None = None,
    override_reason: str = "",
    revision: int | None = None,
    expected_revision: int | None = None,
) -> Assessment | ChangeProposal:
    """Assess a model, or propose the assessment if the tier lowers: the tier in force applies until a second person
    confirms.

    Args and Raises: see `assessments.assess`, without "second_person_required"; and ConflictError ("already_proposed")
    if a tier is already proposed. If the instance declares a single officer, who is not involved in the model, the
    proposal is returned confirmed.

    Returns:
        The assessment, or the proposal.
    """
    prepared = assessments.prepare(
        actor=actor,
        model=model,
        answers=answers,
        rationale=rationale,
        tier=tier,
        override_reason=override_reason,
        revision=revision,
        expected_revision=expected_revision,
    )
    if not prepared.lowers:
        return assessments.write(prepared, actor=actor)
    row = prepared.model
    return change_proposals.propose(
        actor=actor,
        kind=TIER_LOWERING,
        subject=ObjectRef("model", str(row.uid)),
        model=row,
        title=f"Risk tier of {row.slug}: tier {prepared.strictest} → tier {prepared.tier}",
        payload={
            "tier": prepared.tier,
            "tier_before": row.risk_tier,
            "computed_tier": prepared.found.tier,
            "points": prepared.found.points,
            "answers": dict(prepared.answers),
            "rationale": prepared.rationale,
            "override_reason": prepared.override_reason,
            "questionnaire": prepared.published.number,
            "questionnaire_digest": prepared.published.digest,
            "assessment_before": _number_of(row.tier_basis),
            "model_revision": row.revision,
        },
        reason=(prepared.override_reason or prepared.rationale)[:5_000],
    )


_PROPOSAL = JoinedRows(ChangeProposal, "c", ("proposed_by",))


def proposed_for(model: RegisteredModel) -> ChangeProposal | None:
    """Return the open proposal of a less strict tier for a model, if there is one. One prepared query."""
    waiting = _PROPOSAL.fetch(
        "c.kind = %(kind)s AND c.model_id = %(model)s AND c.closed_at IS NULL AND c.expires_at > %(now)s"
        " ORDER BY c.id LIMIT 1",
        {"kind": TIER_LOWERING.name, "model": model.pk, "now": clock.now()},
    )
    return waiting[0] if waiting else None


def involved_people(model: RegisteredModel) -> dict[str, str]:
    """Return who may not confirm a less strict tier of a model, with the reason by uid.

    These are its owners, everyone who contributed to one of its versions, and the requesters of its live promotion
    requests, with the people behind their tokens.
    """
    found = dict.fromkeys(tier_use.requesters(model), "you are behind an open promotion request of the model")
    versions = ModelVersion.objects.filter(model=model).order_by("pk")
    for uids in versions.values_list("registered_by__uid", "trained_by__uid"):
        found |= dict.fromkeys(filter(None, uids), "you registered or trained a version of the model")
    for part in participation((key, key, None) for key in versions.values_list("pk", flat=True)).values():
        found |= dict.fromkeys([*part.contributed, *part.behind_tokens], "you had a part in a version of the model")
    found |= dict.fromkeys(_owners(model).values_list("uid", flat=True), "you own the model")
    return found


def _owners(model: RegisteredModel) -> QuerySet[User]:
    now = clock.now()
    roles = Grant.objects.filter(active_grants_q(now), Q(model=model) | Q(model__isnull=True), role=access.Role.OWNER)
    groups = roles.filter(group__isnull=False).values("group_id")
    return User.objects.filter(
        Q(pk=model.owner_id)
        | Q(pk__in=roles.filter(user__isnull=False).values("user_id"))
        | Q(pk__in=Membership.effective(now).filter(group_id__in=groups).values("user_id"))
    )


def _model_of(proposal: ChangeProposal) -> RegisteredModel:
    assert proposal.model is not None  # submit() sets it
    return proposal.model


def excluded(proposal: ChangeProposal) -> Mapping[str, str]:
    """Return why people may not confirm a change that loosens the policies of a model, by uid."""
    return involved_people(_model_of(proposal))


def confirmers(proposal: ChangeProposal) -> QuerySet[User]:
    """Return the officers and the reviewers of a model who had the role before the change was proposed."""
    deciders = access.users_with_permission(access.Permission.DECIDE, _model_of(proposal)).filter(
        pk__in=_with_earlier_role(proposal, access.roles_with(access.Permission.DECIDE))
    )
    officers = change_kinds.officers().filter(pk__in=_with_earlier_role(proposal, (access.Role.OFFICER,)))
    return User.objects.filter(Q(pk__in=deciders.values("pk")) | Q(pk__in=officers.values("pk")))


def _with_earlier_role(proposal: ChangeProposal, roles: Collection[access.Role]) -> set[int]:
    """Return the keys of those who had one of these roles before the change was proposed, granted by someone else.

    A role of a group counts if the group had it and the person was a member by then.
    """
    now, since, proposer = clock.now(), proposal.opened_at, proposal.proposed_by
    by = {proposer.uid, *AccessToken.objects.filter(person=proposer).values_list("uid", flat=True)}
    grants = Grant.objects.filter(
        active_grants_q(now), Q(model=proposal.model) | Q(model__isnull=True), role__in=roles, opened_at__lte=since
    ).exclude(granted_by__in=by)
    found = set(grants.filter(user__isnull=False).values_list("user_id", flat=True))
    groups = grants.filter(group__isnull=False).values("group_id")
    rows = list(
        Membership.effective(now)
        .filter(group_id__in=groups, opened_at__lte=since)
        .values_list("user_id", "opened_event", "proposed_by_id")
    )
    actors = log.actor_ids_by_event([event for _, event, _ in rows])
    return found | {user for user, event, suggested in rows if suggested != proposer.pk and actors.get(event) not in by}


def _set_tier(actor: Actor, proposal: ChangeProposal) -> list[ObjectRef]:
    """Write the proposed assessment. Raises a domain error if the model, questionnaire or proposer changed since
    the proposal.
    """
    payload: dict[str, Any] = proposal.payload
    model = RegisteredModel.objects.get_for_update(_model_of(proposal).pk)
    again = "Reject or withdraw this proposal, and assess the model again."
    if model.status == RegisteredModel.Status.ARCHIVED:
        raise InvalidStateError(f"{model.slug} is archived: take it back into use first.", code="model_archived")
    if (model.risk_tier, _number_of(model.tier_basis)) != (payload["tier_before"], payload["assessment_before"]):
        raise ConflictError(
            f"The tier of {model.slug} was changed since this was proposed. {again}", code="tier_changed"
        )
    found = questionnaires.in_force()
    if found is None or found[0].digest != payload["questionnaire_digest"]:
        raise ConflictError(
            f"Another revision of the questionnaire is in force than the one that was answered. {again}",
            code="questionnaire_changed",
        )
    proposer = proposal.proposed_by
    if not proposer.is_active:
        raise InvalidStateError(
            f"The account of {proposer.name}, who proposed this, is deactivated. {again}", code="inactive"
        )
    prepared = assessments.prepare_proposed(model, proposal, published=found[0], questionnaire=found[1])
    before = model.risk_tier
    made = assessments.write(prepared, actor=actor, proposal=proposal)
    agreed = [ObjectRef("assessment", str(made.uid)), ObjectRef("change_proposal", str(proposal.uid))]
    recorder.record_event(
        MODEL_TIER_LOWERED,
        actor=actor,
        target=ObjectRef("model", str(model.uid)),
        stream=f"model:{model.uid}",
        related_objects=agreed,
        changes=[Change("risk_tier", before, made.tier)],
        data={
            "assessment": made.number,
            "computed_tier": made.computed_tier,
            "proposed_by": proposer.uid,
            "single_officer": proposal.single_officer,
        },
    )
    return [ObjectRef("model", str(model.uid)), *agreed[:1]]


def _number_of(assessment: Assessment | None) -> int | None:
    return assessment.number if assessment is not None else None


NEEDED = "an officer or a reviewer of the model who is neither its owner, nor an author, nor a requester"

TIER_LOWERING = change_kinds.register_kind(
    change_kinds.ChangeKind(
        name="model.tier_lowering",
        label="Less strict risk tier",
        confirmers=confirmers,
        needed=NEEDED,
        apply=_set_tier,
        excluded=excluded,
    )
)
