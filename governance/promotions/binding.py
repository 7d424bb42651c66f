"""Which policy revisions a promotion request must satisfy: those at creation, and those added while it is open."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from audit import clock
from audit.actor import Actor
from audit.models import Event
from audit.recorder import Change, ObjectRef
from governance.actions import PROMOTION_POLICY_BOUND
from governance.gate import gate_inputs
from governance.models import PolicyRevision, PromotionRequest, RequestPolicy
from governance.policies import RequestKind, conflicts
from governance.promotions.locks import LockedPromotion
from governance.promotions.recording import record_promotion_event, require_open
from registry.exceptions import InvalidStateError


class Bound(NamedTuple):
    """A revision that governs a request, its basis, and why it governs and not another one that covers the change."""

    revision: PolicyRevision
    basis: RequestPolicy.Basis
    reason: str = ""


def bind_first(request: PromotionRequest, bound: Sequence[Bound], *, event: Event) -> None:
    """Store the revisions a request is made under, the primary one first. `event` is the one that opened it."""
    request.governing = tuple(_kept(request, one, event) for one in bound)


def bind_policy(locked: LockedPromotion, bound: Bound, *, actor: Actor) -> bool:
    """Add a policy revision to those a live request must satisfy, with its event.

    The packet names every revision, so approvals of a packet without this one lapse at the next evaluation, which the
    caller runs in the same transaction. The request only becomes stricter: its expiry is never extended.

    Args:
        locked: the request, its version and its model, locked.
        bound: the revision to add, with its policy joined, and why it governs the request.
        actor: who or what caused it.

    Returns:
        False if the revision governs the request on this basis already.

    Raises:
        InvalidStateError: the request is closed.
    """
    request = locked.request
    revision, basis, _ = bound
    require_open(request)
    if any((b.policy_revision_id, b.basis) == (revision.pk, basis) for b in request.governing):
        return False
    before = request.policy_digests
    event = record_promotion_event(
        locked,
        PROMOTION_POLICY_BOUND,
        actor=actor,
        related=[ObjectRef("policy_revision", str(revision.uid))],
        changes=[Change("policy_digests", before, [*before, revision.digest])],
        data={"policy": revision.policy.slug, "revision": revision.number, "digest": revision.digest, "basis": basis},
    )
    request.governing = (*request.governing, _kept(request, bound, event))
    expires = clock.now() + timedelta(days=gate_inputs.parse_revision(revision).expires_after_days)
    request.expires_at = min(request.expires_at, expires) if request.expires_at is not None else expires
    request.revision += 1
    request.save(update_fields=["expires_at", "revision"])
    return True


def refuse_conflicts(
    revisions: Sequence[PolicyRevision], *, kind: str = RequestKind.ORDINARY, confirming_group: str = ""
) -> None:
    """Refuse revisions that no request of a kind could satisfy together.

    Raises:
        InvalidStateError: two revisions require a check with parameters that one run cannot satisfy
            (`policies_conflict`).
    """
    if not revisions:
        return
    found = conflicts(gate_inputs.combined(revisions, kind=kind, confirming_group=confirming_group))
    if found:
        raise InvalidStateError(" ".join(rule.conflict for rule in found), code="policies_conflict")


def _kept(request: PromotionRequest, bound: Bound, event: Event) -> RequestPolicy:
    row = RequestPolicy(
        request=request,
        policy_revision=bound.revision,
        basis=bound.basis,
        reason=bound.reason[:500],
        added_at=event.happened_at,
        event=event.event_id,
    )
    row.save(force_insert=True)
    return row
