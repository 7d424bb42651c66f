"""Evaluate a request: facts and policy in, requirements and state out. Pure: no database, no clock, no settings."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from governance.policies.approval_roles import OWNER, is_role
from governance.policies.conditions import Known, condition_requirements, holds
from governance.policies.document import ApprovalRule, CheckRule, PolicyDocument
from governance.policies.requirements import Requirement, RequirementStatus
from governance.policies.separation import Exclusion
from governance.policies.time_rules import time_requirements
from governance.policies.timing import approval_expiry

PASSING_CONCLUSIONS = frozenset({"success", "skipped"})
"""Conclusions of a check run that satisfy the check."""


class GateState(StrEnum):
    """State of a live request according to its policy."""

    OPEN = "open"
    BLOCKED = "blocked"
    READY = "ready"


@dataclass(frozen=True)
class CheckFact:
    """The latest run of a check."""

    slug: str
    title: str
    status: str
    conclusion: str = ""
    summary: str = ""
    stale: bool = False
    waived: str = ""
    """The waiver that covers the result, in words; empty if none does."""
    waiver: int | None = None
    """Its number."""
    how_to_fulfil: str = ""
    external: bool = False
    """Another system runs it and reports the result. Its `status` is `expected` before the first report."""
    note: str = ""
    """Why a result that was reported does not count."""


@dataclass(frozen=True)
class Reviewer:
    """A member of a group that a policy requires, or a delegate of one.

    `groups`: groups in which they count. `excluded`: the separation-of-duties rule that excludes them. `barred`: the
    rule by group, for groups in which alone they do not count. `on_behalf_of` and `delegator`: uid and name of the
    member whose slot a delegate fills; empty for a member.
    """

    uid: str
    name: str
    groups: frozenset[str]
    excluded: "Exclusion | None" = None
    barred: Mapping[str, "Exclusion"] = field(default_factory=dict)
    on_behalf_of: str = ""
    delegator: str = ""

    @property
    def label(self) -> str:
        """The name, and for a delegate the name of the member as well."""
        return f"{self.name} for {self.delegator}" if self.on_behalf_of else self.name

    @property
    def people(self) -> frozenset[str]:
        """The uids of everyone whose one approval a decision of this reviewer uses up."""
        return frozenset({self.uid, self.on_behalf_of or self.uid})


@dataclass(frozen=True)
class DecisionFact:
    """A decision on the current packet that has not lapsed. `on_behalf_of`: uid of the member, for a delegate."""

    person: str
    name: str
    outcome: str
    signed_at: datetime | None = None
    on_behalf_of: str = ""


@dataclass(frozen=True)
class Facts:
    """Everything a verdict depends on besides the policy. `now`: the time of the evaluation; of a closed request, the
    time at which it was closed.
    """

    checks: Mapping[str, CheckFact]
    reviewers: tuple[Reviewer, ...]
    decisions: tuple[DecisionFact, ...]
    conditions: tuple[Requirement, ...] = ()
    now: datetime | None = None
    opened_at: datetime | None = None
    closed: bool = False
    """The request is closed: requirements report their last state and no remedy."""
    known: Known | None = None
    """The facts that the conditions of the policy name; None if they were not read, as for a closed request. Then
    conditions are left out, and every rule with `when` applies.
    """


@dataclass(frozen=True)
class ApprovalProgress:
    """One approval rule and the people who fill its slots."""

    rule: ApprovalRule
    approved_by: tuple[DecisionFact, ...]
    eligible: tuple[Reviewer, ...]
    """Reviewers whose decision counts in the group, including those who have decided."""
    may_approve: tuple[Reviewer, ...]
    """The eligible reviewers who have not decided."""
    excluded: tuple[Reviewer, ...]
    open: bool

    @property
    def missing(self) -> int:
        return self.rule.count - len(self.approved_by)


@dataclass(frozen=True)
class Verdict:
    """State of a request with all requirements. `review_open`: every check is completed and every required one
    satisfied, so the packet under review does not change any more by checks.
    """

    state: GateState
    requirements: tuple[Requirement, ...]
    approvals: tuple[ApprovalProgress, ...] = field(default=())
    review_open: bool = False

    @property
    def unmet(self) -> tuple[Requirement, ...]:
        return tuple(r for r in self.requirements if r.required and not r.satisfied)

    @property
    def awaited(self) -> dict[str, frozenset[str]]:
        """The reviewers whose approval is missing now, by uid, with the groups for which they may give it."""
        found: dict[str, set[str]] = {}
        for progress in self.approvals:
            if progress.open and progress.missing > 0:
                for reviewer in progress.may_approve:
                    found.setdefault(reviewer.uid, set()).add(progress.rule.group)
        return {uid: frozenset(groups) for uid, groups in found.items()}


def evaluate(document: PolicyDocument, facts: Facts) -> Verdict:
    """Evaluate a request under its policy.

    Args:
        document: the combined policy.
        facts: what was read about the request.

    Returns:
        The verdict: BLOCKED if a required requirement failed, READY if all are satisfied and every check is completed,
        else OPEN.
    """
    whole, document = document, applicable_rules(document, facts.known)
    left_out = _left_out(whole, document)
    checks = tuple(_check_requirement(rule, facts.checks.get(rule.check)) for rule in document.checks)
    answered = all(
        (fact := facts.checks.get(rule.check)) is not None and (fact.status == "completed" or bool(fact.waived))
        for rule in document.checks
    )
    review_open = answered and all(c.satisfied for c in checks if c.required)
    facts = replace(facts, decisions=tuple(d for d in facts.decisions if not _has_expired(d, document, facts.now)))
    progress = _approvals(document, facts)
    approvals = tuple(_approval_requirement(s, review_open, closed=facts.closed) for s in progress)
    objections = tuple(
        Requirement(
            id=f"changes:{d.person}",
            kind="condition",
            title="Changes requested",
            state=RequirementStatus.FAILED,
            detail=f"{d.name} asked for changes",
            how_to_fulfil="Add what was asked for as new evidence: the objection ends when the evidence changes. Or it "
            "is resolved or withdrawn with an explanation, on the request's page by the person who raised it",
            who_can=(d.name,),
        )
        for d in facts.decisions
        if d.outcome == "request_changes"
    )
    times = time_requirements(
        document,
        facts.now,
        facts.opened_at,
        [[d.signed_at for d in s.approved_by] for s in progress if s.missing <= 0],
    )
    stated = condition_requirements(document.conditions, facts.known) if facts.known is not None else ()
    requirements = checks + left_out + approvals + stated + objections + times + facts.conditions
    unmet = [r for r in requirements if r.required and not r.satisfied]
    if any(r.state is RequirementStatus.FAILED for r in unmet):
        state = GateState.BLOCKED
    elif unmet or not answered:
        state = GateState.OPEN
    else:
        state = GateState.READY
    return Verdict(state, requirements, progress, review_open)


def conditions_of_model(
    *,
    for_other_tiers: Sequence[str] = (),
    no_policy: Sequence[str] = (),
    owner_answers: bool,
    tier: int | None,
    assessed: bool = True,
    archived: bool,
    who_can: tuple[str, ...] = (),
) -> tuple[Requirement, ...]:
    """Return the conditions a model fails for a request, besides the policy's own requirements.

    A model needs an owner with an active account, a risk tier, and to be in use. Each change needs a policy, for the
    strictest tier the model had: a model that became stricter must not be promoted under the rules for a lower risk.

    Args:
        for_other_tiers: descriptions of changes that only policies for other tiers cover.
        no_policy: descriptions of changes that no policy covers.
        owner_answers: whether there is an owner with an active account.
        tier: the strictest tier while the request was open; None where the model has none now.
        assessed: whether the tier comes from the questionnaire, or need not.
        archived: whether the model is archived.
        who_can: names of users who may set owner and tier.
    """
    found = []

    def missing(id_: str, title: str, detail: str, how: str) -> None:
        found.append(Requirement(f"model:{id_}", "condition", title, RequirementStatus.FAILED, detail, how, who_can))

    if archived:
        missing("active", "A model in use", "the model is archived", "Reactivate the model")
    if not owner_answers:
        missing(
            "owner",
            "An active owner",
            "the model has no owner with an active account",
            "Name an owner on the model",
        )
    if tier is None:
        missing("tier", "A risk tier", "the model has no risk tier", "Assess the model")
    elif for_other_tiers:
        missing(
            "policy",
            "A policy for its tier",
            f"the model has been tier {tier} while this request was open, and no policy in force covers that "
            f"({', '.join(for_other_tiers)})",
            f"An officer must publish a policy for tier {tier}; the request is judged again when the model changes",
        )
    if tier is not None and not assessed:
        missing(
            "assessment",
            "An assessed risk tier",
            f"tier {tier} was declared without answering the questionnaire",
            "Assess the model",
        )
    for words in no_policy:
        missing(
            f"no_policy:{words}",
            "A policy",
            f"no policy in force covers {words}",
            "An officer must publish one; then withdraw the request and open it again",
        )
    return tuple(found)


def applicable_rules(document: PolicyDocument, known: Known | None) -> PolicyDocument:
    """Return the document without the rules whose `when` is false. Where it is not known, a rule applies.

    Args:
        document: the combined policy.
        known: the facts that its conditions name; None if they were not read.
    """
    if known is None:
        return document
    checks = tuple(rule for rule in document.checks if rule.when is None or holds(rule.when, known) is not False)
    approvals = tuple(rule for rule in document.approvals if rule.when is None or holds(rule.when, known) is not False)
    return document.model_copy(update={"checks": checks, "approvals": approvals})


def _left_out(whole: PolicyDocument, applicable: PolicyDocument) -> tuple[Requirement, ...]:
    """Return the rules that do not apply, so that readers see them and why."""
    rules = [
        *((f"check:{r.check}", "check", r.check, r.when) for r in whole.checks if r not in applicable.checks),
        *(
            (f"approval:{r.group}", "approval", r.label, r.when)
            for r in whole.approvals
            if r not in applicable.approvals
        ),
    ]
    return tuple(
        Requirement(
            id_,
            "check" if kind == "check" else "approval",
            title,
            RequirementStatus.NOT_APPLICABLE,
            f"not required, because it applies only when {when.words}" if when is not None else "",
            required=False,
        )
        for id_, kind, title, when in rules
    )


def _has_expired(decision: DecisionFact, document: PolicyDocument, now: datetime | None) -> bool:
    """Return whether an approval is older than the policy accepts. Objections do not expire."""
    if decision.outcome != "approve" or decision.signed_at is None or now is None:
        return False
    expiry = approval_expiry(decision.signed_at, document.approval_valid_days)
    return expiry is not None and now >= expiry


def _check_requirement(rule: CheckRule, fact: CheckFact | None) -> Requirement:
    required = rule.mode == "required"

    def as_requirement(state: RequirementStatus, detail: str, how: str = "") -> Requirement:
        title = fact.title if fact is not None else rule.check
        return Requirement(f"check:{rule.check}", "check", title, state, detail, how, required=required)

    if fact is None:
        return as_requirement(
            RequirementStatus.WAITING, "expected: it has not run yet", "Wait: it is queued automatically"
        )
    if fact.status == "expected":
        detail = "expected: no result has been reported" + (f" that counts ({fact.note})" if fact.note else "")
        return as_requirement(RequirementStatus.WAITING, detail, fact.how_to_fulfil)
    if fact.waived:
        return as_requirement(RequirementStatus.WAIVED, fact.waived)
    if fact.status != "completed":
        words = {
            "waiting_evidence": "waiting for evidence",
            "queued": "queued",
            "running": "running",
        }
        how = fact.how_to_fulfil or (
            "Wait: the system that runs it reports the result"
            if fact.external
            else "Wait: a worker starts it automatically"
        )
        return as_requirement(RequirementStatus.WAITING, words.get(fact.status, fact.status), how)
    if fact.stale:
        return as_requirement(
            RequirementStatus.WAITING,
            "stale: it ran on other inputs or too long ago",
            fact.how_to_fulfil if fact.external else "Wait: it runs again automatically",
        )
    if fact.conclusion in PASSING_CONCLUSIONS:
        return as_requirement(RequirementStatus.MET, fact.summary)
    # Every other conclusion blocks: failure, action_required, neutral, error, cancelled. No result is not a pass.
    return as_requirement(RequirementStatus.FAILED, fact.summary or fact.conclusion, fact.how_to_fulfil)


def _approvals(document: PolicyDocument, facts: Facts) -> tuple[ApprovalProgress, ...]:
    reviewers = {(r.uid, r.on_behalf_of): r for r in facts.reviewers}
    approving = _counted_approvals(facts.decisions, reviewers)
    assigned = assign_approvers(
        document.approvals, [(d.person, reviewers[d.person, d.on_behalf_of].groups) for d in approving]
    )
    decided = {uid for d in facts.decisions for uid in (d.person, d.on_behalf_of) if uid}
    met_below: dict[int, bool] = {}
    for order in sorted({rule.order for rule in document.approvals}):
        met_below[order] = all(len(assigned[r.group]) >= r.count for r in document.approvals if r.order < order)
    eligible = {
        rule.group: tuple(r for r in facts.reviewers if rule.group in r.groups and r.excluded is None)
        for rule in document.approvals
    }
    return tuple(
        ApprovalProgress(
            rule=rule,
            approved_by=tuple(d for d in approving if d.person in assigned[rule.group]),
            eligible=eligible[rule.group],
            may_approve=tuple(r for r in eligible[rule.group] if decided.isdisjoint(r.people)),
            excluded=tuple(
                replace(r, excluded=r.barred.get(rule.group, r.excluded))
                for r in facts.reviewers
                if rule.group in r.barred or (rule.group in r.groups and r.excluded is not None)
            ),
            open=met_below[rule.order],
        )
        for rule in document.approvals
    )


def _counted_approvals(
    decisions: Iterable[DecisionFact], reviewers: Mapping[tuple[str, str], Reviewer]
) -> list[DecisionFact]:
    """Return the approvals that count, at most one for each person, whether as signer or as delegator.

    Args:
        decisions: the decisions, in the order of signing; the earlier of two that share a person counts.
        reviewers: the reviewers by uid and by the uid of their delegator.
    """
    counted: list[DecisionFact] = []
    used: set[str] = set()
    for decision in decisions:
        reviewer = reviewers.get((decision.person, decision.on_behalf_of))
        if decision.outcome != "approve" or reviewer is None or reviewer.excluded is not None:
            continue
        if used.isdisjoint(reviewer.people):
            used |= reviewer.people
            counted.append(decision)
    return counted


def assign_approvers(
    rules: Sequence[ApprovalRule], approvers: Iterable[tuple[str, frozenset[str]]]
) -> dict[str, frozenset[str]]:
    """Assign approvers to slots, at most one slot each, so that as many slots as possible are filled.

    Bipartite matching by augmenting paths. Ties go to the earlier rule and the earlier approver, so the result is
    deterministic.

    Args:
        rules: the approval rules.
        approvers: uid of each approver with the slugs of the groups in which they count.

    Returns:
        For each group the uids of the assigned approvers.
    """
    slots = [(rule.group, n) for rule in sorted(rules, key=lambda r: r.order) for n in range(rule.count)]
    groups_of = dict(approvers)
    holder: dict[tuple[str, int], str] = {}

    def place(person: str, tried: set[tuple[str, int]]) -> bool:
        for slot in slots:
            if slot[0] not in groups_of[person] or slot in tried:
                continue
            tried.add(slot)
            if slot not in holder or place(holder[slot], tried):
                holder[slot] = person
                return True
        return False

    for person in groups_of:
        place(person, set())
    return {rule.group: frozenset(p for (g, _), p in holder.items() if g == rule.group) for rule in rules}


def _too_few(rule: ApprovalRule, lacking: int) -> str:
    later = "count for requests opened after they got it: withdraw this one then, and open it again"
    if rule.group == OWNER:
        return f"The owner of the model cannot approve this request: name another owner. Owners {later}"
    if is_role(rule.group):
        return f"Too few people with the role may approve: owners must grant it to {lacking} more. They {later}"
    return (
        f"{rule.group} has too few members who may approve: officers must add {lacking}. "
        "Members count for requests opened after they joined: withdraw this one then, and open it again"
    )


def _approval_requirement(progress: ApprovalProgress, review_open: bool, *, closed: bool) -> Requirement:
    rule, have = progress.rule, len(progress.approved_by)
    title = rule.label if rule.group == OWNER else f"{rule.count} of {rule.label}"
    names = tuple(r.label for r in progress.may_approve)
    # A delegate fills the slot of a member, who is counted here.
    able = sum(not r.on_behalf_of for r in progress.may_approve)
    if progress.missing <= 0:
        return Requirement(
            f"approval:{rule.group}", "approval", title, RequirementStatus.MET, f"{have} of {rule.count}"
        )
    if closed:
        return Requirement(
            f"approval:{rule.group}", "approval", title, RequirementStatus.WAITING, f"{have} of {rule.count}"
        )
    if not progress.open:
        detail, state = "waiting for the previous approval group", RequirementStatus.LATER
    elif not review_open:
        detail, state = f"{have} of {rule.count}; opens when every check is completed", RequirementStatus.LATER
    else:
        detail, state = f"{have} of {rule.count}", RequirementStatus.WAITING
    how = (
        f"{progress.missing} more of {rule.label} must approve"
        if able >= progress.missing
        else _too_few(rule, progress.missing - able)
    )
    return Requirement(f"approval:{rule.group}", "approval", title, state, detail, how, names)
