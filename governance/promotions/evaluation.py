"""Settling: judge a live request on the facts of this moment, and carry out what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import DatabaseError, transaction
from django.db.models import F

from audit import clock
from audit.actor import Actor
from audit.recorder import Change, ObjectRef
from governance.actions import (
    DECISION_LAPSED,
    PACKET_FROZEN,
    PACKET_OUTDATED,
    PROMOTION_BLOCKED,
    PROMOTION_BOUND,
    PROMOTION_EXPIRED,
    PROMOTION_READY,
    PROMOTION_REOPENED,
    PROMOTION_SUPERSEDED,
)
from governance.checks import check_runs
from governance.gate import gate_inputs, review_packet
from governance.gate.eligibility import get_involvement
from governance.models import Decision, PromotionRequest, RequestPolicy
from governance.policies import DecisionFact, Demand, Facts, GateState, Verdict, evaluate
from governance.promotions.binding import bind_policy
from governance.promotions.executing import GATE, close_as_displaced, close_request, execute_promotion
from governance.promotions.failures import cannot_execute, clear_failure, record_failure
from governance.promotions.locks import LockedPromotion, lock_promotion
from governance.promotions.places import is_held
from governance.promotions.recording import record_promotion_event, require_open, require_revision
from registry import access, selectors
from registry.exceptions import DomainError, InvalidStateError, NotFoundError
from registry.models import ModelVersion
from registry.selectors import VersionContents
from registry.services.version_lock import lock_version

_STATE_ACTIONS = {
    GateState.BLOCKED: PROMOTION_BLOCKED,
    GateState.READY: PROMOTION_READY,
    GateState.OPEN: PROMOTION_REOPENED,
}


def reevaluate(request_id: int, *, actor: Actor = GATE, bump_revision: bool = False) -> PromotionRequest:
    """Settle a request, as `_settle` does; where that fails, block it with the reason (`failures.record_failure`).
    Errors of the database are raised: the caller's transaction may be over, and its task is tried again.

    Raises:
        NotFound: for an unknown number.
    """
    try:
        return _settle(request_id, actor=actor, touched=bump_revision)
    except (NotFoundError, DatabaseError):
        raise
    except Exception as error:
        return record_failure(request_id, error)


@transaction.atomic
def _settle(request_id: int, *, actor: Actor, touched: bool) -> PromotionRequest:
    """Judge a request again and do what follows: move the version, block, lapse decisions, expire. Idempotent: where
    nothing changed, nothing is written. `touched`: the caller changed something that belongs to the request, in this
    transaction and with an event about it, so readers of its page must see a new revision. Raises NotFound for an
    unknown number."""
    locked = lock_promotion(request_id)
    reevaluate_locked(locked, actor=actor, touched=touched)
    return locked.request


def rebind_requests(version: ModelVersion, *, actor: Actor) -> None:
    """A version's evidence changed: bind its live requests to it anew. Call inside the transaction of the change."""
    _, version = lock_version(version)
    live = PromotionRequest.objects.filter(version=version, state__in=PromotionRequest.LIVE).order_by("pk")
    for number in live.values_list("pk", flat=True):
        reevaluate(number, actor=actor)


@transaction.atomic
def promote(*, actor: Actor, request: PromotionRequest, expected_revision: int | None = None) -> PromotionRequest:
    """Carry out a request that its policy holds when ready (`on_ready: hold`). Judges again, here and now.

    Args:
        expected_revision: the revision the caller read; None where they do not mind what changed since.

    Raises InvalidStateError, with the unmet requirements, where it is not ready or was closed; StaleRevisionError.
    """
    locked = lock_promotion(request.pk)
    access.require_permission(actor, access.Permission.REQUEST_PROMOTION, locked.model)
    access.require_scope(actor, "promotions:execute")
    require_open(locked.request)
    require_revision(locked.request, expected_revision)
    judged = evaluate_locked(locked, actor=GATE)
    if judged is None or judged.verdict.state is not GateState.READY:
        unmet = judged.verdict.unmet if judged is not None else ()
        raise InvalidStateError(
            f"Request #{request.pk} is not ready: " + ("; ".join(r.title for r in unmet) or "it was closed") + ".",
            code="not_ready",
            requirements=unmet,
        )
    if locked.request.is_live:
        try:
            execute_promotion(locked, actor=actor, contents=judged.contents)
        except (DomainError, DatabaseError):
            raise
        except Exception as error:
            raise cannot_execute(request, error) from error
    return locked.request


@dataclass(frozen=True)
class Evaluation:
    """What a judgement found: the verdict, the facts under it, what the version and its champion consist of, and,
    where it was needed, the packet as it is now."""

    verdict: Verdict
    facts: Facts
    contents: VersionContents
    shown: review_packet.ReviewPacket | None


def reevaluate_locked(locked: LockedPromotion, *, actor: Actor, touched: bool = False) -> Evaluation | None:
    """`settle` for a caller that holds the locks. None where the request is, or becomes, closed for another reason than
    a verdict."""
    had_failed = locked.request.state == PromotionRequest.State.BLOCKED
    judged = evaluate_locked(locked, actor=actor, touched=touched)
    if judged is not None:
        _carry_out_if_due(locked, judged.verdict, judged.contents)
    if had_failed:
        clear_failure(locked.request)
    return judged


def evaluate_decision(locked: LockedPromotion, judged: Evaluation, said: DecisionFact) -> None:
    """Settle after a decision that was just recorded. Under the locks nothing else has changed since `judged`, and a
    decision changes no packet: the verdict follows from the same facts and this one more."""
    document = gate_inputs.get_policy_document(locked.request)
    assert document is not None  # whoever decided was called upon by it
    after = evaluate(document, replace(judged.facts, decisions=(*judged.facts.decisions, said)))
    _record_state(locked, after, changed=True)
    if not _is_due(locked, after):
        return
    try:
        with transaction.atomic():
            execute_promotion(locked, actor=GATE, contents=judged.contents)
    except DatabaseError:
        raise
    except Exception as error:  # the decision stays; the request is blocked with the reason
        record_failure(locked.request.pk, error)
        locked.request.refresh_from_db(fields=["state", "revision", "closed_at"])


def _carry_out_if_due(locked: LockedPromotion, judged: Verdict, contents: VersionContents) -> None:
    if _is_due(locked, judged):
        execute_promotion(locked, actor=GATE, contents=contents)


def _is_due(locked: LockedPromotion, judged: Verdict) -> bool:
    """Whether the request is executed now, without a person's command."""
    document = gate_inputs.get_policy_document(locked.request)
    return judged.state is GateState.READY and document is not None and document.on_ready == "promote"


def evaluate_locked(
    locked: LockedPromotion, *, actor: Actor, touched: bool = False, for_decision: bool = False
) -> Evaluation | None:
    """Judge, and write down what follows from it, short of moving anything.

    The packet and the reviewers are asked for only where they can matter: while a check is unanswered or unsatisfied
    and nobody has decided, neither changes the verdict. `for_decision`: somebody is deciding, so both matter.
    """
    request = locked.request
    document = gate_inputs.get_policy_document(request)
    if not request.is_live or document is None:
        return None
    if request.expires_at is not None and clock.now() >= request.expires_at:
        close_request(locked, PromotionRequest.State.EXPIRED, PROMOTION_EXPIRED, actor=GATE, reason="its time ran out")
        return None
    if _close_if_superseded(locked):
        return None
    rebound = _bind_policies(locked)
    rebound = _rebind_fingerprint(locked, actor=actor) or rebound
    document = gate_inputs.get_policy_document(request)
    assert document is not None  # it had one above, and policies are only added
    gone = _lapse_of_deactivated(locked)
    contents = gate_inputs.contents_of(request)
    planned = check_runs.plan(request, document, contents)
    queued = check_runs.queue_planned_runs(request, planned, actor=actor)
    inputs = {run.check_slug: run.inputs_digest for run in planned}
    runs = (
        gate_inputs.latest_runs(request)
        if queued
        else {p.check_slug: p.latest for p in planned if p.latest is not None}
    )
    found = gate_inputs.collect_facts(request, document, runs, inputs, people=())
    judged = evaluate(document, found)
    shown, lapsed = None, False
    if judged.review_open or found.decisions or for_decision:
        involved = get_involvement(request)
        shown = review_packet.build(request, document, runs, inputs, contents, involved)
        lapsed = bool(found.decisions) and _invalidate_decisions(locked, shown.digest)
        standing = gate_inputs.decision_facts(request) if lapsed else found.decisions
        found = replace(found, reviewers=gate_inputs.reviewers(request, document, involved), decisions=standing)
        judged = evaluate(document, found)
    moved = _sync_review_packet(locked, shown if judged.review_open else None)
    _record_state(locked, judged, changed=touched or rebound or gone or bool(queued) or lapsed or moved)
    return Evaluation(judged, found, contents, shown)


def _close_if_superseded(locked: LockedPromotion) -> bool:
    """Whether the version was moved since, so that what is asked for is no longer an allowed move, or so that it no
    longer holds the place in which it is to be approved again."""
    request = locked.request
    if request.reapproves_id is not None:
        if is_held(request, locked.version):
            return False
        close_as_displaced(locked)
        return True
    if request.target_stage is None or locked.version.stage_id == request.source_stage_id:
        return False
    lawful = selectors.lifecycle().is_allowed(locked.version.stage.slug, request.target_stage.slug)
    if lawful:
        return False
    close_request(
        locked,
        PromotionRequest.State.SUPERSEDED,
        PROMOTION_SUPERSEDED,
        actor=GATE,
        reason=f"the version moved to {locked.version.stage.name} meanwhile",
    )
    return True


def _bind_policies(locked: LockedPromotion) -> bool:
    """Bind the request to policies for what it has come to change: the version moved, or the alias came to represent a
    stage; and for the strictest tier the model had while it was open. Where no policy covers that, the verdict names
    it. A tier that lowers takes no policy away."""
    request, version = locked.request, locked.version
    demands = gate_inputs.demands_on(version, stage=request.target_stage, alias=request.target_alias)
    unmet = gate_inputs.unmet_demands(request, demands)
    found = gate_inputs.policies_for(unmet, locked.model.risk_tier)
    # Where a policy governs for that reason already, the revision that the request was bound to stays.
    held = {(bound.policy_revision.policy_id, bound.basis) for bound in request.governing}
    added = [
        bind_policy(locked, revision, RequestPolicy.Basis(demand.basis), actor=GATE)
        for demand, revision in found
        if revision is not None and (revision.policy_id, demand.basis) not in held
    ]
    return _bind_stricter_tier(locked, demands) or any(added)


def _bind_stricter_tier(locked: LockedPromotion, demands: Sequence[Demand]) -> bool:
    request = locked.request
    tiers = gate_inputs.tier_span(request)
    # Changes of a declared tier leave no assessment to compare with.
    if not tiers.has_tightened and locked.model.tier_basis_id is not None:
        return False
    held = {bound.policy_revision.policy_id for bound in request.governing}
    added = [
        bind_policy(locked, revision, RequestPolicy.Basis.TIER, actor=GATE)
        for _, revision in gate_inputs.policies_for(demands, tiers.strictest)
        if revision is not None and revision.policy_id not in held
    ]
    return any(added)


def _rebind_fingerprint(locked: LockedPromotion, *, actor: Actor) -> bool:
    request, version = locked.request, locked.version
    if request.fingerprint == version.fingerprint:
        return False
    before, request.fingerprint = request.fingerprint, version.fingerprint
    request.save(update_fields=["fingerprint"])
    record_promotion_event(
        locked, PROMOTION_BOUND, actor=actor, changes=[Change("fingerprint", before, version.fingerprint)]
    )
    return True


def _sync_review_packet(locked: LockedPromotion, shown: review_packet.ReviewPacket | None) -> bool:
    """Open review over a packet, or over a newer one, or close it (None); kept and recorded when it changes."""
    request = locked.request
    digest = shown.digest if shown is not None else ""
    if request.packet_digest == digest:
        return False
    change = Change("packet", request.packet_digest or None, digest or None)
    request.packet_digest = digest
    if shown is not None:
        review_packet.freeze(request, shown)
    record_promotion_event(
        locked, PACKET_FROZEN if shown is not None else PACKET_OUTDATED, actor=GATE, changes=[change]
    )
    request.save(update_fields=["packet_digest"])
    return True


def _invalidate_decisions(locked: LockedPromotion, digest: str) -> bool:
    """An approval belongs to what was seen: decisions over another packet than the one now under review lapse."""
    standing = Decision.objects.filter(request=locked.request, lapsed_at__isnull=True).exclude(packet_digest=digest)
    lapsing = list(standing.select_for_update(no_key=True, of=("self",)).select_related("person"))
    for decision in lapsing:
        _record_lapse(locked, decision, Change("packet", decision.packet_digest, digest))
    return bool(lapsing)


def _lapse_of_deactivated(locked: LockedPromotion) -> bool:
    """Lapse decisions of accounts that were deactivated since they signed. They count no more from that moment on;
    this puts it on record."""
    standing = Decision.objects.filter(
        request=locked.request, lapsed_at__isnull=True, person__deactivated_at__gte=F("signed_at")
    )
    lapsing = list(standing.select_for_update(no_key=True, of=("self",)).select_related("person"))
    for decision in lapsing:
        _record_lapse(locked, decision, Change("account", "active", "deactivated"))
    return bool(lapsing)


def _record_lapse(locked: LockedPromotion, decision: Decision, change: Change) -> None:
    event = record_promotion_event(
        locked,
        DECISION_LAPSED,
        actor=GATE,
        thing=ObjectRef("decision", str(decision.uid)),
        changes=[change],
        data={"person": decision.person.uid, "outcome": decision.outcome},
    )
    decision.lapsed_at = clock.now()
    decision.lapsed_event = event.event_id
    decision.save(update_fields=["lapsed_at", "lapsed_event"])


def _record_state(locked: LockedPromotion, judged: Verdict, *, changed: bool) -> None:
    request = locked.request
    before, after = request.state, str(judged.state)
    if before == after and not changed:
        return
    request.state = after
    request.revision += 1
    if before != after:
        record_promotion_event(
            locked,
            _STATE_ACTIONS[judged.state],
            actor=GATE,
            changes=[Change("state", before, after)],
            data={"unmet": [r.id for r in judged.unmet]},
        )
    request.save(update_fields=["state", "revision"])
