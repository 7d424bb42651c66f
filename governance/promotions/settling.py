"""Settling: judge a live request on the facts of this moment, and carry out what follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.db.models import F

from audit import clock, prepared
from audit.actions import Action
from audit.actor import Actor, process
from audit.models import Event
from audit.recorder import Change, Thing
from governance import facts, packet
from governance.actions import (
    DECISION_LAPSED,
    PACKET_FROZEN,
    PACKET_OUTDATED,
    PROMOTION_BLOCKED,
    PROMOTION_BOUND,
    PROMOTION_EXPIRED,
    PROMOTION_PROMOTED,
    PROMOTION_READY,
    PROMOTION_REAPPROVED,
    PROMOTION_REOPENED,
    PROMOTION_SUPERSEDED,
)
from governance.checks import execution
from governance.documents import freezing
from governance.models import Decision, PromotionRequest, RequestPolicy
from governance.policies import DecisionFact, Demand, Facts, State, Verdict, verdict
from governance.promotions.binding import bind_policy
from governance.promotions.locks import Locked, lock
from governance.promotions.places import is_held, requests_that_lost_their_place
from governance.promotions.recording import record, refuse_closed, refuse_stale
from registry import access, selectors, stage_writer
from registry.exceptions import NotNow
from registry.models import ModelVersion
from registry.selectors import Contents
from registry.services.version_lock import lock_version

GATE = process("gate")
"""Who acts when the gate itself does: a request that became ready, blocked, expired or superseded by the facts."""

_OTHERS = f"""
    SELECT r.id FROM governance_promotionrequest r JOIN registry_modelversion v ON v.id = r.version_id
     WHERE r.model_id = %(model)s AND r.state IN {PromotionRequest.LIVE!r} AND v.number < %(number)s
       AND r.target_stage_id IS NOT DISTINCT FROM %(stage)s AND r.target_alias = %(alias)s
     ORDER BY r.id"""  # noqa: S608 - names of ours
_STATE_ACTIONS = {
    State.BLOCKED: PROMOTION_BLOCKED,
    State.READY: PROMOTION_READY,
    State.OPEN: PROMOTION_REOPENED,
}


@transaction.atomic
def settle(request_id: int, *, actor: Actor = GATE, touched: bool = False) -> PromotionRequest:
    """Judge a request again and do what follows: move the version, block, lapse decisions, expire. Idempotent: where
    nothing changed, nothing is written. `touched`: the caller changed something that belongs to the request, in this
    transaction and with an event about it, so readers of its page must see a new revision. Raises NotFound for an
    unknown number."""
    locked = lock(request_id)
    settle_locked(locked, actor=actor, touched=touched)
    return locked.request


def refresh(version: ModelVersion, *, actor: Actor) -> None:
    """A version's evidence changed: bind its live requests to it anew. Call inside the transaction of the change."""
    _, version = lock_version(version)
    live = PromotionRequest.objects.filter(version=version, state__in=PromotionRequest.LIVE).order_by("pk")
    for number in live.values_list("pk", flat=True):
        settle_locked(lock(number), actor=actor)


@transaction.atomic
def promote(*, actor: Actor, request: PromotionRequest, expected_revision: int | None = None) -> PromotionRequest:
    """Carry out a request that its policy holds when ready (`on_ready: hold`). Judges again, here and now.

    Args:
        expected_revision: the revision the caller read; None where they do not mind what changed since.

    Raises NotNow, with the unmet requirements, where it is not ready or was closed; StaleRevision.
    """
    locked = lock(request.pk)
    access.require(actor, access.Permission.REQUEST_PROMOTION, locked.model)
    access.require_scope(actor, "promotions:execute")
    refuse_closed(locked.request)
    refuse_stale(locked.request, expected_revision)
    judged = judge(locked, actor=GATE)
    if judged is None or judged.verdict.state is not State.READY:
        unmet = judged.verdict.unmet if judged is not None else ()
        raise NotNow(
            f"Request #{request.pk} is not ready: " + ("; ".join(r.title for r in unmet) or "it was closed") + ".",
            code="not_ready",
            requirements=unmet,
        )
    if locked.request.is_live:
        carry_out(locked, actor=actor, contents=judged.contents)
    return locked.request


@dataclass(frozen=True)
class Judged:
    """What a judgement found: the verdict, the facts under it, what the version and its champion consist of, and,
    where it was needed, the packet as it is now."""

    verdict: Verdict
    facts: Facts
    contents: Contents
    shown: packet.Shown | None


def settle_locked(locked: Locked, *, actor: Actor, touched: bool = False) -> Judged | None:
    """`settle` for a caller that holds the locks. None where the request is, or becomes, closed for another reason than
    a verdict."""
    judged = judge(locked, actor=actor, touched=touched)
    if judged is not None:
        _carry_out_if_due(locked, judged.verdict, judged.contents)
    return judged


def settle_decision(locked: Locked, judged: Judged, said: DecisionFact) -> None:
    """Settle after a decision that was just recorded. Under the locks nothing else has changed since `judged`, and a
    decision changes no packet: the verdict follows from the same facts and this one more."""
    document = facts.document_of(locked.request)
    assert document is not None  # whoever decided was called upon by it
    after = verdict(document, replace(judged.facts, decisions=(*judged.facts.decisions, said)))
    _record_state(locked, after, changed=True)
    _carry_out_if_due(locked, after, judged.contents)


def _carry_out_if_due(locked: Locked, judged: Verdict, contents: Contents) -> None:
    document = facts.document_of(locked.request)
    if judged.state is State.READY and document is not None and document.on_ready == "promote":
        carry_out(locked, actor=GATE, contents=contents)


def judge(locked: Locked, *, actor: Actor, touched: bool = False, for_decision: bool = False) -> Judged | None:
    """Judge, and write down what follows from it, short of moving anything.

    The packet and the reviewers are asked for only where they can matter: while a check is unanswered or unsatisfied
    and nobody has decided, neither changes the verdict. `for_decision`: somebody is deciding, so both matter.
    """
    request = locked.request
    document = facts.document_of(request)
    if not request.is_live or document is None:
        return None
    if request.expires_at is not None and clock.now() >= request.expires_at:
        close(locked, PromotionRequest.State.EXPIRED, PROMOTION_EXPIRED, actor=GATE, reason="its time ran out")
        return None
    if _overtaken(locked):
        return None
    rebound = _bind_policies(locked)
    rebound = _bind(locked, actor=actor) or rebound
    document = facts.document_of(request)
    assert document is not None  # it had one above, and policies are only added
    gone = _lapse_of_deactivated(locked)
    contents = facts.contents_of(request)
    planned = execution.plan(request, document, contents)
    queued = execution.apply(request, planned, actor=actor)
    inputs = {run.check_slug: run.inputs_digest for run in planned}
    runs = facts.latest_runs(request) if queued else {p.check_slug: p.latest for p in planned if p.latest is not None}
    found = facts.gather(request, document, runs, inputs, people=())
    judged = verdict(document, found)
    shown, lapsed = None, False
    if judged.review_open or found.decisions or for_decision:
        shown = packet.build(request, document, runs, inputs, contents)
        lapsed = bool(found.decisions) and _lapse(locked, shown.digest)
        standing = facts.decision_facts(request) if lapsed else found.decisions
        found = replace(found, reviewers=facts.reviewers(request, document), decisions=standing)
        judged = verdict(document, found)
    moved = _review_over(locked, shown if judged.review_open else None)
    _record_state(locked, judged, changed=touched or rebound or gone or bool(queued) or lapsed or moved)
    return Judged(judged, found, contents, shown)


def _overtaken(locked: Locked) -> bool:
    """Whether the version was moved since, so that what is asked for is no longer an allowed move, or so that it no
    longer holds the place in which it is to be approved again."""
    request = locked.request
    if request.reapproves_id is not None:
        if is_held(request, locked.version):
            return False
        _close_as_displaced(locked)
        return True
    if request.target_stage is None or locked.version.stage_id == request.source_stage_id:
        return False
    lawful = selectors.lifecycle().lawful(locked.version.stage.slug, request.target_stage.slug)
    if lawful:
        return False
    close(
        locked,
        PromotionRequest.State.SUPERSEDED,
        PROMOTION_SUPERSEDED,
        actor=GATE,
        reason=f"the version moved to {locked.version.stage.name} meanwhile",
    )
    return True


def _close_as_displaced(locked: Locked) -> None:
    close(
        locked,
        PromotionRequest.State.SUPERSEDED,
        PROMOTION_SUPERSEDED,
        actor=GATE,
        reason=f"the version no longer holds {locked.request.target_name}",
    )


def _bind_policies(locked: Locked) -> bool:
    """Bind the request to policies for what it has come to change: the version moved, or the alias came to represent a
    stage; and for the strictest tier the model had while it was open. Where no policy covers that, the verdict names
    it. A tier that lowers takes no policy away."""
    request, version = locked.request, locked.version
    demands = facts.demands_on(version, stage=request.target_stage, alias=request.target_alias)
    unmet = facts.unmet_demands(request, demands)
    found = facts.policies_for(unmet, locked.model.risk_tier)
    # Where a policy governs for that reason already, the revision that the request was bound to stays.
    held = {(bound.policy_revision.policy_id, bound.basis) for bound in request.governing}
    added = [
        bind_policy(locked, revision, RequestPolicy.Basis(demand.basis), actor=GATE)
        for demand, revision in found
        if revision is not None and (revision.policy_id, demand.basis) not in held
    ]
    return _bind_stricter_tier(locked, demands) or any(added)


def _bind_stricter_tier(locked: Locked, demands: Sequence[Demand]) -> bool:
    request = locked.request
    tiers = facts.tier_span(request)
    # Changes of a declared tier leave no assessment to compare with.
    if not tiers.has_tightened and locked.model.tier_basis_id is not None:
        return False
    held = {bound.policy_revision.policy_id for bound in request.governing}
    added = [
        bind_policy(locked, revision, RequestPolicy.Basis.TIER, actor=GATE)
        for _, revision in facts.policies_for(demands, tiers.strictest)
        if revision is not None and revision.policy_id not in held
    ]
    return any(added)


def _bind(locked: Locked, *, actor: Actor) -> bool:
    request, version = locked.request, locked.version
    if request.fingerprint == version.fingerprint:
        return False
    before, request.fingerprint = request.fingerprint, version.fingerprint
    request.save(update_fields=["fingerprint"])
    record(locked, PROMOTION_BOUND, actor=actor, changes=[Change("fingerprint", before, version.fingerprint)])
    return True


def _review_over(locked: Locked, shown: packet.Shown | None) -> bool:
    """Open review over a packet, or over a newer one, or close it (None); kept and recorded when it changes."""
    request = locked.request
    digest = shown.digest if shown is not None else ""
    if request.packet_digest == digest:
        return False
    change = Change("packet", request.packet_digest or None, digest or None)
    request.packet_digest = digest
    if shown is not None:
        packet.freeze(request, shown)
    record(locked, PACKET_FROZEN if shown is not None else PACKET_OUTDATED, actor=GATE, changes=[change])
    request.save(update_fields=["packet_digest"])
    return True


def _lapse(locked: Locked, digest: str) -> bool:
    """An approval belongs to what was seen: decisions over another packet than the one now under review lapse."""
    standing = Decision.objects.filter(request=locked.request, lapsed_at__isnull=True).exclude(packet_digest=digest)
    lapsing = list(standing.select_for_update(no_key=True, of=("self",)).select_related("person"))
    for decision in lapsing:
        _record_lapse(locked, decision, Change("packet", decision.packet_digest, digest))
    return bool(lapsing)


def _lapse_of_deactivated(locked: Locked) -> bool:
    """Lapse decisions of accounts that were deactivated since they signed. They count no more from that moment on;
    this puts it on record."""
    standing = Decision.objects.filter(
        request=locked.request, lapsed_at__isnull=True, person__deactivated_at__gte=F("signed_at")
    )
    lapsing = list(standing.select_for_update(no_key=True, of=("self",)).select_related("person"))
    for decision in lapsing:
        _record_lapse(locked, decision, Change("account", "active", "deactivated"))
    return bool(lapsing)


def _record_lapse(locked: Locked, decision: Decision, change: Change) -> None:
    event = record(
        locked,
        DECISION_LAPSED,
        actor=GATE,
        thing=Thing("decision", str(decision.uid)),
        changes=[change],
        data={"person": decision.person.uid, "outcome": decision.outcome},
    )
    decision.lapsed_at = clock.now()
    decision.lapsed_event = event.event_id
    decision.save(update_fields=["lapsed_at", "lapsed_event"])


def _record_state(locked: Locked, judged: Verdict, *, changed: bool) -> None:
    request = locked.request
    before, after = request.state, str(judged.state)
    if before == after and not changed:
        return
    request.state = after
    request.revision += 1
    if before != after:
        record(
            locked,
            _STATE_ACTIONS[judged.state],
            actor=GATE,
            changes=[Change("state", before, after)],
            data={"unmet": [r.id for r in judged.unmet]},
        )
    request.save(update_fields=["state", "revision"])


def carry_out(locked: Locked, *, actor: Actor, contents: Contents | None = None) -> None:
    """Move what was asked to move, at the end of a live request. `contents`: what was read under the same locks to
    judge it."""
    request = locked.request
    before = request.state
    request.state = PromotionRequest.State.PROMOTED
    request.closed_at = clock.now()
    request.revision += 1
    request.save(update_fields=["state", "closed_at", "revision"])
    carry_out_promoted(locked, before, actor=actor, contents=contents)


def carry_out_promoted(
    locked: Locked, before: str, *, actor: Actor, contents: Contents | None = None, following: Event | None = None
) -> None:
    """`carry_out` for a request that was kept as promoted already: a free move is made so, and `following` its event.
    The only caller of `registry.stage_writer` for governed moves."""
    request, version = locked.request, locked.version
    if request.reapproves is not None:
        _carry_out_reapproval(locked, request.reapproves, before, actor=actor, contents=contents)
        return
    if request.target_stage is not None:
        displaced = stage_writer.displaced_by(version, request.target_stage)
    elif request.policy_revision is None:
        displaced = request.champion  # a free move is carried out under the locks under which it was asked for
    else:
        displaced = stage_writer.alias_leaves(version, request.target_alias)
    outside = facts.aliases_outside_stage(request)
    event = record(
        locked,
        PROMOTION_PROMOTED,
        actor=actor,
        changes=[
            Change("state", before, request.state),
            Change("stage", version.stage.slug, request.target_stage.slug)
            if request.target_stage is not None
            else Change("alias", None, request.target_alias),
        ],
        related=[Thing("version", str(displaced.uid))] if displaced is not None else [],
        data={
            "number": request.pk,
            "fingerprint": version.fingerprint,
            "packet": request.packet_digest or None,
            "policy_digest": request.policy_revision.digest if request.policy_revision is not None else None,
            "policy_digests": request.policy_digests,
            **({"aliases_outside_stage": list(outside)} if outside else {}),
            "displaced": displaced.number if displaced is not None else None,
        },
        following=following,
    )
    if request.target_stage is not None:
        stage_writer.move(
            version=version, target=request.target_stage, event=event, promotion=request.uid, displaced=displaced
        )
    else:
        stage_writer.set_alias(version=version, name=request.target_alias, event=event, promotion=request.uid)
    if request.target_stage is not None and request.target_stage.protected:
        freezing.freeze(request, promoted=event, actor=actor, contents=contents)
    if request.policy_revision is not None:
        execution.cancel_unfinished(request, actor=GATE)
    _supersede_others(locked)
    _close_lost_reapprovals(locked, displaced)


def _carry_out_reapproval(
    locked: Locked, approved: PromotionRequest, before: str, *, actor: Actor, contents: Contents | None
) -> None:
    """Record the new approved fingerprint of a version in the place it holds. Nothing moves, so nobody's request is
    overtaken by it."""
    request, version = locked.request, locked.version
    event = record(
        locked,
        PROMOTION_REAPPROVED,
        actor=actor,
        changes=[
            Change("state", before, request.state),
            Change("approved_fingerprint", approved.fingerprint, version.fingerprint),
        ],
        related=[Thing("promotion", str(approved.uid))],
        data={
            "number": request.pk,
            "reapproves": approved.pk,
            "fingerprint": version.fingerprint,
            "packet": request.packet_digest or None,
            "policy_digest": request.policy_revision.digest if request.policy_revision is not None else None,
        },
    )
    if request.target_stage is not None:
        stage_writer.renew(version=version, stage=request.target_stage, event=event, promotion=request.uid)
        freezing.freeze(request, promoted=event, actor=actor, contents=contents)
    else:
        stage_writer.set_alias(version=version, name=request.target_alias, event=event, promotion=request.uid)
    execution.cancel_unfinished(request, actor=GATE)


def _close_lost_reapprovals(locked: Locked, displaced: ModelVersion | None) -> None:
    """Close the requests to approve a version again in a place that it, or what it displaced, has just left."""
    request = locked.request
    leaves = request.target_stage is not None and request.source_stage.protected
    if not leaves and (displaced is None or request.policy_revision is None):
        return  # no protected place was left
    versions = [locked.version, *([displaced] if displaced is not None else [])]
    for number in requests_that_lost_their_place(versions):
        _close_as_displaced(lock(number))


def _supersede_others(locked: Locked) -> None:
    """Older versions that wait for the same place were overtaken: promoting one of them now would be a step back that
    nobody asked for in those words."""
    request = locked.request
    if request.target_stage is not None and not request.target_stage.exclusive:
        return
    others = prepared.fetch(
        _OTHERS,
        {
            "model": request.model_id,
            "stage": request.target_stage_id,
            "alias": request.target_alias,
            "number": locked.version.number,
        },
    )
    for (number,) in others:
        other = lock(number)
        close(
            other,
            PromotionRequest.State.SUPERSEDED,
            PROMOTION_SUPERSEDED,
            actor=GATE,
            reason=f"version {locked.version.number} took its place by request #{request.pk}",
        )


def close(locked: Locked, state: str, action: Action, *, actor: Actor, reason: str) -> None:
    """End a live request without moving anything."""
    request = locked.request
    before = request.state
    request.state = state
    request.closed_at = clock.now()
    request.revision += 1
    request.save(update_fields=["state", "closed_at", "revision"])
    record(locked, action, actor=actor, changes=[Change("state", before, state)], reason=reason)
    execution.cancel_unfinished(request, actor=GATE)
