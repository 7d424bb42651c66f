"""Gathers what a verdict depends on. Reads only; the caller holds the locks where the answer will be acted upon."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from audit import clock
from governance.checks import entry_points
from governance.gate.eligibility import (
    Member,
    has_left_since,
    involvements,
    member,
    members_of,
    reviewers_among,
    standing_of,
)
from governance.models import CheckRun, Decision, PolicyRevision, PromotionRequest, SettlementFailure
from governance.policies import (
    Basis,
    CheckFact,
    DecisionFact,
    Demand,
    Exclusion,
    Facts,
    GateState,
    Involvement,
    PolicyDocument,
    Represented,
    Requirement,
    RequirementStatus,
    Reviewer,
    Verdict,
    assign_approvers,
    choose,
    combine,
    conditions_of_model,
    demands_of_alias,
    demands_of_move,
    is_fresh,
)
from registry import access, selectors
from registry.models import AliasAssignment, Assessment, ModelVersion, RegisteredModel, Stage, User
from registry.selectors import VersionContents


def get_policy_document(request: PromotionRequest) -> PolicyDocument | None:
    """Return what the request must satisfy: the conjunction of every policy revision that governs it; None for a free
    move."""
    if request.policy_revision is None:
        return None
    return combined([request.policy_revision, *(bound.policy_revision for bound in request.governing)])


def combined(revisions: Iterable[PolicyRevision]) -> PolicyDocument:
    """Return the conjunction of policy revisions, the first one primary. A revision given twice counts once."""
    unique = {revision.digest: revision for revision in revisions}
    if len(unique) == 1:
        return parse_revision(next(iter(unique.values())))
    key = " ".join(unique)
    if (known := _documents.get(key)) is None:
        documents = [parse_revision(revision) for revision in unique.values()]
        known = _remembered(key, combine(documents, merge=entry_points.combined_parameters))
    return known


def parse_revision(revision: PolicyRevision) -> PolicyDocument:
    """A revision's document as a value. Revisions never change, so a process reads each once."""
    if (known := _documents.get(revision.digest)) is None:
        known = _remembered(revision.digest, PolicyDocument.model_validate(revision.document))
    return known


def _remembered(key: str, document: PolicyDocument) -> PolicyDocument:
    if len(_documents) >= _KEPT:
        _documents.clear()
    return _documents.setdefault(key, document)


def documents_in_force() -> list[PolicyDocument]:
    """What the policies in force say, in the order of their names."""
    found = PolicyRevision.objects.filter(in_force_of__isnull=False).order_by("policy__slug")
    return [parse_revision(revision) for revision in found]


_KEPT = 500
_documents: dict[str, PolicyDocument] = {}


def demands_on(version: ModelVersion, *, stage: Stage | None, alias: str) -> tuple[Demand, ...]:
    """Return the policies that moving `version` to a stage, or pointing an alias at it, needs now; none for a free
    change. The stage it is in now counts, not the one it was in when somebody asked."""
    if stage is not None:
        return demands_of_move(version.stage, stage)
    protection = selectors.alias_protection(alias)
    if protection is None:
        return ()
    return demands_of_alias(alias, version.stage, [Represented(one, one.by_name) for one in protection.represents])


def policies_for(demands: Sequence[Demand], tier: int | None) -> tuple[tuple[Demand, PolicyRevision | None], ...]:
    """Return the policy revision in force that meets each demand for a model of this tier; None where none does."""
    if not demands:
        return ()
    revisions = PolicyRevision.objects.filter(in_force_of__isnull=False).select_related("policy")
    candidates = [(parse_revision(revision), revision) for revision in revisions]
    return tuple((demand, choose(candidates, demand, tier)) for demand in demands)


def unmet_demands(request: PromotionRequest, demands: Sequence[Demand]) -> tuple[Demand, ...]:
    """Return those demands for which a request has to be bound to the policy that `policies_for` finds now.

    A demand is met by a policy that the request was bound to for the same reason and that covers it, for any tier. The
    way out of another stage than the one in which the request was made is asked again: a policy without `from` covers
    it as well, and one that names that stage takes precedence over it.
    """
    return tuple(
        demand
        for demand in demands
        if not _is_bound_for(request, demand)
        or (demand.basis is Basis.LEAVING and demand.source != request.source_stage.slug)
    )


def _is_bound_for(request: PromotionRequest, demand: Demand) -> bool:
    """Whether a policy governs the request for what is demanded, and covers it for some tier."""
    return any(
        bound.basis == demand.basis and demand.covered_by(parse_revision(bound.policy_revision))
        for bound in request.governing
    )


def aliases_outside_stage(request: PromotionRequest) -> tuple[str, ...]:
    """Return the aliases that point at the request's version and represent the stage it leaves.

    A protected alias never points nowhere, so they keep pointing at the version until a request moves them; whoever
    decides on leaving is shown that. The move is not refused: a version must be able to leave in an emergency, with no
    other version at hand.
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
    """Return the members of the policy's groups who may decide on this model, including those whom the separation of
    duties excludes: the page names them with the reason.

    Args:
        involved: the request's involvement, where it is known.
    """
    wanted = {rule.group for rule in document.approvals}
    if not wanted:
        return ()
    if not request.is_live:
        return _reviewers_then(request)
    members = members_of(wanted)
    return reviewers_among(members, deciders(request.model, members), request, wanted, involved)


def deciders(model: RegisteredModel, members: Iterable[Member]) -> frozenset[int]:
    """Those of them who may decide on the model."""
    return access.filter_users_with_permission([found.user for found in members], access.Permission.DECIDE, model)


def called_groups(request: PromotionRequest) -> frozenset[str]:
    """The groups that the policies of a request call upon."""
    document = get_policy_document(request)
    return frozenset(rule.group for rule in document.approvals) if document is not None else frozenset()


def exclusion_of(person: User, request: PromotionRequest, *, name: str | None = None) -> Exclusion | None:
    """Why a person's decision cannot count for a request, by the separation of duties; None where it can.

    Args:
        name: what the reason calls them: their name where none is given, or `policies.YOU`.
    """
    return standing_of(member(person), request, called_groups(request), name=name).excluded


def _reviewers_then(request: PromotionRequest) -> tuple[Reviewer, ...]:
    """Who decided on a request that is closed, in the groups they were in then: what later became of them changes
    nothing about it."""
    standing = request.decisions.filter(lapsed_at__isnull=True).select_related("person").order_by("signed_at")
    return tuple(Reviewer(uid=d.person.uid, name=d.signed_name, groups=frozenset(d.groups)) for d in standing)


def requests_without_quorum(group: str, *, leaving: User | None = None) -> list[PromotionRequest]:
    """The live requests that call on this group, by its slug, and can no longer gather the approvals they need: even if
    everybody who may still approve did. With `leaving`, as it would be once that person has left the group.
    """
    short = []
    # Many requests wait under few policies, for few models: what is the same for several is asked once.
    members: dict[frozenset[str], list[Member]] = {}
    able_to_decide: dict[tuple[int, frozenset[str]], frozenset[int]] = {}
    rows = PromotionRequest.objects.filter(state__in=PromotionRequest.LIVE, policy_revision__isnull=False)
    live = (
        rows.select_related(
            "model",
            "policy_revision",
            "requested_by",
            "requested_with__person",
            "version__registered_by",
            "version__registered_with__person",
            "version__trained_by",
        )
        .prefetch_related("policies")
        .order_by("pk")
    )
    involved = involvements(live)
    for request in live:
        document = get_policy_document(request)
        wanted = frozenset(rule.group for rule in document.approvals) if document is not None else frozenset()
        if document is None or group not in wanted:
            continue
        if wanted not in members:
            members[wanted] = members_of(wanted)
        about = (request.model_id, wanted)
        if about not in able_to_decide:
            able_to_decide[about] = deciders(request.model, members[wanted])
        able = [
            (r.uid, r.groups - {group} if leaving is not None and r.uid == leaving.uid else r.groups)
            for r in reviewers_among(members[wanted], able_to_decide[about], request, wanted, involved[request.pk])
            if r.excluded is None
        ]
        filled = assign_approvers(document.approvals, able)
        if any(len(filled[rule.group]) < rule.count for rule in document.approvals):
            short.append(request)
    return short


def contents_of(request: PromotionRequest) -> VersionContents:
    """What the version that is to be promoted and its champion consist of now."""
    return VersionContents(*filter(None, (request.version, request.champion)))


def latest_runs(request: PromotionRequest) -> dict[str, CheckRun]:
    """The latest attempt of each check: the one that counts."""
    rows = CheckRun.objects.filter(request=request).order_by("check_slug", "-pk").distinct("check_slug")
    return {run.check_slug: run for run in rows}


def check_facts(document: PolicyDocument, runs: dict[str, CheckRun], inputs: dict[str, str]) -> dict[str, CheckFact]:
    """What the latest runs say. `inputs` holds the digest each check's inputs have now: a run on another is stale."""
    now = clock.now()
    facts: dict[str, CheckFact] = {}
    for rule in document.checks:
        run = runs.get(rule.check)
        if run is None:
            continue
        check = entry_points.find(rule.check)
        stale = run.inputs_digest != inputs.get(rule.check) or (
            run.completed_at is not None and not is_fresh(rule, run.completed_at, now)
        )
        facts[rule.check] = CheckFact(
            slug=rule.check,
            title=check.title if check is not None else rule.check,
            status=run.status,
            conclusion=run.conclusion,
            summary=run.summary,
            stale=stale and run.status == CheckRun.Status.COMPLETED,
            how_to_fulfil=_way_out(run),
        )
    return facts


def _way_out(run: CheckRun) -> str:
    if run.status == CheckRun.Status.WAITING_EVIDENCE:
        return run.summary
    messages: Iterable[str] = (str(f.get("message", "")) for f in run.findings)
    return "; ".join(m for m in messages if m)[:500]


def decision_facts(request: PromotionRequest) -> tuple[DecisionFact, ...]:
    """The standing decisions: those that have not lapsed, of accounts that were active ever since."""
    rows = request.decisions.filter(lapsed_at__isnull=True).select_related("person").order_by("signed_at", "pk")
    return tuple(
        DecisionFact(person=d.person.uid, name=d.signed_name, outcome=d.outcome) for d in rows if counts(request, d)
    )


def counts(request: PromotionRequest, decision: Decision) -> bool:
    """Whether a decision that has not lapsed counts: not where its signer's account was deactivated since, even if it
    was reactivated. A closed request keeps what counted when it was closed."""
    return not request.is_live or not has_left_since(decision.person, decision.signed_at)


@dataclass(frozen=True)
class TierSpan:
    """The tiers a model had while a request of it was open: the one when it opened, and the strictest."""

    opened: int | None
    strictest: int | None

    @property
    def has_tightened(self) -> bool:
        """Whether the model became stricter meanwhile."""
        return self.strictest is not None and (self.opened is None or self.strictest < self.opened)


def tier_span(request: PromotionRequest) -> TierSpan:
    """Return the tiers of a request's model from the opening of the request until now, by its assessments: a tier that
    was stricter for a moment counts."""
    now = request.model.risk_tier
    if now is None or request.model.tier_basis_id is None:
        return TierSpan(now, now)
    made = Assessment.objects.filter(model=request.model_id, assessed_at__gt=request.created_at).order_by("number")
    tiers = list(made.values_list("tier_before", "tier"))
    opened = tiers[0][0] if tiers else now
    return TierSpan(opened, min(tier for tier in (opened, now, *(pair[1] for pair in tiers)) if tier is not None))


def requires_assessment(model: RegisteredModel, demands: Sequence[Demand], document: PolicyDocument) -> bool:
    """Whether a model with a declared tier has to be assessed before it enters what the demands protect. Leaving a
    protected place does not wait for it."""
    return (
        model.tier_basis_id is None
        and document.requires_assessed_tier
        and any(demand.basis is not Basis.LEAVING for demand in demands)
    )


def model_conditions(request: PromotionRequest, document: PolicyDocument) -> tuple[Requirement, ...]:
    """What the request's model lacks now, and who can mend it."""
    model = request.model
    demands = demands_on(request.version, stage=request.target_stage, alias=request.target_alias)
    documents = [parse_revision(bound.policy_revision) for bound in request.governing]
    covered = [demand for demand in demands if _is_bound_for(request, demand)]
    tier = tier_span(request).strictest

    def conditions(who_can: tuple[str, ...]) -> tuple[Requirement, ...]:
        return conditions_of_model(
            for_other_tiers=tuple(
                demand.words for demand in covered if not any(demand.met_by(one, tier) for one in documents)
            ),
            no_policy=tuple(demand.words for demand in demands if demand.required and demand not in covered),
            owner_answers=model.active_owner is not None,
            tier=tier,
            assessed=not requires_assessment(model, demands, document),
            archived=model.status == RegisteredModel.Status.ARCHIVED,
            who_can=who_can,
        )

    # Who can help is asked only where help is needed.
    return conditions(access.names_who_can_assign(model)) if conditions(()) else ()


def with_failure(request: PromotionRequest, judged: Verdict) -> Verdict:
    """Return a verdict for readers: where the last attempt to settle the request failed, the request is blocked by
    that, whatever else the verdict says. Judging again ignores the failure, so that the request can recover."""
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
) -> Facts:
    """The facts of a verdict.

    Args:
        runs: the latest run of each check.
        inputs: the inputs digest each check has now.
        people: the reviewers, where they are known or not wanted: before the checks are satisfied nobody's approval
            can make a request ready, and asking who might give one is the dearest question here.
    """
    return Facts(
        checks=check_facts(document, runs, inputs),
        reviewers=tuple(people) if people is not None else reviewers(request, document),
        decisions=decision_facts(request),
        conditions=model_conditions(request, document) if request.is_live else (),
        closed=not request.is_live,
    )
