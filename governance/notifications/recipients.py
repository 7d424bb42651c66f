"""Who is notified of an event of the audit log, and why.

`DRAFTS` has one function for each action. It reads current rows: whether a review still waits for a person is decided
by the evaluation that the page of the request shows, when the event is processed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from audit.models import Event
from governance import actions
from governance.models import Delegation, Finding, Impact, PromotionRequest, Waiver
from governance.notifications import reasons
from governance.notifications.reasons import Reason
from governance.policies import Verdict
from governance.policies.approval_roles import reviewers_label
from governance.selectors.request_evaluation import evaluate_request
from governance.selectors.requests import REQUEST_RELATED
from registry.actions import REVIEW_REMINDED
from registry.models import ModelVersion, RegisteredModel, ReviewerGroup, User
from registry.selectors import participation


@dataclass(frozen=True)
class Subject:
    """The object of a notification: what groups it in the inbox, and what opens it."""

    kind: str
    key: str
    name: str
    path: str
    model: RegisteredModel | None = None


@dataclass(frozen=True)
class Draft:
    """A notification that is to be written, for one person or one group.

    Attributes:
        reason: why.
        key: makes it unique for its recipient and reason.
        about: its object.
        title: what happened, with the name of the object.
        because: why this recipient is notified.
        person: the recipient.
        group: the recipient, if not a person.
    """

    reason: Reason
    key: str
    about: Subject
    title: str
    because: str
    person: User | None = None
    group: ReviewerGroup | None = None


def drafts_of(event: Event) -> list[Draft]:
    """Return the notifications of an event. The person who caused it is not notified of it."""
    make = DRAFTS.get(event.action)
    if make is None:
        return []
    found = make(event)
    return [draft for draft in found if draft.person is None or draft.person.uid not in _actors_of(event)]


def subject_of_request(request: PromotionRequest) -> Subject:
    """Return the subject of a request, which needs its model and version joined."""
    name = f"#{request.pk} {request.model.slug} v{request.version.number} to {request.target_name}"
    return Subject("promotion", str(request.pk), name, f"/promotions/{request.pk}/", request.model)


def subject_of_model(model: RegisteredModel, tab: str = "") -> Subject:
    """Return the subject of a model. `tab` is the part of the address after the page of the model."""
    return Subject("model", str(model.uid), model.slug, f"/models/{model.slug}/{tab}", model)


def subject_of_finding(finding: Finding) -> Subject:
    """Return the subject of a finding, which needs its model and version joined."""
    on = finding.model.slug + (f" v{finding.version.number}" if finding.version is not None else "")
    name = f"Finding {finding.pk} on {on}"
    return Subject("finding", str(finding.pk), name, f"/findings/{finding.pk}/", finding.model)


def _actors_of(event: Event) -> set[str]:
    actor = event.body["actor"]
    return {actor["id"], actor.get("behind", "")}


def _objects(event: Event, kind: str) -> Iterator[str]:
    for reference in (event.body["object"], *event.body.get("related", [])):
        if reference["type"] == kind:
            yield reference["id"]


def _request_of(event: Event) -> PromotionRequest | None:
    uid = next(_objects(event, "promotion"), None)
    return PromotionRequest.objects.select_related(*REQUEST_RELATED).filter(uid=uid).first() if uid else None


def _people(uids: Iterable[str]) -> list[User]:
    people = User.objects.filter(uid__in=list(uids), is_active=True, kind=User.Kind.PERSON)
    return list(people.order_by("pk"))


def concerned(request: PromotionRequest) -> dict[User, str]:
    """Return the requester, or who is behind the token of a service account, and the owner, with the reason."""
    found: dict[User, str] = {}
    if request.requested_by.kind == User.Kind.PERSON:
        found[request.requested_by] = "You made the request."
    else:
        parties = participation([(request.pk, request.version_id, request.requested_with_id)])[request.pk]
        for person in _people(parties.behind_request):
            found[person] = f"You are responsible for the token of {request.requested_by.name}, which made the request."
    owner = request.model.active_owner
    if owner is not None:
        found.setdefault(owner, "You own the model.")
    return found


def _of_request(
    reason: Reason, phrase: str, state: str = "", *, governed: bool = True
) -> Callable[[Event], Iterator[Draft]]:
    """Return a function that notifies those concerned by a request.

    Args:
        reason: why.
        phrase: what happened, after the name of the request.
        state: the state that the request must still have; empty for any.
        governed: whether requests that no policy governs are left out.
    """

    def make(event: Event) -> Iterator[Draft]:
        request = _request_of(event)
        if request is None or (state and request.state != state) or (governed and request.policy_revision_id is None):
            return
        about = subject_of_request(request)
        for person, because in concerned(request).items():
            yield Draft(reason, str(event.event_id), about, f"{about.name} {phrase}", because, person)

    return make


def review_drafts(request: PromotionRequest) -> Iterator[Draft]:
    """Return a notification for each reviewer whose approval a request waits for now, and for their groups.

    Args:
        request: the request, with the joins of its page.
    """
    if not request.is_live or not request.packet_digest:
        return
    verdict = evaluate_request(request).verdict
    if verdict is None or not verdict.review_open:
        return
    about, key = subject_of_request(request), f"review:{request.pk}:{request.packet_digest}"
    title = f"{about.name} is open for review"
    wanted = verdict.awaited
    delegators = _delegators(verdict)
    groups = sorted({group for called in wanted.values() for group in called})
    for person in _people(wanted):
        named = " and ".join(reviewers_label(group) for group in sorted(wanted[person.uid]))
        because = f"The policy requires an approval of {named}, and yours counts."
        if person.uid in delegators:
            because = f"You decide for {delegators[person.uid]}: the policy requires an approval of {named}."
        yield Draft(reasons.REVIEW_REQUESTED, key, about, title, because, person)
    for group in ReviewerGroup.objects.filter(slug__in=groups).order_by("pk"):
        because = f"The policy requires an approval of {group.name}."
        yield Draft(reasons.REVIEW_REQUESTED, key, about, title, because, group=group)


def _delegators(verdict: Verdict) -> dict[str, str]:
    """Return in whose place a delegate may decide, for those who may decide in no place of their own."""
    may = [reviewer for progress in verdict.approvals for reviewer in progress.may_approve]
    own = {reviewer.uid for reviewer in may if not reviewer.on_behalf_of}
    return {r.uid: r.delegator for r in may if r.on_behalf_of and r.uid not in own}


def _review(event: Event) -> Iterator[Draft]:
    request = _request_of(event)
    if request is not None:
        yield from review_drafts(request)


def _decided(event: Event) -> Iterator[Draft]:
    """A decision may open the next step of the policy for other reviewers."""
    request = _request_of(event)
    if request is None:
        return
    if event.body["data"]["outcome"] == "request_changes":
        yield from _of_request(reasons.CHANGES_REQUESTED, "needs changes: a reviewer requested them")(event)
    yield from review_drafts(request)


def _lapsed(event: Event) -> Iterator[Draft]:
    request, data = _request_of(event), event.body["data"]
    if request is None:
        return
    about = subject_of_request(request)
    for person in _people([data["person"]]):
        title = f"Your decision on {about.name} lapsed: what you signed changed"
        yield Draft(reasons.APPROVAL_LAPSED, str(event.event_id), about, title, "You signed the decision.", person)


_INFORMED_AS: Final = {
    "reviewers": "The policy reminds those whose approval the request waits for.",
    "deputies": "You are a deputy of a reviewer group whose approval the request waits for.",
    "officers": "You are a compliance officer: the policy informs officers of requests that wait.",
}


def _waiting(event: Event) -> Iterator[Draft]:
    """The event of a step names its recipients: they were determined with the evaluation of that time."""
    request, data = _request_of(event), event.body["data"]
    if request is None or not request.is_live:
        return
    about = subject_of_request(request)
    title = f"{about.name} has waited for approvals since {data['waiting_since'][:10]}"
    for person in _people(data["recipients"]):
        yield Draft(reasons.WAITING, str(event.event_id), about, title, _INFORMED_AS[data["to"]], person)


_DELEGATION_STEPS: Final = {
    str(actions.DELEGATION_GRANTED): "is granted",
    str(actions.DELEGATION_REVOKED): "is revoked",
    str(actions.DELEGATION_ENDED): "has ended",
}


def _delegation(event: Event) -> Iterator[Draft]:
    found = Delegation.objects.select_related("delegator", "delegate")
    row = found.filter(uid=event.body["object"]["id"]).first()
    if row is None:
        return
    name = f"The {row.title} from {row.delegator.name} to {row.delegate.name}"
    about = Subject("delegation", str(row.uid), name, "/profile/delegations/")
    title = f"{name} {_DELEGATION_STEPS[event.action]}"
    for person, because in (
        (row.delegate, "The decisions are delegated to you."),
        (row.delegator, "You delegated the decisions."),
    ):
        yield Draft(reasons.DELEGATION, str(event.event_id), about, title, because, person)


def _impact(event: Event) -> Iterator[Draft]:
    """A finding that was opened for the change has its own notification, and so has a request that was opened."""
    request, data = _request_of(event), event.body["data"]
    recorded = event.action == actions.IMPACT_RECORDED
    if request is None or (recorded and data.get("consequence") in (None, Impact.Consequence.FINDING)):
        return
    about = subject_of_request(request)
    cause = Impact.Cause(data["cause"]).label.lower()
    happened = f"the basis of the approval changed ({cause})" if recorded else f"an answer is overdue ({cause})"
    for person, because in concerned(request).items():
        yield Draft(reasons.IMPACT, str(event.event_id), about, f"{about.name}: {happened}", because, person)


def _reminded(event: Event) -> Iterator[Draft]:
    data = event.body["data"]
    for uid in _objects(event, "model"):
        model = RegisteredModel.objects.filter(uid=uid).first()
        if model is None:
            return
        days = data["step"]
        when = f"was due on {data['due']}" if days < 0 else f"is due on {data['due']}"
        about = subject_of_model(model, "reviews/")
        for person in _people([data["person"]]):
            title = f"The periodic review of {model.slug} {when}"
            yield Draft(reasons.REVIEW_DUE, str(event.event_id), about, title, "You own the model.", person)


def _finding(event: Event) -> Iterator[Draft]:
    """The title of a finding is text of a person: the notification only numbers it."""
    row = Finding.objects.select_related("version", "model__owner", "owner")
    finding = row.filter(uid=next(_objects(event, "finding"))).first()
    person = finding.responsible if finding is not None else None
    if finding is None or person is None or not person.is_active:
        return
    about = subject_of_finding(finding)
    because = "You own the finding." if finding.owner_id is not None else "You own the model."
    if finding.source == Finding.Source.SIGNAL and event.action == actions.FINDING_OPENED:
        title = f"{about.name}: {finding.signal} is beyond its limit ({finding.words})"
        yield Draft(reasons.HEALTH, str(event.event_id), about, title, because, person)
        return
    due = f", due on {finding.due.isoformat()}" if finding.due is not None else ""
    title = f"{about.name} is yours to correct ({finding.get_severity_display().lower()}{due})"
    yield Draft(reasons.FINDING, str(event.event_id), about, title, because, person)


def _waiver_ended(event: Event) -> Iterator[Draft]:
    waiver = Waiver.objects.select_related("accepted_by").filter(uid=event.body["object"]["id"]).first()
    request = _request_of(event)
    if waiver is None or request is None:
        return
    about = subject_of_request(request)
    ended = "was revoked" if waiver.end == Waiver.End.REVOKED else "expired"
    title = f"The waiver of {waiver.check_slug} on {about.name} {ended}"
    for person, because in ({waiver.accepted_by: "You signed the waiver."} | concerned(request)).items():
        yield Draft(reasons.ENDS, str(event.event_id), about, title, because, person)


def _mentioned(event: Event) -> Iterator[Draft]:
    uids = (event.body.get("data") or {}).get("mentions") or []
    about = _commented(event)
    if about is None:
        return
    for person in _people(uids):
        title = f"A comment on {about.name} mentions you"
        # An edited comment does not notify again who was mentioned before.
        yield Draft(
            reasons.MENTIONED, f"comment:{event.body['object']['id']}", about, title, "The comment names you.", person
        )


def _commented(event: Event) -> Subject | None:
    """Return what a comment is about: a request, else a version."""
    request = _request_of(event)
    if request is not None:
        return subject_of_request(request)
    uid = next(_objects(event, "version"), None)
    version = ModelVersion.objects.select_related("model").filter(uid=uid).first() if uid else None
    if version is None:
        return None
    slug, number = version.model.slug, version.number
    return Subject(
        "version", str(UUID(str(version.uid))), f"{slug} v{number}", f"/models/{slug}/versions/{number}/", version.model
    )


DRAFTS: Final[Mapping[str, Callable[[Event], Iterator[Draft]]]] = {
    actions.PACKET_FROZEN: _review,
    actions.DECISION_RECORDED: _decided,
    actions.DECISION_LAPSED: _lapsed,
    actions.PROMOTION_BLOCKED: _of_request(reasons.BLOCKED, "is blocked", "blocked"),
    actions.PROMOTION_READY: _of_request(reasons.READY, "is ready to be executed", "ready"),
    actions.PROMOTION_PROMOTED: _of_request(reasons.PROMOTED, "is promoted"),
    actions.PROMOTION_REAPPROVED: _of_request(reasons.PROMOTED, "is approved again"),
    actions.PROMOTION_REJECTED: _of_request(reasons.REJECTED, "is rejected"),
    actions.PROMOTION_EXPIRED: _of_request(reasons.CLOSED, "expired"),
    actions.PROMOTION_SUPERSEDED: _of_request(reasons.CLOSED, "is superseded"),
    actions.PROMOTION_WITHDRAWN: _of_request(reasons.CLOSED, "is withdrawn"),
    actions.FINDING_OPENED: _finding,
    actions.FINDING_ASSIGNED: _finding,
    REVIEW_REMINDED: _reminded,
    actions.PROMOTION_REMINDED: _waiting,
    actions.PROMOTION_ESCALATED: _waiting,
    actions.DELEGATION_GRANTED: _delegation,
    actions.DELEGATION_REVOKED: _delegation,
    actions.DELEGATION_ENDED: _delegation,
    actions.IMPACT_RECORDED: _impact,
    actions.IMPACT_DELAYED: _impact,
    actions.EMERGENCY_ENDED: _of_request(reasons.ENDS, "is an emergency change whose time is over"),
    actions.WAIVER_EXPIRED: _waiver_ended,
    actions.WAIVER_REVOKED: _waiver_ended,
    actions.COMMENT_POSTED: _mentioned,
    actions.COMMENT_EDITED: _mentioned,
}
