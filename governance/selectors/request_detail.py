"""One request as seen by one reader, evaluated by the same functions as the gate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from audit.actor import Actor, ActorKind
from audit.models import Event
from audit.recorder import ObjectRef
from audit.selectors import events_for_object
from governance.gate import gate_inputs, review_packet
from governance.models import CheckRun, Decision, PromotionRequest
from governance.policies import (
    YOU,
    ApprovalProgress,
    GateState,
    PolicyDocument,
    Reviewer,
    Verdict,
)
from governance.policies.metric_limits import Limit, direction_on, limit_on, limits_of
from governance.selectors.check_rows import CheckRow, check_rows
from governance.selectors.comparing import compare_with_limits
from governance.selectors.conflicts import Conflict, conflicts_of
from governance.selectors.escalation import EscalationRow, escalation_rows
from governance.selectors.measured import Measured, measured_by
from governance.selectors.related import Related, related_to
from governance.selectors.request_evaluation import evaluate_request, poll_token, progress_mark
from governance.selectors.requests import get_request
from registry import access, selectors
from registry.access import Allowed, Denied
from registry.comparison import Comparison, Direction, MetricBound
from registry.models import Evidence, ModelVersion, User


@dataclass(frozen=True)
class MetricRow:
    """A metric of the version beside the champion's, with the policy's limit if there is one."""

    name: str
    dataset: str
    slice: str
    value: float | None
    champion: float | None
    op: str = ""
    limit: float | None = None
    better: Direction = ""
    """Which direction is better: "higher", "lower", or "" if unknown."""
    measured: float | None = None
    """The value a check computed from the evaluation table, if any."""
    disagrees: bool = False
    """Whether the check found the declared value to differ from the computed one."""

    @property
    def improved(self) -> bool | None:
        """Whether the difference to the champion is an improvement; None if unknown or if there is none."""
        if not self.better or not self.delta:
            return None
        return (self.delta > 0) == (self.better == "higher")

    @property
    def delta(self) -> float | None:
        return None if self.value is None or self.champion is None else self.value - self.champion

    @property
    def within(self) -> bool | None:
        """Whether the declared value is within the limit; None without a limit or a value."""
        if self.limit is None or self.value is None:
            return None
        return MetricBound(self.op, self.limit).holds(self.value)


@dataclass(frozen=True)
class Place:
    """A place in which a reader can decide on a request. `on_behalf_of` and `delegator`: as in `Reviewer`."""

    on_behalf_of: str
    delegator: str
    groups: tuple[str, ...]


@dataclass(frozen=True)
class PromotionDetail:
    """Everything one reader sees of one request."""

    request: PromotionRequest
    document: PolicyDocument | None
    verdict: Verdict | None
    checks: tuple[CheckRow, ...]
    runs: tuple[CheckRun, ...]
    """Every run of every check, latest first."""
    approvals: tuple[ApprovalProgress, ...]
    decisions: tuple[Decision, ...]
    metrics: tuple[MetricRow, ...]
    timeline: tuple[Event, ...]
    packet_digest: str
    aliases_outside_stage: tuple[str, ...]
    """Aliases that represent the stage the version leaves, and keep pointing at it."""
    can_decide: Allowed | Denied
    can_withdraw: Allowed | Denied
    can_promote: Allowed | Denied
    my_decision: Decision | None
    my_groups: frozenset[str]
    escalation: tuple[EscalationRow, ...]
    """Reminders and escalations that the policy sets, taken or to come."""
    my_places: tuple[Place, ...]
    """The places in which the reader can decide: their own, and those of members who delegated to them."""
    related: Related
    conflicts: tuple[Conflict, ...]
    """Everyone excluded by the separation of duties or marked, also people in no group."""
    contents: selectors.VersionContents = field(repr=False)
    """Contents of the version and its champion."""

    @property
    def deciding_by_delegation(self) -> bool:
        """Whether the reader has a choice of places, or only that of a delegator."""
        return any(place.on_behalf_of for place in self.my_places)

    @property
    def evidence(self) -> list[Evidence]:
        """The newest file of each kind of evidence."""
        return self.contents.evidence(self.request.version)

    @property
    def disagreements(self) -> tuple[MetricRow, ...]:
        """Metrics whose declared value differs from the one a check computed."""
        return tuple(row for row in self.metrics if row.disagrees)

    @cached_property
    def changes(self) -> Comparison | None:
        """Comparison of the version with its champion under the limits of the request's policy; None without a
        champion.
        """
        champion = self.request.champion
        if champion is None:
            return None
        champion.model = self.request.model
        return compare_with_limits(champion, self.request.version, self.contents, self.document)

    @property
    def seen(self) -> str:
        """A token that changes with everything visible on the page; pages poll with it."""
        return poll_token(self.request.revision, [(run.pk, run.status, progress_mark(run)) for run in self.runs])

    @property
    def headline(self) -> str:
        """State of the request in one sentence."""
        request = self.request
        if request.before_governance:
            return "Promoted before governance."
        if not request.is_live:
            return f"{request.get_state_display()}."
        if self.verdict is None:
            return "Open."
        unmet = self.verdict.unmet
        if not unmet:
            return "Ready: every requirement is met."
        count = f"{len(unmet)} requirement{'s' if len(unmet) != 1 else ''} left"
        return f"{'Blocked' if self.verdict.state is GateState.BLOCKED else 'Not ready'}: {count}."

    @property
    def sentence(self) -> str:
        """What is left, as a sentence."""
        if self.request.before_governance:
            return "It had this stage in the registry it was imported from. It was not checked or approved here."
        if self.verdict is None or not self.request.is_live:
            return ""
        parts = []
        for r in self.verdict.unmet:
            if r.kind == "approval":
                parts.append(r.how_to_fulfil)
            elif r.kind == "check":
                parts.append(f"{r.title}: {r.detail}")
            else:
                parts.append(r.detail)
        return "; ".join(p.rstrip(".") for p in parts) + "." if parts else ""


def request_page(actor: Actor, number: int, person: User | None = None) -> PromotionDetail:
    """Return one request as one reader sees it.

    Args:
        actor: who reads.
        number: number of the request.
        person: the account behind the actor if already read.

    Raises:
        NotFoundError: there is no such request visible to the actor.
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    request = get_request(actor, number)
    evaluation = evaluate_request(request)
    document, judged = evaluation.document, evaluation.verdict
    shown = ""
    if document is not None and request.is_live:
        shown = review_packet.build(request, document, evaluation.latest, evaluation.inputs, evaluation.contents).digest
    decisions = tuple(
        request.decisions.select_related(*gate_inputs.SIGNERS, "signature_record__key")
        .prefetch_related("conditions")
        .order_by("signed_at")
    )
    person = person or access.person_of(actor)
    timeline = tuple(events_for_object(ObjectRef("promotion", str(request.uid))))
    return PromotionDetail(
        request=request,
        document=document,
        verdict=judged,
        checks=check_rows(request, evaluation),
        runs=evaluation.runs,
        approvals=judged.approvals if judged is not None else (),
        decisions=decisions,
        metrics=metric_rows(
            request.version,
            request.champion,
            limits_of(document),
            evaluation.contents,
            measured_by(evaluation.latest.values()),
        ),
        timeline=timeline,
        packet_digest=shown or request.packet_digest,
        aliases_outside_stage=gate_inputs.aliases_outside_stage(request) if request.is_live else (),
        can_decide=_can_decide(actor, person, request, document, judged),
        can_withdraw=_can_withdraw(actor, person, request),
        can_promote=_can_promote(actor, request, document, judged),
        my_decision=next((d for d in decisions if person and d.person_id == person.pk and d.lapsed_at is None), None),
        my_groups=_my_groups(person, judged),
        escalation=escalation_rows(request, document, timeline),
        my_places=_my_places(person, judged),
        related=related_to(request),
        conflicts=conflicts_of(request, _reviewers_of(judged)) if document is not None else (),
        contents=evaluation.contents,
    )


def _reviewers_of(judged: Verdict | None) -> dict[str, Reviewer]:
    """Return the reviewers that a verdict names, by uid; the excluded ones with the rule."""
    approvals = judged.approvals if judged is not None else ()
    eligible = {one.uid: one for progress in approvals for one in progress.eligible}
    return {one.uid: one for progress in approvals for one in progress.excluded} | eligible


def metric_rows(
    version: ModelVersion,
    champion: ModelVersion | None,
    limits: Sequence[Limit] = (),
    contents: selectors.VersionContents | None = None,
    measured: Mapping[str, Measured] | None = None,
) -> tuple[MetricRow, ...]:
    """Return the metrics of a version beside those of another, in the order of the limits, then by name.

    Args:
        version: the version.
        champion: the version to compare with; None for no comparison.
        limits: policy limits; the first that applies to a metric counts.
        contents: contents of both versions if already read.
        measured: values that checks computed, by the text of the limit (`measured_by`).
    """
    contents = contents or selectors.VersionContents(*filter(None, (version, champion)))
    mine = {(m.name, m.dataset, m.slice): m.value for m in contents.metrics(version)}
    theirs = {(m.name, m.dataset, m.slice): m.value for m in contents.metrics(champion)} if champion is not None else {}
    bound = {key: limit_on(limits, *key) for key in mine.keys() | theirs.keys()}

    def place(key: tuple[str, str, str]) -> tuple[int, str, str, str]:
        limit = bound[key]
        return (limits.index(limit) if limit is not None else len(limits), *key)

    return tuple(
        MetricRow(
            name=key[0],
            dataset=key[1],
            slice=key[2],
            value=mine.get(key),
            champion=theirs.get(key),
            op=limit.op if limit is not None else "",
            limit=limit.value if limit is not None else None,
            better=direction_on(limits, *key),
            measured=found.value if found is not None else None,
            disagrees=found is not None and found.disagrees,
        )
        for key in sorted(bound, key=place)
        for limit in (bound[key],)
        for found in (measured.get(limit.words) if measured and limit is not None and not limit.slice else None,)
    )


def _my_groups(person: User | None, judged: Verdict | None) -> frozenset[str]:
    if person is None or judged is None:
        return frozenset()
    return frozenset(
        s.rule.group for s in judged.approvals if any(r.uid == person.uid for r in (*s.may_approve, *s.excluded))
    )


def _can_decide(
    actor: Actor,
    person: User | None,
    request: PromotionRequest,
    document: PolicyDocument | None,
    judged: Verdict | None,
) -> Allowed | Denied:
    """Return whether a decision of this reader would be accepted. `promotions.decide` enforces the same rules."""
    if actor.kind is not ActorKind.PERSON or person is None:
        return _no("Only people decide, signed in and with their password.")
    if not request.is_live or document is None or judged is None:
        return _no("The request is closed.")
    excluded = gate_inputs.exclusion_of(person, request, name=YOU)
    others = tuple(sorted({r.label for s in judged.approvals for r in s.may_approve}))
    if any(person.uid == r.uid for s in judged.approvals for r in s.may_approve):
        return Allowed()
    if excluded is not None and excluded.rule == "SoD-1":
        return _no("You cannot approve your own request (SoD-1).", others)
    if excluded is not None:
        return _no(f"You cannot decide: {excluded.reason} ({excluded.rule}).", others)
    valid = request.decisions.filter(lapsed_at__isnull=True)
    if valid.filter(person=person).exists():
        return _no("You have already decided on this evidence package.", others)
    if (by := valid.filter(on_behalf_of=person).select_related("person").first()) is not None:
        return _no(f"{by.person.name} decided in your place. To decide yourself, revoke the delegation.", others)
    groups = ", ".join(sorted({rule.label for rule in document.approvals}))
    required = (
        f"The policy requires approval from {groups}."
        if groups
        else "The policy requires no approvals: the checks decide."
    )
    return _no(f"You are not an approver of this request. {required}", others)


def _my_places(person: User | None, judged: Verdict | None) -> tuple[Place, ...]:
    if person is None or judged is None:
        return ()
    found: dict[tuple[str, str], list[str]] = {}
    for progress in judged.approvals:
        for r in progress.may_approve:
            if r.uid == person.uid:
                found.setdefault((r.on_behalf_of, r.delegator), []).append(progress.rule.group)
    return tuple(Place(*member, tuple(groups)) for member, groups in sorted(found.items()))


def _no(reason: str, who: tuple[str, ...] = ()) -> Denied:
    return Denied(lambda _names: reason, lambda: who)


def _can_withdraw(actor: Actor, person: User | None, request: PromotionRequest) -> Allowed | Denied:
    if not request.is_live:
        return _no("The request is closed.")
    if person is not None and person.pk == request.requested_by_id:
        return Allowed()
    return access.check_permission(actor, access.Permission.EDIT, request.model)


def _can_promote(
    actor: Actor, request: PromotionRequest, document: PolicyDocument | None, judged: Verdict | None
) -> Allowed | Denied:
    if not request.is_live or document is None or judged is None:
        return _no("The request is closed.")
    if judged.state is not GateState.READY:
        return _no("Not every requirement is met.")
    return access.check_permission(actor, access.Permission.REQUEST_PROMOTION, request.model)
