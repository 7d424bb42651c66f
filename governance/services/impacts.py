"""Impacts: what concerns an approval after the promotion is recorded once, and followed until it is settled."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from django.db import transaction

from audit import clock
from audit.actions import Action
from audit.actor import process
from audit.recorder import ObjectRef
from governance import promotions
from governance.actions import IMPACT_DELAYED, IMPACT_RECORDED, IMPACT_SETTLED
from governance.findings import open_finding
from governance.gate import approvals, gate_inputs
from governance.models import Finding, Impact, PromotionRequest
from governance.policies import facts_of_model
from governance.policies.after_promotion import Cause, Reaction, reaction_of
from governance.promotions.emergencies import holds_place
from governance.promotions.locks import LockedPromotion, lock_promotion
from governance.promotions.recording import record_promotion_event
from governance.services.impact_causes import Change, find_changes, held_approvals
from registry import selectors
from registry.exceptions import ConflictError, DomainError
from registry.models import Stage

log = logging.getLogger(__name__)

KEEPER: Final = process("impacts")
_NEEDS_APPROVAL: Final = (Impact.Consequence.REAPPROVAL, Impact.Consequence.DEMOTE)


def record_all() -> list[Impact]:
    """Record every cause that is new, each in its own transaction. Idempotent; called by beat.

    Returns:
        The impacts that were recorded.
    """
    known = set(Impact.objects.values_list("cause", "reference", "request_id"))
    open_inputs = set(
        Impact.objects.filter(cause=Impact.Cause.INPUTS_CHANGED, settled_at__isnull=True).values_list(
            "request_id", flat=True
        )
    )
    recorded = []
    for change in find_changes(held_approvals()):
        number = change.approval.request
        is_open = change.cause == Cause.INPUTS_CHANGED and number in open_inputs
        if (change.cause, change.reference, number) in known or is_open:
            continue
        made = _record(change)
        if made is not None:
            recorded.append(made)
    return recorded


@transaction.atomic
def _record(change: Change) -> Impact | None:
    """Lock the approval and record a cause; None if it was recorded meanwhile, or the place was left."""
    locked = lock_promotion(change.approval.request)
    request = locked.request
    same = Impact.objects.filter(cause=change.cause, reference=change.reference, request=request)
    if same.exists() or not holds_place(request):
        return None
    reaction = _reaction(request, change.cause)
    now = clock.now()
    due = now.date() + timedelta(days=reaction.within_days) if reaction.within_days is not None else None
    made = Impact(
        uid=uuid4(),
        cause=change.cause,
        reference=change.reference,
        model=locked.model,
        version=locked.version,
        request=request,
        place=change.approval.place,
        detail=change.detail,
        consequence=reaction.then,
        due=due,
        recorded_at=now,
    )
    _event(locked, made, IMPACT_RECORDED)
    if made.consequence == Impact.Consequence.FINDING:
        made.finding = _open_finding(locked, made)
    made.save(force_insert=True)
    return made


def _reaction(request: PromotionRequest, cause: str) -> Reaction:
    """Return the strictest reaction of the policies in force for the place, else of those that approved it."""
    stage, alias = request.target_stage, request.target_alias
    demands = gate_inputs.demands_on(request.version, stage=stage, alias=alias)
    facts = facts_of_model(request.model)
    revisions = [found[1] for found in gate_inputs.policies_for(demands, facts) if found[1] is not None]
    revisions += [bound.policy_revision for bound in request.governing]
    return reaction_of([gate_inputs.parse_revision(one).after_promotion for one in revisions], cause)


def _open_finding(locked: LockedPromotion, impact: Impact) -> Finding:
    return open_finding(
        actor=KEEPER,
        model=locked.model,
        version=locked.version,
        request=locked.request,
        source=Finding.Source.CHANGE,
        severity=Finding.Severity.HIGH,
        title=f"{impact.get_cause_display()}: v{locked.version.number} in {locked.request.target_name}"[:200],
        description=impact.detail,
        due=impact.due,
    )


def follow_all() -> None:
    """Follow every impact that is not settled: open what is asked, record what is overdue or settled. Idempotent."""
    rows = Impact.objects.filter(settled_at__isnull=True).order_by("pk").values_list("pk", flat=True)
    for key in list(rows):
        follow(key)


def follow(key: int) -> Impact:
    """Follow one impact.

    Args:
        key: primary key of the impact.

    Returns:
        The impact as it is now.
    """
    impact = _settle(key)
    if impact.settled_at is not None or impact.consequence not in _NEEDS_APPROVAL:
        return impact
    if impact.reapproval is None or not impact.reapproval.is_live:
        _attach(impact, "reapproval", _request_again(impact))
    late = impact.overdue_at is not None
    removable = impact.removal is None or not impact.removal.is_live
    if late and impact.consequence == Impact.Consequence.DEMOTE and removable:
        _attach(impact, "removal", _request_removal(impact))
    return impact


@transaction.atomic
def _settle(key: int) -> Impact:
    """Record that an impact is settled or overdue."""
    locked = lock_promotion(Impact.objects.get(pk=key).request_id)
    impact = Impact.objects.get_for_update(key)
    impact.request, impact.version, impact.model = locked.request, locked.version, locked.model
    if impact.settled_at is not None:
        return impact
    settlement = _settlement(locked, impact)
    if settlement:
        event = _event(locked, impact, IMPACT_SETTLED, settlement)
        impact.settled_at, impact.settlement = event, settlement
        impact.save(update_fields=["settled_at", "settlement"])
    elif impact.due is not None and impact.overdue_at is None and impact.due < clock.now().date():
        impact.overdue_at = _event(locked, impact, IMPACT_DELAYED)
        impact.save(update_fields=["overdue_at"])
    return impact


def _settlement(locked: LockedPromotion, impact: Impact) -> str:
    """Return how an impact is settled; empty while it is not."""
    request = locked.request
    if not holds_place(request):
        held = [one for one in approvals.approvals(locked.version) if one.place == impact.place]
        return f"approved again in #{held[0].request}" if held else f"the version left {request.target_name}"
    if impact.cause == Impact.Cause.INPUTS_CHANGED and locked.version.fingerprint == request.fingerprint:
        return "the inputs are the approved ones again"
    if impact.finding is not None and impact.finding.closed_at is not None:
        return f"finding {impact.finding.pk} is closed"
    return ""


def _event(locked: LockedPromotion, impact: Impact, action: Action, settlement: str = "") -> datetime:
    event = record_promotion_event(
        locked,
        action,
        actor=KEEPER,
        target=ObjectRef("impact", str(impact.uid)),
        data={
            "cause": str(impact.cause),
            "reference": impact.reference,
            "place": impact.place,
            "request": locked.request.pk,
            "approved_fingerprint": locked.request.fingerprint,
            "consequence": str(impact.consequence),
            "due": impact.due.isoformat() if impact.due is not None else None,
            "detail": impact.detail,
            **({"settlement": settlement} if settlement else {}),
        },
    )
    moment: datetime = event.happened_at
    return moment


def _request_again(impact: Impact) -> PromotionRequest | None:
    """Open the request to approve the version again in its place, in the name of the owner of the model."""
    request = impact.request
    return _request(
        impact,
        stage=request.target_stage,
        alias=request.target_alias,
        reason=f"{impact.get_cause_display()} after request #{request.pk}: {impact.detail}"[:2000],
    )


def _request_removal(impact: Impact) -> PromotionRequest | None:
    """Open the request to remove the version from its stage. An alias always points at a version, so it stays."""
    stage = impact.request.target_stage
    if stage is None:
        return None
    lifecycle = selectors.lifecycle()
    unprotected = [one.slug for one in lifecycle.targets(stage.slug) if not one.protected]
    target = stage.displaced_to or Stage.objects.filter(slug__in=unprotected).order_by("-position").first()
    if target is None:
        return None
    reason = f"It was not approved again in {stage.name} by {impact.due}. {impact.detail}"
    return _request(impact, stage=target, alias="", reason=reason[:2000])


def _request(impact: Impact, *, stage: Stage | None, alias: str, reason: str) -> PromotionRequest | None:
    owner = impact.model.active_owner
    if owner is None:
        return None
    try:
        return promotions.request(
            actor=KEEPER,
            version=impact.version,
            target_stage=stage.slug if stage is not None else None,
            target_alias=alias or None,
            reason=reason,
            requested_by=owner,
        )
    except ConflictError as conflict:
        existing = getattr(conflict, "existing", None)
        return existing if isinstance(existing, PromotionRequest) else None
    except DomainError as refusal:
        log.warning("what impact %d asks could not be requested: %s", impact.pk, refusal)
        return None


@transaction.atomic
def _attach(impact: Impact, name: str, request: PromotionRequest | None) -> None:
    """Store the request that was opened for an impact, with an event."""
    if request is None:
        return
    locked = lock_promotion(impact.request_id)
    row = Impact.objects.get_for_update(impact.pk)
    record_promotion_event(
        locked,
        IMPACT_RECORDED,
        actor=KEEPER,
        target=ObjectRef("impact", str(row.uid)),
        related=[ObjectRef("promotion", str(request.uid))],
        data={"cause": str(row.cause), "opened": name, "request": request.pk},
    )
    setattr(row, name, request)
    row.save(update_fields=[name])
    setattr(impact, name, request)
