"""Reminders and escalation of requests that wait for approvals, as their policies set them.

A step informs people by its event; it changes nothing about who may decide. The events of a request are the record of
the steps that were taken, so under the lock of the request each step is recorded once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from audit import clock, leaf
from audit.models import Event
from governance.actions import PROMOTION_ESCALATED, PROMOTION_REMINDED
from governance.gate import gate_inputs
from governance.models import Packet, PromotionRequest
from governance.policies import ApprovalProgress, GateState
from governance.policies.escalation import Step, due_steps
from governance.promotions.evaluation import reevaluate_locked
from governance.promotions.executing import GATE
from governance.promotions.locks import LockedPromotion, lock_promotion
from governance.promotions.recording import record_promotion_event
from governance.selectors.escalation import deputies_of, steps_taken
from registry import access
from registry.models import User

MAX_RECIPIENTS = 500
"""Largest number of recipients in one event."""
EARLIEST = timedelta(days=1)
"""The smallest number of days that a policy can give."""


def requests_to_escalate() -> list[int]:
    """Return the numbers of the requests with a reminder or an escalation that is due. A fixed number of queries."""
    waiting = PromotionRequest.objects.filter(
        state=PromotionRequest.State.OPEN,
        policies__policy_revision__document__has_key="escalation",
        packets__created_at__lte=clock.now() - EARLIEST,
    ).exclude(packet_digest="")
    found = list(waiting.select_related("policy_revision").prefetch_related("policies").order_by("pk").distinct())
    opened = _review_openings(found)
    taken = steps_taken(found)
    now = clock.now()
    return [
        request.pk
        for request in found
        if (document := gate_inputs.get_policy_document(request)) is not None
        and request.pk in opened
        and due_steps(document.escalation, opened[request.pk], now, taken[request.pk])
    ]


def _review_openings(requests: list[PromotionRequest]) -> dict[int, datetime]:
    rows = Packet.objects.filter(request__in=requests).values_list("request_id", "digest", "created_at")
    digests = {request.pk: request.packet_digest for request in requests}
    return {number: at for number, digest, at in rows if digests[number] == digest}


@transaction.atomic
def take_due_steps(request_id: int) -> list[Event]:
    """Record the reminders and escalations of a request that are due, each once for an evidence package.

    The request is evaluated first. Nothing is recorded where it no longer waits for approvals.

    Args:
        request_id: number of the request.

    Returns:
        The recorded events. `data` contains `recipients`, the uids of the people to inform.
    """
    locked = lock_promotion(request_id)
    judged = reevaluate_locked(locked, actor=GATE)
    request = locked.request
    document = gate_inputs.get_policy_document(request)
    if judged is None or document is None or not request.is_live or judged.verdict.state is not GateState.OPEN:
        return []
    waiting = [p for p in judged.verdict.approvals if p.open and p.missing > 0]
    shown = Packet.objects.filter(request=request, digest=request.packet_digest).first()
    if not judged.verdict.review_open or not waiting or shown is None:
        return []
    steps = due_steps(document.escalation, shown.created_at, clock.now(), steps_taken([request])[request.pk])
    return [_record(locked, step, waiting, shown) for step in steps]


def _record(locked: LockedPromotion, step: Step, waiting: list[ApprovalProgress], shown: Packet) -> Event:
    return record_promotion_event(
        locked,
        PROMOTION_REMINDED if step.to == "reviewers" else PROMOTION_ESCALATED,
        actor=GATE,
        data={
            "to": step.to,
            "after_days": step.after_days,
            "waiting_since": leaf.timestamp(shown.created_at),
            "packet": shown.digest,
            "groups": [progress.rule.group for progress in waiting],
            "recipients": list(_recipients(step, waiting))[:MAX_RECIPIENTS],
        },
    )


def _recipients(step: Step, waiting: list[ApprovalProgress]) -> list[str]:
    """Return the uids of the people whom a step informs, sorted."""
    if step.to == "officers":
        officers = access.holders_in_organisation(access.OrgPermission.MANAGE_GROUPS)
        return sorted(officers.filter(kind=User.Kind.PERSON).values_list("uid", flat=True))
    deputies = deputies_of([progress.rule.group for progress in waiting])
    able = {(p.rule.group, r.uid, r.on_behalf_of) for p in waiting for r in p.may_approve}
    second = {uid for group, uid, behalf in able if not behalf and (group, uid) in deputies}
    first = {uid for group, uid, behalf in able if behalf or (group, uid) not in deputies}
    if step.to == "deputies":
        return sorted(second)
    # A group of deputies only has no others to remind.
    return sorted(first or second)
