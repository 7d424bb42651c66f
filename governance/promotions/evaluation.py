"""Evaluate live requests on current facts and apply the result: change state, lapse decisions, promote, expire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import DatabaseError, transaction

from audit import clock
from audit.actor import Actor
from audit.recorder import Change
from governance.actions import (
    PACKET_FROZEN,
    PACKET_OUTDATED,
    PROMOTION_BLOCKED,
    PROMOTION_BOUND,
    PROMOTION_EXPIRED,
    PROMOTION_READY,
    PROMOTION_REOPENED,
    PROMOTION_SUPERSEDED,
)
from governance.checks import check_runs, planning
from governance.gate import gate_inputs, review_packet
from governance.gate.condition_facts import known_facts
from governance.gate.eligibility import get_involvement
from governance.models import PromotionRequest, RequestPolicy
from governance.policies import (
    DecisionFact,
    Demand,
    Facts,
    GateState,
    Verdict,
    applicable_rules,
    evaluate,
    facts_of_model,
)
from governance.promotions.binding import Bound, bind_policy
from governance.promotions.executing import GATE, close_as_displaced, close_request, execute_promotion
from governance.promotions.failures import cannot_execute, clear_failure, record_failure
from governance.promotions.lapsing import lapse_decisions, lapse_of_other_packets
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
    """Evaluate a request again and apply the result; on an unexpected error, block it with the reason.

    Idempotent. Database errors are raised, because the caller's transaction may be unusable; the Celery task retries.

    Args:
        request_id: number of the request.
        actor: who is recorded for changes of the fingerprint and for check runs.
        bump_revision: the caller changed something of the request in this transaction, with its own event; the request
            gets a new revision even if its state stays.

    Returns:
        The request after the evaluation.

    Raises:
        NotFoundError: there is no such request.
    """
    try:
        return _settle(request_id, actor=actor, bump_revision=bump_revision)
    except (NotFoundError, DatabaseError):
        raise
    except Exception as error:
        return record_failure(request_id, error)


@transaction.atomic
def _settle(request_id: int, *, actor: Actor, bump_revision: bool) -> PromotionRequest:
    """Lock and evaluate a request in one transaction; see `reevaluate`."""
    locked = lock_promotion(request_id)
    reevaluate_locked(locked, actor=actor, bump_revision=bump_revision)
    return locked.request


def rebind_requests(version: ModelVersion, *, actor: Actor) -> None:
    """Bind a version's live requests to its new fingerprint. Call inside the transaction that changes its evidence.

    Args:
        version: the version whose evidence changed.
        actor: who changed it.
    """
    _, version = lock_version(version)
    live = PromotionRequest.objects.filter(version=version, state__in=PromotionRequest.LIVE).order_by("pk")
    for number in live.values_list("pk", flat=True):
        reevaluate(number, actor=actor)


@transaction.atomic
def promote(*, actor: Actor, request: PromotionRequest, expected_revision: int | None = None) -> PromotionRequest:
    """Promote a request that its policy holds when ready (`on_ready: hold`). Evaluates it again first.

    Args:
        actor: who releases it; needs REQUEST_PROMOTION and, with a token, the scope `promotions:execute`.
        request: the promotion request.
        expected_revision: the revision the caller read; None to accept any.

    Returns:
        The request after promotion.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor lacks permission or scope.
        InvalidStateError: the request is closed, not ready (with the unmet requirements), or could not be executed.
        StaleRevisionError: the request is not in `expected_revision`.
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
    """Result of an evaluation: verdict, facts, contents of version and champion, and the current packet if it was
    needed.
    """

    verdict: Verdict
    facts: Facts
    contents: VersionContents
    shown: review_packet.ReviewPacket | None


def reevaluate_locked(locked: LockedPromotion, *, actor: Actor, bump_revision: bool = False) -> Evaluation | None:
    """Evaluate a locked request and promote it if it is due.

    Args:
        locked: the request, its version and its model, locked.
        actor: who is recorded for changes of the fingerprint and for check runs.
        bump_revision: as `bump_revision` of `reevaluate`.

    Returns:
        The evaluation; None if the request is closed, or was closed as expired or superseded.
    """
    had_failed = locked.request.state == PromotionRequest.State.BLOCKED
    judged = evaluate_locked(locked, actor=actor, bump_revision=bump_revision)
    if judged is not None:
        _carry_out_if_due(locked, judged.verdict, judged.contents)
    if had_failed:
        clear_failure(locked.request)
    return judged


def evaluate_decision(locked: LockedPromotion, judged: Evaluation, decision: DecisionFact) -> None:
    """Apply a decision that was just recorded.

    Nothing else changed under the locks since `judged`, and a decision does not change the packet, so the verdict
    follows from the same facts and this decision.

    Args:
        locked: the request, its version and its model, locked.
        judged: the evaluation made for the decision.
        decision: the decision.
    """
    document = gate_inputs.get_policy_document(locked.request)
    assert document is not None  # only a reviewer required by the policy can decide
    after = evaluate(document, replace(judged.facts, decisions=(*judged.facts.decisions, decision)))
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
    """Return whether the request is promoted now without a person's command."""
    document = gate_inputs.get_policy_document(locked.request)
    return judged.state is GateState.READY and document is not None and document.on_ready == "promote"


def evaluate_locked(
    locked: LockedPromotion, *, actor: Actor, bump_revision: bool = False, for_decision: bool = False
) -> Evaluation | None:
    """Evaluate a locked request and record the result, without promoting.

    Packet and reviewers are read only if they can change the verdict: not while a check is incomplete or unsatisfied
    and there is no decision.

    Args:
        locked: the request, its version and its model, locked.
        actor: who is recorded for changes of the fingerprint and for check runs.
        bump_revision: as `bump_revision` of `reevaluate`.
        for_decision: always build the packet and read the reviewers, because a person is deciding.

    Returns:
        The evaluation; None if the request is closed, or was closed as expired or superseded.
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
    assert document is not None  # checked above, and policies are only added
    gone = lapse_decisions(locked, document)
    contents = gate_inputs.contents_of(request)
    planned = planning.plan(request, document, contents)
    # A check whose condition is false is not run.
    applying = {rule.check for rule in applicable_rules(document, known_facts(request, document)).checks}
    wanted = [run for run in planned if run.check_slug in applying]
    queued = check_runs.queue_planned_runs(request, wanted, actor=actor)
    inputs = {run.check_slug: run.inputs_digest for run in planned}
    runs = (
        gate_inputs.latest_runs(request)
        if queued
        else {p.check_slug: p.latest for p in planned if p.latest is not None}
    )
    uncounted = planning.uncounted(planned)
    found = gate_inputs.collect_facts(request, document, runs, inputs, people=(), uncounted=uncounted)
    judged = evaluate(document, found)
    shown, lapsed = None, False
    if judged.review_open or found.decisions or for_decision:
        involved = get_involvement(request)
        shown = review_packet.build(request, document, runs, inputs, contents, involved)
        lapsed = bool(found.decisions) and lapse_of_other_packets(locked, shown.digest)
        decisions = gate_inputs.decision_facts(request) if lapsed else found.decisions
        found = replace(found, reviewers=gate_inputs.reviewers(request, document, involved), decisions=decisions)
        judged = evaluate(document, found)
    moved = _sync_review_packet(locked, shown if judged.review_open else None)
    _record_state(locked, judged, changed=bump_revision or rebound or gone or bool(queued) or lapsed or moved)
    return Evaluation(judged, found, contents, shown)


def _close_if_superseded(locked: LockedPromotion) -> bool:
    """Close the request if its transition is no longer allowed, or if its version lost the place to be approved
    again.
    """
    request = locked.request
    if request.reapproves_id is not None:
        if is_held(request, locked.version):
            return False
        close_as_displaced(locked)
        return True
    if request.target_stage is None or locked.version.stage_id == request.source_stage_id:
        return False
    is_allowed = selectors.lifecycle().is_allowed(locked.version.stage.slug, request.target_stage.slug)
    if is_allowed:
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
    """Bind the request to the policies for changes that came up while it was open, and for the model's strictest tier.

    The version may have changed stage, or the alias may represent another stage. The verdict names changes without a
    policy. A less strict tier removes no policy.
    """
    request, version = locked.request, locked.version
    demands = gate_inputs.demands_on(version, stage=request.target_stage, alias=request.target_alias)
    unmet = gate_inputs.unmet_demands(request, demands)
    found = gate_inputs.policies_for(unmet, facts_of_model(locked.model))
    # A policy that governs on the same basis already keeps the revision that the request was bound to.
    held = {(bound.policy_revision.policy_id, bound.basis) for bound in request.governing}
    added = [
        bind_policy(locked, Bound(revision, RequestPolicy.Basis(demand.basis), reason), actor=GATE)
        for demand, revision, reason in found
        if revision is not None and (revision.policy_id, demand.basis) not in held
    ]
    stricter = _bind_stricter_tier(locked, demands)
    return _bind_changed_facts(locked, demands) or stricter or any(added)


def _bind_stricter_tier(locked: LockedPromotion, demands: Sequence[Demand]) -> bool:
    request = locked.request
    tiers = gate_inputs.tier_span(request)
    # Changes of a declared tier leave no assessment to compare with.
    if not tiers.has_tightened and locked.model.tier_basis_id is not None:
        return False
    facts = replace(facts_of_model(locked.model), tier=tiers.strictest)
    return _bind_others(locked, gate_inputs.policies_for(demands, facts), RequestPolicy.Basis.TIER)


def _bind_changed_facts(locked: LockedPromotion, demands: Sequence[Demand]) -> bool:
    """Bind the policies that govern the changes because facts of the model, other than its tier, are not those of the
    time of the request. A policy that came into force later binds only where no bound one covers the model any more.
    """
    request = locked.request
    facts = replace(facts_of_model(locked.model), tier=gate_inputs.tier_span(request).strictest)
    documents = [gate_inputs.parse_revision(bound.policy_revision) for bound in request.governing]
    found = [
        one
        for one in gate_inputs.policies_for(demands, facts)
        if one.revision is not None
        and (
            one.revision.term.starts_at <= request.created_at
            or not any(one.demand.met_by(document, facts) for document in documents)
        )
    ]
    return _bind_others(locked, found, RequestPolicy.Basis.FACTS)


def _bind_others(locked: LockedPromotion, found: Sequence[gate_inputs.Selected], basis: RequestPolicy.Basis) -> bool:
    held = {bound.policy_revision.policy_id for bound in locked.request.governing}
    added = [
        bind_policy(locked, Bound(one.revision, basis, one.reason), actor=GATE)
        for one in found
        if one.revision is not None and one.revision.policy_id not in held
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
    """Open the review on a packet, replace the packet, or close the review (None); store and record a change."""
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
