"""Which reminders and escalations of a request were taken, and which come next."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from audit import clock
from audit.models import Event
from audit.recorder import ObjectRef
from governance.actions import PROMOTION_ESCALATED, PROMOTION_REMINDED
from governance.models import Packet, PromotionRequest
from governance.policies import PolicyDocument
from governance.policies.escalation import RECIPIENTS, steps_of
from registry import selectors
from registry.models import Membership

ACTIONS = (str(PROMOTION_REMINDED), str(PROMOTION_ESCALATED))


@dataclass(frozen=True)
class EscalationRow:
    """A step of the policy for a request under review: due at a time, or taken with an event."""

    to: str
    due_at: datetime
    event: Event | None
    recipients: tuple[str, ...]
    """Names of the people who were informed."""

    @property
    def whom(self) -> str:
        """Who is informed, in words."""
        return RECIPIENTS[self.to]


def steps_taken(requests: Collection[PromotionRequest]) -> dict[int, frozenset[str]]:
    """Return for each request who was informed since review opened on its present evidence package. One query."""
    if not requests:
        return {}
    found: dict[str, set[str]] = {}
    digests = {str(request.uid): request.packet_digest for request in requests}
    references = [str(ObjectRef("promotion", uid)) for uid in digests]
    for event in Event.objects.filter(touched__overlap=references, action__in=ACTIONS):
        data = event.body.get("data", {})
        if data.get("packet") == digests[str(event.thing_id)]:
            found.setdefault(str(event.thing_id), set()).add(str(data.get("to")))
    return {request.pk: frozenset(found.get(str(request.uid), ())) for request in requests}


def deputies_of(groups: Collection[str]) -> frozenset[tuple[str, str]]:
    """Return the current deputies of groups, as pairs of the slug of the group and the uid of the person."""
    held = Membership.effective(clock.now()).filter(group__slug__in=groups, deputy=True)
    return frozenset(held.values_list("group__slug", "user__uid"))


def escalation_rows(
    request: PromotionRequest, document: PolicyDocument | None, timeline: Iterable[Event]
) -> tuple[EscalationRow, ...]:
    """Return the steps of a request under review, earliest first; none where no step is set or the request is closed.

    Args:
        request: the promotion request.
        document: its combined policy.
        timeline: the events of the request.
    """
    steps = steps_of(document.escalation) if document is not None and request.is_live else ()
    if not steps or not request.packet_digest:
        return ()
    opened = Packet.objects.filter(request=request, digest=request.packet_digest).values_list("created_at", flat=True)
    since = opened.first()
    if since is None:
        return ()
    taken = {
        str(data.get("to")): event
        for event in timeline
        if str(event.action) in ACTIONS and (data := event.body.get("data", {})).get("packet") == request.packet_digest
    }
    uids = {uid: "" for event in taken.values() for uid in event.body["data"].get("recipients", ())}
    names = selectors.account_names(uids) if uids else {}
    return tuple(
        EscalationRow(
            step.to,
            step.due_at(since),
            event := taken.get(step.to),
            tuple(sorted(names.get(uid, uid) for uid in event.body["data"]["recipients"])) if event is not None else (),
        )
        for step in steps
    )
