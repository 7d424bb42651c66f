"""Promote a request whose requirements are satisfied, or close one without a transition.

The only caller of `registry.stage_transitions` for governed transitions. Callers hold the locks of the request.
"""

from __future__ import annotations

from datetime import timedelta

from audit import clock
from audit.actions import Action
from audit.actor import Actor, process
from audit.models import Event
from audit.postgresql import prepared_statements
from audit.recorder import Change, ObjectRef
from governance.actions import PROMOTION_PROMOTED, PROMOTION_REAPPROVED, PROMOTION_SUPERSEDED
from governance.checks import check_runs
from governance.documents import freezing
from governance.gate import gate_inputs
from governance.models import PromotionRequest
from governance.promotions import emergency_terms
from governance.promotions.locks import LockedPromotion, lock_promotion
from governance.promotions.places import requests_that_lost_their_place
from governance.promotions.recording import kind_data, record_promotion_event
from registry import stage_transitions
from registry.models import ModelVersion
from registry.selectors import VersionContents
from registry.services import reviews

GATE = process("gate")
"""The actor for changes that follow from facts, not from a person: ready, blocked, expired, superseded."""

_OTHERS = f"""
    SELECT r.id FROM governance_promotionrequest r JOIN registry_modelversion v ON v.id = r.version_id
     WHERE r.model_id = %(model)s AND r.state IN {PromotionRequest.LIVE!r} AND v.number < %(number)s
       AND r.target_stage_id IS NOT DISTINCT FROM %(stage)s AND r.target_alias = %(alias)s
     ORDER BY r.id"""  # noqa: S608 - names of ours


def execute_promotion(locked: LockedPromotion, *, actor: Actor, contents: VersionContents | None = None) -> None:
    """Mark a live request as promoted and apply its change.

    Args:
        locked: the request, its version and its model, locked.
        actor: who promotes.
        contents: contents of the version if already read under the same locks.
    """
    request = locked.request
    before = request.state
    request.state = PromotionRequest.State.PROMOTED
    request.closed_at = clock.now()
    request.revision += 1
    request.save(update_fields=["state", "closed_at", "revision"])
    apply_promotion(locked, before, actor=actor, contents=contents)


def apply_promotion(
    locked: LockedPromotion,
    before: str,
    *,
    actor: Actor,
    contents: VersionContents | None = None,
    following: Event | None = None,
) -> None:
    """Apply the change of a request that is stored as promoted: transition, alias or reapproval.

    Args:
        locked: the request, its version and its model, locked.
        before: the state of the request before promotion, for the event.
        actor: who promotes.
        contents: contents of the version if already read under the same locks.
        following: the event just recorded in the same transaction, which the new one follows.
    """
    request, version = locked.request, locked.version
    if request.reapproves is not None:
        _carry_out_reapproval(locked, request.reapproves, before, actor=actor, contents=contents)
        return
    if request.target_stage is not None:
        displaced = stage_transitions.get_displaced_version(version, request.target_stage)
    elif request.policy_revision is None:
        displaced = request.champion  # an ungoverned change is applied under the locks under which it was requested
    else:
        displaced = stage_transitions.get_current_alias_version(version, request.target_alias)
    outside = gate_inputs.aliases_outside_stage(request)
    event = record_promotion_event(
        locked,
        PROMOTION_PROMOTED,
        actor=actor,
        changes=[
            Change("state", before, request.state),
            Change("stage", version.stage.slug, request.target_stage.slug)
            if request.target_stage is not None
            else Change("alias", None, request.target_alias),
        ],
        related=[ObjectRef("version", str(displaced.uid))] if displaced is not None else [],
        data={
            "number": request.pk,
            "fingerprint": version.fingerprint,
            "packet": request.packet_digest or None,
            "policy_digest": request.policy_revision.digest if request.policy_revision is not None else None,
            "policy_digests": request.policy_digests,
            **({"aliases_outside_stage": list(outside)} if outside else {}),
            "displaced": displaced.number if displaced is not None else None,
            **kind_data(request),
        },
        following=following,
    )
    if request.target_stage is not None:
        stage_transitions.apply_transition(
            version=version, target=request.target_stage, event=event, promotion=request.uid, displaced=displaced
        )
    else:
        stage_transitions.set_alias(version=version, name=request.target_alias, event=event, promotion=request.uid)
    if request.target_stage is not None and request.target_stage.protected:
        freezing.freeze_document(request, promoted=event, actor=actor, contents=contents)
    if request.policy_revision is not None:
        check_runs.cancel_unfinished(request, actor=GATE)
    _set_next_review(locked)
    emergency_terms.start(locked, following=event)
    _supersede_others(locked)
    _close_lost_reapprovals(locked, displaced)


def _set_next_review(locked: LockedPromotion) -> None:
    """Bring the next review of the model forward to the time that the policies of the request set."""
    document = gate_inputs.get_policy_document(locked.request)
    if document is None or document.review_within_days is None:
        return
    request = locked.request
    reviews.advance(
        actor=GATE,
        model=locked.model,
        due=clock.now().date() + timedelta(days=document.review_within_days),
        because=ObjectRef("promotion", str(request.uid)),
        reason=f"request #{request.pk} was carried out under a policy with review_within_days",
    )


def _carry_out_reapproval(
    locked: LockedPromotion, approved: PromotionRequest, before: str, *, actor: Actor, contents: VersionContents | None
) -> None:
    """Record the new approved fingerprint of a version in the place it holds.

    No stage or alias changes, so no other request is superseded.
    """
    request, version = locked.request, locked.version
    event = record_promotion_event(
        locked,
        PROMOTION_REAPPROVED,
        actor=actor,
        changes=[
            Change("state", before, request.state),
            Change("approved_fingerprint", approved.fingerprint, version.fingerprint),
        ],
        related=[ObjectRef("promotion", str(approved.uid))],
        data={
            "number": request.pk,
            "reapproves": approved.pk,
            "fingerprint": version.fingerprint,
            "packet": request.packet_digest or None,
            "policy_digest": request.policy_revision.digest if request.policy_revision is not None else None,
        },
    )
    if request.target_stage is not None:
        stage_transitions.renew(version=version, stage=request.target_stage, event=event, promotion=request.uid)
        freezing.freeze_document(request, promoted=event, actor=actor, contents=contents)
    else:
        stage_transitions.set_alias(version=version, name=request.target_alias, event=event, promotion=request.uid)
    check_runs.cancel_unfinished(request, actor=GATE)
    _set_next_review(locked)


def _close_lost_reapprovals(locked: LockedPromotion, displaced: ModelVersion | None) -> None:
    """Close requests to reapprove a version in a place that it, or the displaced version, has just left."""
    request = locked.request
    leaves = request.target_stage is not None and request.source_stage.protected
    if not leaves and (displaced is None or request.policy_revision is None):
        return  # no protected place was left
    versions = [locked.version, *([displaced] if displaced is not None else [])]
    for number in requests_that_lost_their_place(versions):
        close_as_displaced(lock_promotion(number))


def _supersede_others(locked: LockedPromotion) -> None:
    """Close requests of older versions for the same target: they would replace this version by an older one."""
    request = locked.request
    if request.target_stage is not None and not request.target_stage.exclusive:
        return
    others = prepared_statements.execute_prepared(
        _OTHERS,
        {
            "model": request.model_id,
            "stage": request.target_stage_id,
            "alias": request.target_alias,
            "number": locked.version.number,
        },
    )
    for (number,) in others:
        other = lock_promotion(number)
        close_request(
            other,
            PromotionRequest.State.SUPERSEDED,
            PROMOTION_SUPERSEDED,
            actor=GATE,
            reason=f"version {locked.version.number} took its place by request #{request.pk}",
        )


def close_request(locked: LockedPromotion, state: str, action: Action, *, actor: Actor, reason: str) -> None:
    """Close a live request without a transition, record the event, and cancel its unfinished check runs.

    Args:
        locked: the request, its version and its model, locked.
        state: the closed state.
        action: the event action.
        actor: who closes it.
        reason: why; recorded in the event.
    """
    request = locked.request
    before = request.state
    request.state = state
    request.closed_at = clock.now()
    request.revision += 1
    request.save(update_fields=["state", "closed_at", "revision"])
    record_promotion_event(locked, action, actor=actor, changes=[Change("state", before, state)], reason=reason)
    check_runs.cancel_unfinished(request, actor=GATE)


def close_as_displaced(locked: LockedPromotion) -> None:
    """Close a live request for approval in a place that the version no longer holds."""
    close_request(
        locked,
        PromotionRequest.State.SUPERSEDED,
        PROMOTION_SUPERSEDED,
        actor=GATE,
        reason=f"the version no longer holds {locked.request.target_name}",
    )
