"""Lapse decisions that do not count any more, and record why."""

from datetime import timedelta

from django.db.models import F, Q

from audit import clock
from audit.recorder import Change, ObjectRef
from governance.actions import DECISION_LAPSED
from governance.gate.finding_facts import late_conditions
from governance.models import Decision, Delegation
from governance.policies import PolicyDocument, approval_expiry
from governance.promotions.executing import GATE
from governance.promotions.locks import LockedPromotion
from governance.promotions.recording import record_promotion_event


def lapse_decisions(locked: LockedPromotion, document: PolicyDocument) -> bool:
    """Lapse the decisions of a request that stopped counting although the packet is the same.

    Args:
        locked: the request, its version and its model, locked.
        document: its combined policy.

    Returns:
        Whether any lapsed.
    """
    gone = [
        _lapse_of_deactivated(locked),
        _lapse_of_expired(locked, document),
        _lapse_of_ended_delegations(locked),
        _lapse_of_late_conditions(locked),
    ]
    return any(gone)


def lapse_of_other_packets(locked: LockedPromotion, digest: str) -> bool:
    """Lapse decisions on another packet than the one now under review.

    Args:
        locked: the request, its version and its model, locked.
        digest: the packet under review.

    Returns:
        Whether any lapsed.
    """
    valid = Decision.objects.filter(request=locked.request, lapsed_at__isnull=True).exclude(packet_digest=digest)
    lapsing = list(valid.select_for_update(no_key=True, of=("self",)).select_related("person"))
    for decision in lapsing:
        _record_lapse(locked, decision, Change("packet", decision.packet_digest, digest))
    return bool(lapsing)


def _lapse_of_deactivated(locked: LockedPromotion) -> bool:
    """Lapse decisions of accounts deactivated since they signed, or since someone signed in their place. They stopped
    counting then; this records it.
    """
    valid = Decision.objects.filter(
        Q(person__deactivated_at__gte=F("signed_at")) | Q(on_behalf_of__deactivated_at__gte=F("signed_at")),
        request=locked.request,
        lapsed_at__isnull=True,
    )
    lapsing = list(valid.select_for_update(no_key=True, of=("self",)).select_related("person"))
    for decision in lapsing:
        _record_lapse(locked, decision, Change("account", "active", "deactivated"))
    return bool(lapsing)


def _lapse_of_late_conditions(locked: LockedPromotion) -> bool:
    """Lapse approvals of which a condition is late. They stopped counting when it became late; this records it."""
    late = late_conditions([locked.request])
    if not late:
        return False
    valid = Decision.objects.filter(pk__in=late, lapsed_at__isnull=True)
    lapsing = list(valid.select_for_update(no_key=True, of=("self",)).select_related("person"))
    for decision in lapsing:
        _record_lapse(locked, decision, Change("condition", "open", "late"))
    return bool(lapsing)


def _lapse_of_expired(locked: LockedPromotion, document: PolicyDocument) -> bool:
    """Lapse approvals that are older than the policy accepts. They stopped counting then; this records it."""
    if document.approval_valid_days is None:
        return False
    valid = Decision.objects.filter(
        request=locked.request,
        lapsed_at__isnull=True,
        outcome=Decision.Outcome.APPROVE,
        signed_at__lte=clock.now() - timedelta(days=document.approval_valid_days),
    )
    lapsing = list(valid.select_for_update(no_key=True, of=("self",)).select_related("person"))
    for decision in lapsing:
        expiry = approval_expiry(decision.signed_at, document.approval_valid_days)
        assert expiry is not None
        _record_lapse(locked, decision, Change("valid_until", None, expiry.isoformat(timespec="seconds")))
    return bool(lapsing)


def _lapse_of_ended_delegations(locked: LockedPromotion) -> bool:
    """Lapse decisions by delegations that have ended. They stopped counting then; this records it, and both people can
    decide again. The other delegations are locked: none is revoked before this transaction ends.
    """
    now = clock.now()
    held = Delegation.objects.raw_filter(
        "id IN (SELECT delegation_id FROM governance_decision WHERE request_id = %(request)s AND lapsed_at IS NULL)"
        " ORDER BY id FOR SHARE",
        request=locked.request.pk,
    )
    ended = [delegation.pk for delegation in held if not delegation.is_in_effect(now)]
    if not ended:
        return False
    valid = Decision.objects.filter(request=locked.request, lapsed_at__isnull=True, delegation__in=ended)
    for decision in valid.select_for_update(no_key=True, of=("self",)).select_related("person"):
        _record_lapse(locked, decision, Change("delegation", "in_effect", "ended"))
    return True


def _record_lapse(locked: LockedPromotion, decision: Decision, change: Change) -> None:
    event = record_promotion_event(
        locked,
        DECISION_LAPSED,
        actor=GATE,
        target=ObjectRef("decision", str(decision.uid)),
        changes=[change],
        data={"person": decision.person.uid, "outcome": decision.outcome},
    )
    decision.lapsed_at = clock.now()
    decision.lapsed_event = event.event_id
    decision.save(update_fields=["lapsed_at", "lapsed_event"])
