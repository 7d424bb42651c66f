"""Replay a draft: which requests it would have decided otherwise.

The verdicts are those of `policies.evaluate`. The policies that governed a closed request are its bound revisions, with
the draft in place of the revision of its policy; for what is in production, the policies in force today.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from django.db.models import Q

from audit import clock
from governance.gate import gate_inputs, list_evaluation
from governance.gate.condition_facts import known_facts
from governance.gate.drafts import draft_revision
from governance.gate.finding_facts import blocking_findings
from governance.gate.kind_conditions import kind_conditions
from governance.gate.waiver_facts import applying, waiver_in_words, waivers_of
from governance.models import CheckRun, PolicyRevision, PromotionRequest, RequestPolicy, Waiver
from governance.policies import (
    CheckFact,
    Facts,
    GateState,
    PolicyDocument,
    Represented,
    Requirement,
    RequirementStatus,
    Reviewer,
    conditions_of_model,
    evaluate,
    facts_of_model,
)
from governance.replay.governing import Draft, Governed
from governance.replay.outcomes import ReplayComparison, ReplayOutcome, compare_verdicts, requirement_in_words
from governance.replay.result import Replay, ReplayPart, ReplayRow
from governance.replay.stored_facts import (
    BATCH,
    StoredFacts,
    StoredRun,
    read_assessments,
    read_facts,
)
from registry import selectors
from registry.models import IS_CURRENT, AliasAssignment, RegisteredModel, Stage, StageOccupancy


def replay(document: PolicyDocument, *, since: datetime) -> Replay:
    """Evaluate a draft over the requests closed since a time, the open ones, and what is in protected places now.

    Reads only. The number of queries does not depend on the number of requests, up to `BATCH` of them.

    Args:
        document: the draft, validated.
        since: requests closed at this time or later are the past.

    Returns:
        The result over all models; the caller decides what a reader may see of it.
    """
    in_force = list(PolicyRevision.objects.in_force())
    revision = draft_revision(document, in_force)
    bound = PolicyRevision.objects.filter(governed__isnull=False).distinct()
    revisions = {one.pk: one for one in bound.select_related("policy").defer("source")}
    aliases = {
        one.name: [Represented(stage, stage.by_name) for stage in one.represents]
        for one in selectors.protected_aliases()
    }
    draft = Draft(document, revision, revisions, in_force, aliases)
    counts: dict[str, Counter[str]] = {str(part): Counter() for part in ReplayPart}
    outside: Counter[str] = Counter({str(part): 0 for part in ReplayPart})
    rows: list[ReplayRow] = []
    for part, request, found in (*_past_and_production(draft, since), *_open(draft)):
        if found is None:
            outside[part] += 1
            continue
        counts[part][found.outcome] += 1
        if found.outcome is not ReplayOutcome.UNCHANGED:
            rows.append(_row(part, request, found))
    rows.sort(key=lambda row: (row.part, row.outcome, row.request or 0, row.slug, row.version))
    return Replay(
        policy=document.slug,
        document_digest=revision.digest,
        since=since,
        rows=tuple(rows),
        counts={
            part: {str(outcome): count[str(outcome)] for outcome in ReplayOutcome} for part, count in counts.items()
        },
        outside=dict(outside),
    )


_Found = tuple[ReplayPart, PromotionRequest, ReplayComparison | None]

_COLUMNS = (
    "pk", "uid", "state", "kind", "confirming_group", "created_at", "closed_at", "target_alias", "before_governance",
    "policy_revision_id", "fingerprint", "model__slug", "model__tags", "model__data_classes", "model__team",
    "model__affects_people", "model__regulations", "model__risk_tier", "model__tier_basis_id",
    "version__number", "version_id",
    "source_stage__slug", "source_stage__name", "source_stage__protected", "source_stage__protected_exit",
    "target_stage__slug", "target_stage__name", "target_stage__protected", "target_stage__protected_exit",
)  # fmt: skip


def _past_and_production(draft: Draft, since: datetime) -> Iterator[_Found]:
    places = _places()
    held = {uid for _, uid in places if uid is not None}
    governed = Q(policy_revision__isnull=False, closed_at__gte=since) | Q(uid__in=held)
    rows = (
        PromotionRequest.objects.filter(governed)
        .exclude(state__in=PromotionRequest.LIVE)
        .select_related("model", "version", "source_stage", "target_stage")
        .only(*_COLUMNS)
        .order_by("pk")
    )
    seen = set()
    for batch in _batches(rows.iterator(chunk_size=BATCH)):
        numbers = [one.pk for one in batch]
        kept = read_facts(numbers, {one.model_id for one in batch}, {rule.group for rule in draft.document.approvals})
        bound = _bound(numbers)
        plans = []
        for one in batch:
            if one.policy_revision_id is not None and one.closed_at is not None and one.closed_at >= since:
                tier = kept.tier_at(one.model_id, one.model.risk_tier, one.created_at)
                facts = replace(facts_of_model(one.model), tier=tier)
                plans.append((ReplayPart.PAST, one, draft.governed(one, bound.get(one.pk, ()), facts), tier))
            if one.uid in held:
                seen.add(one.uid)
                plan = draft.governed_now(one, facts_of_model(one.model))
                plans.append((ReplayPart.PRODUCTION, one, plan, one.model.risk_tier))
        documents = [doc for *_, plan, _ in plans if plan for doc in (plan.before, plan.after) if doc is not None]
        draft.results.prepare({id(doc): doc for doc in documents}.values(), kept.runs.values())
        waived = _waived_of(plans, kept)
        for part, one, plan, tier in plans:
            yield (
                part,
                one,
                _compare_closed(draft, one, plan, tier, kept, waived[part].get(one.pk, {}), part) if plan else None,
            )
    for request, uid in places:
        if uid not in seen and (plan := draft.governed_now(request, facts_of_model(request.model))) is not None:
            reason = "no request of this registry put it there, so that nothing was checked or approved here"
            yield (
                ReplayPart.PRODUCTION,
                request,
                ReplayComparison(ReplayOutcome.UNKNOWN, GateState.READY, None, (reason,)),
            )


def _batches(rows: Iterator[PromotionRequest]) -> Iterator[list[PromotionRequest]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


_Plan = tuple[ReplayPart, PromotionRequest, Governed | None, int | None]


def _waived_of(plans: Sequence[_Plan], kept: StoredFacts) -> dict[ReplayPart, dict[int, dict[str, str]]]:
    """Return the waivers that were in force and that the draft allows, in words by part, request and check."""
    found: dict[ReplayPart, dict[int, dict[str, str]]] = {part: {} for part in ReplayPart}
    for part in (ReplayPart.PAST, ReplayPart.PRODUCTION):
        documents = {one.pk: plan.after for of, one, plan, _ in plans if of is part and plan and plan.after}
        requests = [one for of, one, _, _ in plans if of is part and one.pk in documents]
        applied = waivers_of(requests, documents) if requests else {}
        keys = {
            one.pk for pk, by_check in applied.items() for slug in by_check if (one := kept.runs.get(pk, {}).get(slug))
        }
        runs = CheckRun.objects.in_bulk(keys)
        for pk, by_check in applied.items():
            for slug, waivers in by_check.items():
                stored = kept.runs.get(pk, {}).get(slug)
                run = runs.get(stored.pk) if stored is not None else None
                waiver = applying(waivers, run, run.inputs_digest) if run is not None else None
                if waiver is not None:
                    found[part].setdefault(pk, {})[slug] = waiver_in_words(waiver)
    return found


def _places() -> list[tuple[PromotionRequest, Any]]:
    """Return what holds a protected stage or alias now, as unsaved requests, with the uid of its promotion."""
    stages = {stage.pk: stage for stage in Stage.objects.all()}
    protected = [pk for pk, stage in stages.items() if stage.protected]
    held = StageOccupancy.objects.filter(IS_CURRENT, stage__in=protected).select_related("model", "version")
    found = [
        (
            PromotionRequest(
                model=row.model,
                version=row.version,
                source_stage=stages[row.stage_id],
                target_stage=stages[row.stage_id],
            ),
            row.promotion,
        )
        for row in held
    ]
    names = [one.name for one in selectors.protected_aliases()]
    pointing = AliasAssignment.objects.filter(IS_CURRENT, name__in=names).select_related("model", "version")
    found += [(_place(row, stages[row.version.stage_id], target_alias=row.name), row.promotion) for row in pointing]
    return [one for one in found if one[0].model.status != RegisteredModel.Status.ARCHIVED]


def _place(held: StageOccupancy | AliasAssignment, source: Stage, **target: Any) -> PromotionRequest:
    return PromotionRequest(model=held.model, version=held.version, source_stage=source, **target)


def _bound(requests: Sequence[int]) -> dict[int, tuple[tuple[int, str], ...]]:
    found: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    rows = RequestPolicy.objects.filter(request__in=requests).select_related(None).order_by("pk")
    for request, revision, basis in rows.values_list("request_id", "policy_revision_id", "basis"):
        found[request].append((revision, basis))
    return {request: tuple(pairs) for request, pairs in found.items()}


def _compare_closed(
    draft: Draft,
    request: PromotionRequest,
    plan: Governed,
    tier: int | None,
    kept: StoredFacts,
    waived: Mapping[str, str],
    part: ReplayPart,
) -> ReplayComparison:
    assert request.closed_at is not None
    at = request.closed_at
    runs = kept.runs.get(request.pk, {})
    refused = (
        (Requirement("rejected", "condition", "Rejected", RequirementStatus.FAILED, "a person rejected the request"),)
        if request.state == PromotionRequest.State.REJECTED
        else ()
    )
    assessed = request.model.tier_basis_id is not None if part is ReplayPart.PRODUCTION else None
    if assessed is None:
        assessed = kept.is_assessed_at(request.model_id, at)

    def facts(document: PolicyDocument, missing: tuple[str, ...]) -> tuple[Facts, dict[str, str]]:
        checks, unknown = _results(draft, document, runs, at)
        checks.update({slug: replace(checks[slug], waived=words) for slug, words in waived.items() if slug in checks})
        conditions = conditions_of_model(
            no_policy=missing,
            owner_answers=True,
            tier=tier,
            assessed=assessed or not (document.requires_assessed_tier and plan.entering),
            archived=False,
            who_can=(),
        )
        called = {rule.group for rule in document.approvals}
        people = kept.reviewers(request.pk, request.created_at, called)
        decided = kept.decided(request.pk)
        every = (*conditions, *refused)
        # The facts that conditions name are not kept for the past, and what is not known satisfies no condition.
        return Facts(checks, people, decided, every, at, request.created_at, closed=True, known={}), unknown

    before, unmet = GateState.READY, dict[str, str]()
    if request.state != PromotionRequest.State.PROMOTED and plan.before is not None:
        verdict = evaluate(plan.before, facts(plan.before, ())[0])
        before, unmet = verdict.state, {one.id: requirement_in_words(one) for one in verdict.unmet}
    return _compare(plan, before, unmet, lambda document: facts(document, plan.missing))


def _compare(plan: Governed, before: GateState, unmet: Mapping[str, str], facts: Any) -> ReplayComparison:
    if plan.after is None:
        words = tuple(f"no policy covers {one}: the change is refused" for one in plan.missing)
        blocked = before is not GateState.BLOCKED
        outcome = ReplayOutcome.NEWLY_BLOCKED if blocked else ReplayOutcome.UNCHANGED
        return ReplayComparison(outcome, before, GateState.BLOCKED, words)
    given, unknown = facts(plan.after)
    return compare_verdicts(before, unmet, plan.after, given, unknown)


def _results(
    draft: Draft, document: PolicyDocument, runs: Mapping[str, StoredRun], at: datetime
) -> tuple[dict[str, CheckFact], dict[str, str]]:
    checks, unknown = {}, {}
    for rule in document.checks:
        fact, why = draft.results.result(rule, runs.get(rule.check), at)
        if fact is None:
            unknown[rule.check] = why
        else:
            checks[rule.check] = fact
    return checks, unknown


_OPEN_RELATED = (
    "model__owner", "version__registered_by", "version__registered_with__person", "version__trained_by",
    "source_stage", "target_stage", "policy_revision", "requested_by", "requested_with__person", "restores",
)  # fmt: skip


_SIGNERS = tuple(f"decisions__{name}" for name in gate_inputs.SIGNERS)


def _open(draft: Draft) -> Iterator[_Found]:
    """Compare the open requests, with the facts that a list of requests reads."""
    rows = PromotionRequest.objects.filter(state__in=PromotionRequest.LIVE, policy_revision__isnull=False)
    live = list(rows.select_related(*_OPEN_RELATED).prefetch_related("policies", *_SIGNERS).order_by("pk"))
    assessments = StoredFacts({}, {}, assessments=read_assessments({one.model_id for one in live}))
    plans = {}
    for one in live:
        opened = assessments.tier_at(one.model_id, one.model.risk_tier, one.created_at)
        tiers = [tier for tier in (opened, one.model.risk_tier) if tier is not None]
        tier = min(tiers, default=None)
        facts = replace(facts_of_model(one.model), tier=tier)
        bound = tuple((b.policy_revision_id, b.basis) for b in one.governing)
        plans[one.pk] = (draft.governed(one, bound, facts), tier)
    concerned = [one for one in live if plans[one.pk][0] is not None]
    found = CheckRun.objects.filter(request__in=concerned).order_by("request_id", "check_slug", "-pk")
    runs: defaultdict[int, dict[str, CheckRun]] = defaultdict(dict)
    for run in found.distinct("request_id", "check_slug").defer("conditions"):
        runs[run.request_id][run.check_slug] = run
    groups = {one.pk: _called(plans[one.pk][0]) for one in concerned}
    reviewers = list_evaluation.list_reviewers(concerned, None, groups)
    blocking = blocking_findings(concerned)
    waived = set(
        Waiver.objects.filter(version__in=[one.version_id for one in concerned]).values_list("version", flat=True)
    )
    stored = {pk: {slug: _stored(run) for slug, run in mine.items()} for pk, mine in runs.items()}
    documents = {id(doc): doc for plan, _ in plans.values() if plan for doc in (plan.before, plan.after) if doc}
    draft.results.prepare(documents.values(), stored.values())
    for one in live:
        plan, tier = plans[one.pk]
        if plan is None or plan.before is None:
            yield ReplayPart.OPEN, one, None
            continue
        shared = (*kind_conditions(one, runs[one.pk]), *blocking.get(one.pk, ()))
        people = reviewers.get(one.pk, ())
        compared = _compare_open(draft, one, plan, tier, runs[one.pk], people, shared, one.version_id in waived)
        yield ReplayPart.OPEN, one, compared


def _called(plan: Governed | None) -> frozenset[str]:
    documents = [doc for doc in (plan.before, plan.after) if doc is not None] if plan is not None else []
    return frozenset(rule.group for document in documents for rule in document.approvals)


def _stored(run: CheckRun) -> StoredRun:
    by_service = None if run.external_run_id is None else False
    return StoredRun(run.pk, run.status, run.conclusion, run.summary, run.params, run.completed_at, by_service)


def _compare_open(
    draft: Draft,
    request: PromotionRequest,
    plan: Governed,
    tier: int | None,
    runs: Mapping[str, CheckRun],
    people: tuple[Reviewer, ...],
    shared: tuple[Requirement, ...],
    has_waivers: bool,
) -> ReplayComparison:
    assert plan.before is not None
    inputs = list_evaluation.current_inputs(request, runs)
    decisions = gate_inputs.facts_of_decisions(request, request.decisions.all())
    rules = {rule.check: rule for rule in plan.before.checks}

    def facts(document: PolicyDocument, missing: tuple[str, ...] = ()) -> tuple[Facts, dict[str, str]]:
        waivers = waivers_of([request], {request.pk: document}).get(request.pk) if has_waivers else None
        checks = gate_inputs.check_facts(request, document, runs, inputs, remedies=False, waivers=waivers)
        unknown = {}
        for rule in document.checks:
            if draft.results.is_same_rule(rule, rules.get(rule.check)):
                continue
            run = runs.get(rule.check)
            fact, why = draft.results.result(rule, _stored(run) if run is not None else None, clock.now())
            checks.pop(rule.check, None)
            if fact is None:
                unknown[rule.check] = why
            else:
                checks[rule.check] = fact
        conditions = conditions_of_model(
            no_policy=missing,
            owner_answers=request.model.active_owner is not None,
            tier=tier,
            assessed=request.model.tier_basis_id is not None or not (document.requires_assessed_tier and plan.entering),
            archived=request.model.status == RegisteredModel.Status.ARCHIVED,
            who_can=(),
        )
        every = (*conditions, *shared)
        stated = known_facts(request, document)
        return Facts(checks, people, decisions, every, clock.now(), request.created_at, known=stated), unknown

    verdict = evaluate(plan.before, facts(plan.before)[0])
    unmet = {one.id: requirement_in_words(one) for one in verdict.unmet}
    return _compare(plan, verdict.state, unmet, lambda document: facts(document, plan.missing))


def _row(part: ReplayPart, request: PromotionRequest, found: ReplayComparison) -> ReplayRow:
    return ReplayRow(
        part=part,
        outcome=found.outcome,
        request=request.pk,
        model=request.model_id,
        slug=request.model.slug,
        version=request.version.number,
        target=request.target_name,
        state=request.state if request.pk is not None else "",
        before=str(found.before),
        after=str(found.after) if found.after is not None else None,
        reasons=found.reasons,
    )
