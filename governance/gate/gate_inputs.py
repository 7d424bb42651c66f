"""Read the facts that a verdict depends on. Reads only; a caller that acts on the verdict holds the locks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from audit import clock
from governance.checks import entry_points, external
from governance.gate.condition_facts import known_facts
from governance.gate.delegates import delegates_of
from governance.gate.eligibility import (
    Member,
    eligibility_of,
    has_left_since,
    member,
    members_of,
    reviewers_among,
)
from governance.gate.finding_facts import blocking_findings, late_conditions
from governance.gate.governing import (
    Selected,
    combined,
    demands_on,
    documents_in_force,
    get_policy_document,
    is_bound_for,
    parse_revision,
    policies_for,
    select_policies,
    unmet_demands,
)
from governance.gate.kind_conditions import kind_conditions
from governance.gate.waiver_facts import Applied, applying, waiver_in_words, waivers_of
from governance.models import CheckRun, Decision, PromotionRequest, SettlementFailure
from governance.policies import (
    Basis,
    CheckFact,
    CheckRule,
    DecisionFact,
    Demand,
    Exclusion,
    Facts,
    GateState,
    Involvement,
    PolicyDocument,
    Requirement,
    RequirementStatus,
    Reviewer,
    Verdict,
    conditions_of_model,
    demands_of_move,
    facts_of_model,
    is_fresh,
)
from registry import access, selectors
from registry.models import AliasAssignment, Assessment, RegisteredModel, User
from registry.selectors import VersionContents

__all__ = [
    "SIGNERS",
    "Selected",
    "TierSpan",
    "aliases_outside_stage",
    "called_groups",
    "check_facts",
    "collect_facts",
    "combined",
    "contents_of",
    "counts",
    "deciders",
    "decision_facts",
    "demands_on",
    "documents_in_force",
    "exclusion_of",
    "facts_of_decisions",
    "get_policy_document",
    "is_bound_for",
    "latest_runs",
    "model_conditions",
    "parse_revision",
    "policies_for",
    "requires_assessment",
    "reviewers",
    "reviewers_of_closed",
    "select_policies",
    "tier_span",
    "unmet_demands",
    "with_failure",
]

SIGNERS = ("person", "on_behalf_of", "delegation")
"""The relations of a decision that `counts` reads."""


def aliases_outside_stage(request: PromotionRequest) -> tuple[str, ...]:
    """Return the aliases that point at the request's version and represent the stage it leaves.

    A protected alias always has a version, so these aliases keep pointing at it until another request changes them;
    approvers see the list. The transition is allowed, because a version must be able to leave in an emergency when no
    other version is available.
    """
    version, target = request.version, request.target_stage
    if target is None or target.pk == version.stage_id:
        return ()
    if not any(demand.basis is Basis.LEAVING and demand.required for demand in demands_of_move(version.stage, target)):
        return ()
    held = AliasAssignment.objects.raw_filter(
        "version_id = %(version)s AND closed_at IS NULL ORDER BY name", version=version.pk
    )
    protections = selectors.alias_protections(row.name for row in held) if held else {}
    return tuple(
        name
        for name, protection in protections.items()
        if any(stage.slug == version.stage.slug for stage in protection.represents)
    )


def reviewers(
    request: PromotionRequest, document: PolicyDocument, involved: Involvement | None = None
) -> tuple[Reviewer, ...]:
    """Return the members of the policy's groups who may decide on the model, and their delegates.

    Includes members excluded by the separation of duties, with the reason. For a closed request: those who decided.

    Args:
        request: the promotion request.
        document: its combined policy.
        involved: the request's involvement if already read.
    """
    wanted = {rule.group for rule in document.approvals}
    if not wanted:
        return ()
    if not request.is_live:
        return _reviewers_then(request)
    members = members_of(wanted, request.model)
    able = deciders(request.model, members)
    own = reviewers_among(members, able, request, wanted, involved)
    return own + delegates_of(members, able, request, wanted, involved)


def deciders(model: RegisteredModel, members: Iterable[Member]) -> frozenset[int]:
    """Return the primary keys of the members who have permission to decide on the model."""
    return access.filter_users_with_permission([found.user for found in members], access.Permission.DECIDE, model)


def called_groups(request: PromotionRequest) -> frozenset[str]:
    """Return the slugs of the groups that a request's policies require."""
    document = get_policy_document(request)
    return frozenset(rule.group for rule in document.approvals) if document is not None else frozenset()


def exclusion_of(person: User, request: PromotionRequest, *, name: str | None = None) -> Exclusion | None:
    """Return why a person's decision cannot count for a request (separation of duties); None where it can.

    Args:
        person: the user.
        request: the promotion request.
        name: how the reason names the person: their own name if None, or `policies.YOU`.
    """
    return eligibility_of(member(person), request, called_groups(request), name=name).excluded


def _reviewers_then(request: PromotionRequest) -> tuple[Reviewer, ...]:
    """Return who decided on a closed request, in their groups of that time. Later membership changes do not matter."""
    rows = request.decisions.filter(lapsed_at__isnull=True).select_related(*SIGNERS).order_by("signed_at")
    return reviewers_of_closed(rows)


def reviewers_of_closed(decisions: Iterable[Decision]) -> tuple[Reviewer, ...]:
    """Return the signers of a closed request's decisions that have not lapsed, in their groups of that time."""
    return tuple(
        Reviewer(
            uid=d.person.uid,
            name=d.signed_name,
            groups=frozenset(d.groups),
            on_behalf_of=d.on_behalf_of.uid if d.on_behalf_of is not None else "",
            delegator=d.on_behalf_of.name if d.on_behalf_of is not None else "",
        )
        for d in decisions
        if d.lapsed_at is None
    )


def contents_of(request: PromotionRequest) -> VersionContents:
    """Return the current contents of the request's version and its champion."""
    return VersionContents(*filter(None, (request.version, request.champion)))


def latest_runs(request: PromotionRequest) -> dict[str, CheckRun]:
    """Return the latest run of each check of a request, by check slug."""
    rows = CheckRun.objects.filter(request=request).order_by("check_slug", "-pk").distinct("check_slug")
    return {run.check_slug: run for run in rows}


def check_facts(
    request: PromotionRequest,
    document: PolicyDocument,
    runs: Mapping[str, CheckRun],
    inputs: Mapping[str, str],
    *,
    remedies: bool = True,
    uncounted: Mapping[str, str] | None = None,
    waivers: Applied | None = None,
) -> dict[str, CheckFact]:
    """Return the facts of the latest runs, by check slug.

    Args:
        request: the promotion request. Results of a closed one have the age they had when it was closed.
        document: the combined policy.
        runs: the latest run of each check.
        inputs: current inputs digest of each check. A run with another digest is stale.
        uncounted: why a result that was reported for an external check does not count, by check slug.
        waivers: the waivers in force, by check slug.
        remedies: with false, `how_to_fulfil` stays empty and the findings of the runs are not read.
    """
    now = request.closed_at or clock.now()
    facts: dict[str, CheckFact] = {}
    for rule in document.checks:
        run = runs.get(rule.check)
        note = (uncounted or {}).get(rule.check, "")
        if run is None or (rule.external and run.conclusion == CheckRun.Conclusion.CANCELLED):
            if rule.external:
                facts[rule.check] = CheckFact(
                    rule.check, rule.check, "expected", how_to_fulfil=_report(request, rule), external=True, note=note
                )
            continue
        check = entry_points.find(rule.check)
        stale = run.inputs_digest != inputs.get(rule.check) or (
            run.completed_at is not None and not is_fresh(rule, run.completed_at, now)
        )
        waiver = applying((waivers or {}).get(rule.check, ()), run, inputs.get(rule.check)) if not stale else None
        facts[rule.check] = CheckFact(
            slug=rule.check,
            title=check.title if check is not None else rule.check,
            status=run.status,
            conclusion=run.conclusion,
            summary=run.summary,
            stale=stale and run.status == CheckRun.Status.COMPLETED,
            waived=waiver_in_words(waiver) if waiver is not None else "",
            waiver=waiver.pk if waiver is not None else None,
            how_to_fulfil=_way_out(run, request, rule, stale=stale) if remedies else "",
            external=rule.external,
            note=note,
        )
    return facts


def _report(request: PromotionRequest, rule: CheckRule) -> str:
    command = external.how_to_report(rule.check, request.model.slug, request.version.number)
    return f"The system that runs it reports the result, for example with `{command}`"


def _way_out(run: CheckRun, request: PromotionRequest, rule: CheckRule, *, stale: bool) -> str:
    if rule.external:
        done = run.status == CheckRun.Status.COMPLETED
        answered = run.conclusion not in (CheckRun.Conclusion.ERROR, CheckRun.Conclusion.CANCELLED)
        if done and (stale or not answered):
            return _report(request, rule)
    if run.status == CheckRun.Status.WAITING_EVIDENCE:
        return run.summary
    messages: Iterable[str] = (str(f.get("message", "")) for f in run.findings)
    return "; ".join(m for m in messages if m)[:500]


def decision_facts(request: PromotionRequest) -> tuple[DecisionFact, ...]:
    """Return the decisions that have not lapsed, of accounts that were active since they signed."""
    rows = request.decisions.filter(lapsed_at__isnull=True).select_related(*SIGNERS).order_by("signed_at", "pk")
    return facts_of_decisions(request, rows)


def facts_of_decisions(
    request: PromotionRequest, decisions: Iterable[Decision], late: frozenset[int] | None = None
) -> tuple[DecisionFact, ...]:
    """Return the facts of those decisions of a request that count, in the order given.

    Args:
        request: the promotion request.
        decisions: its decisions.
        late: keys of the decisions of which a condition is late, if already read.
    """
    decisions = list(decisions)
    if late is None:
        late = late_conditions([request]) if decisions else frozenset()
    return tuple(
        DecisionFact(
            person=d.person.uid,
            name=d.name,
            outcome=d.outcome,
            signed_at=d.signed_at,
            on_behalf_of=d.on_behalf_of.uid if d.on_behalf_of is not None else "",
        )
        for d in decisions
        if d.lapsed_at is None and d.pk not in late and counts(request, d)
    )


def counts(request: PromotionRequest, decision: Decision) -> bool:
    """Return whether a decision that has not lapsed counts.

    It does not count if the signer's account was deactivated after signing, even if it was reactivated; nor a decision
    by a delegation that has ended. A closed request keeps what counted when it was closed.
    """
    if not request.is_live:
        return True
    if has_left_since(decision.person, decision.signed_at):
        return False
    if decision.delegation is None:
        return True
    delegator, delegation = decision.on_behalf_of, decision.delegation
    assert delegator is not None  # the database requires both
    return delegation.is_in_effect(clock.now()) and not has_left_since(delegator, decision.signed_at)


@dataclass(frozen=True)
class TierSpan:
    """Risk tiers of a model while a request was open: the first and the strictest."""

    opened: int | None
    strictest: int | None

    @property
    def has_tightened(self) -> bool:
        """Whether the model's tier became stricter after the request opened."""
        return self.strictest is not None and (self.opened is None or self.strictest < self.opened)


def tier_span(request: PromotionRequest) -> TierSpan:
    """Return the tiers of a request's model since the request opened, read from its assessments.

    A stricter tier counts even if it was replaced later. Changes of a declared tier leave no assessment and are not
    seen.
    """
    now = request.model.risk_tier
    if now is None or request.model.tier_basis_id is None:
        return TierSpan(now, now)
    made = Assessment.objects.filter(model=request.model_id, assessed_at__gt=request.created_at).order_by("number")
    tiers = list(made.values_list("tier_before", "tier"))
    opened = tiers[0][0] if tiers else now
    return TierSpan(opened, min(tier for tier in (opened, now, *(pair[1] for pair in tiers)) if tier is not None))


def requires_assessment(model: RegisteredModel, demands: Sequence[Demand], document: PolicyDocument) -> bool:
    """Return whether a model with a declared tier must be assessed before the change.

    Only entering a protected place requires it; leaving one does not.
    """
    return (
        model.tier_basis_id is None
        and document.requires_assessed_tier
        and any(demand.basis is not Basis.LEAVING for demand in demands)
    )


def model_conditions(request: PromotionRequest, document: PolicyDocument) -> tuple[Requirement, ...]:
    """Return what the request's model lacks now, with the names of users who can correct it."""
    model = request.model
    demands = demands_on(request.version, stage=request.target_stage, alias=request.target_alias)
    documents = [parse_revision(bound.policy_revision) for bound in request.governing]
    covered = [demand for demand in demands if is_bound_for(request, demand)]
    tier = tier_span(request).strictest
    facts = replace(facts_of_model(model), tier=tier)

    def conditions(who_can: tuple[str, ...]) -> tuple[Requirement, ...]:
        return conditions_of_model(
            for_other_tiers=tuple(
                demand.words for demand in covered if not any(demand.met_by(one, facts) for one in documents)
            ),
            no_policy=tuple(demand.words for demand in demands if demand.required and demand not in covered),
            owner_answers=model.active_owner is not None,
            tier=tier,
            assessed=not requires_assessment(model, demands, document),
            archived=model.status == RegisteredModel.Status.ARCHIVED,
            who_can=who_can,
        )

    # The names are read only where a condition fails.
    return conditions(access.names_who_can_assign(model)) if conditions(()) else ()


def with_failure(request: PromotionRequest, judged: Verdict) -> Verdict:
    """Add the last settlement failure to a verdict shown to readers.

    A recorded failure blocks the request whatever the verdict is. A new evaluation ignores the failure, so the request
    can recover.

    Args:
        request: the promotion request.
        judged: its verdict without the failure.
    """
    if request.state != PromotionRequest.State.BLOCKED:
        return judged
    failure = SettlementFailure.objects.filter(request=request).first()
    if failure is None:
        return judged
    again = (
        f"It is tried again at {failure.retry_at:%Y-%m-%d %H:%M} UTC, and when evidence is added or the model changes."
        if failure.retry_at is not None
        else "It is tried again when evidence is added or the model changes."
    )
    unmet = Requirement(
        "execution", "condition", "Execution", RequirementStatus.FAILED, f"it could not be executed: {failure.reason}",
        f"{again} Operators find the error in the log of the worker",
    )  # fmt: skip
    return replace(judged, state=GateState.BLOCKED, requirements=(*judged.requirements, unmet))


def collect_facts(
    request: PromotionRequest,
    document: PolicyDocument,
    runs: dict[str, CheckRun],
    inputs: dict[str, str],
    people: Sequence[Reviewer] | None = None,
    uncounted: Mapping[str, str] | None = None,
) -> Facts:
    """Collect the facts of a verdict.

    Args:
        request: the promotion request.
        document: its combined policy.
        runs: the latest run of each check.
        inputs: current inputs digest of each check.
        people: the reviewers if already read, or empty to skip the query. It is the most expensive one, and no approval
            can make a request ready before its checks are satisfied.
        uncounted: why a result that was reported for an external check does not count, by check slug.
    """
    return Facts(
        checks=check_facts(
            request,
            document,
            runs,
            inputs,
            uncounted=uncounted,
            waivers=waivers_of([request], {request.pk: document}).get(request.pk),
        ),
        reviewers=tuple(people) if people is not None else reviewers(request, document),
        decisions=decision_facts(request),
        conditions=(
            *model_conditions(request, document),
            *kind_conditions(request, runs),
            *blocking_findings([request]).get(request.pk, ()),
        )
        if request.is_live
        else (),
        known=known_facts(request, document) if request.is_live else None,
        now=request.closed_at or clock.now(),
        opened_at=request.created_at,
        closed=not request.is_live,
    )
