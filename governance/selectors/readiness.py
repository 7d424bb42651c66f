"""What a version needs for each target before a request is made: missing items, approvers, and why a target is refused.

It uses the functions that evaluate requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from audit import clock
from audit.actor import Actor
from governance.checks import additions, entry_points, external, planning
from governance.checks.additions import Addition
from governance.gate import gate_inputs
from governance.gate.eligibility import Member, involvements, members_of, reviewers_among
from governance.gate.finding_facts import blocking_findings
from governance.models import CheckRun, PolicyRevision, PromotionRequest
from governance.policies import (
    PASSING_CONCLUSIONS,
    Demand,
    Involvement,
    PolicyDocument,
    Represented,
    Requirement,
    RequirementStatus,
    choose,
    conditions_of_model,
    demands_of_alias,
    demands_of_move,
)
from registry import access, selectors
from registry.access import Allowed, Denied
from registry.models import ModelVersion, RegisteredModel, Stage, User
from registry.selectors import AliasProtection, VersionContents

UNSAVED = 0
"""Primary key of an unsaved request; no row refers to it."""


@dataclass(frozen=True)
class ReadinessStep:
    """Something that is missing, or a check and its expected state.

    FAILED requires an action; WAITING is evaluated when the request is made. `additions`: what can be added to the
    version for it; `command` adds it.
    """

    title: str
    detail: str
    state: RequirementStatus = RequirementStatus.FAILED
    required: bool = True
    additions: tuple[Addition, ...] = ()
    command: str = ""


@dataclass(frozen=True)
class AskedGroup:
    """A reviewer group that the policy requires: number of approvals, who may approve, and why others may not."""

    group: str
    count: int
    order: int
    may_approve: tuple[str, ...]
    excluded: tuple[str, ...]

    @property
    def is_short(self) -> bool:
        """Whether too few members may approve."""
        return len(self.may_approve) < self.count


@dataclass(frozen=True)
class TargetReadiness:
    """One stage or protected alias. `refusal`: why a request is not possible; empty if it is."""

    name: str
    stage: str = ""
    alias: str = ""
    refusal: str = ""
    free: bool = False
    policies: tuple[tuple[str, int], ...] = ()
    """Slug and number of each policy revision that would govern the request."""
    steps: tuple[ReadinessStep, ...] = ()
    asked: tuple[AskedGroup, ...] = ()
    open_request: int | None = None

    @property
    def missing(self) -> tuple[ReadinessStep, ...]:
        """Required steps that need an action."""
        return tuple(step for step in self.steps if step.required and step.state is RequirementStatus.FAILED)

    @property
    def key(self) -> str:
        """The target in forms: "stage:production" or "alias:champion"."""
        return f"stage:{self.stage}" if self.stage else f"alias:{self.alias}"


@dataclass(frozen=True)
class _Known:
    """Facts read once for all targets."""

    version: ModelVersion
    person: User
    contents: VersionContents
    candidates: Sequence[tuple[PolicyDocument, PolicyRevision]]
    members: Sequence[Member]
    deciders: frozenset[int]
    runs: Mapping[tuple[str, str], CheckRun]
    involved: Involvement
    may_request: Allowed | Denied


def readiness(actor: Actor, version: ModelVersion) -> tuple[TargetReadiness, ...]:
    """Return what a version needs for every other stage and every protected alias it does not have.

    The number of queries is fixed per target.

    Args:
        actor: the reader, evaluated as the requester.
        version: with its model, stage and people joined.
    """
    person = access.person_of(actor) or version.registered_by
    lifecycle = selectors.lifecycle()
    revisions = PolicyRevision.objects.filter(in_force_of__isnull=False).select_related("policy")
    candidates = [(gate_inputs.parse_revision(revision), revision) for revision in revisions]
    groups = {rule.group for document, _ in candidates for rule in document.approvals}
    members = members_of(groups) if groups else []
    runs = CheckRun.objects.filter(version=version).order_by("pk").defer("findings", "measures", "conditions")
    known = _Known(
        version=version,
        person=person,
        contents=VersionContents(version),
        candidates=candidates,
        members=members,
        deciders=gate_inputs.deciders(version.model, members),
        runs={(run.check_slug, run.inputs_digest): run for run in runs},
        involved=involvements([_unsaved(version, person, None, "")])[UNSAVED],
        may_request=access.check_permission(actor, access.Permission.REQUEST_PROMOTION, version.model),
    )
    live = PromotionRequest.objects.filter(version=version, state__in=PromotionRequest.LIVE)
    asked = {(row.target_stage_id, row.target_alias): row.pk for row in live}
    rows = {stage.slug: stage for stage in Stage.objects.all()}
    held = selectors.current_alias_names(version)
    lawful = {spec.slug for spec in lifecycle.targets(version.stage.slug)}
    found = []
    for spec in lifecycle.stages:
        if spec.slug == version.stage.slug:
            continue
        demands = demands_of_move(version.stage, spec)
        number = asked.get((rows[spec.slug].pk, ""))
        if spec.slug not in lawful and number is None:
            reached = ", ".join(one.name for one in lifecycle.targets(version.stage.slug)) or "no stage"
            refusal = f"{version.stage.name} → {spec.name} is not a transition of the lifecycle. From here: {reached}."
            found.append(TargetReadiness(spec.name, stage=spec.slug, refusal=refusal))
        else:
            found.append(_of_target(known, spec.name, rows[spec.slug], "", demands, number))
    for protection in selectors.protected_aliases():
        if protection.name not in held and not _is_a_stage_by_name(protection):
            represented = [Represented(one, one.by_name) for one in protection.represents]
            demands = demands_of_alias(protection.name, version.stage, represented)
            number = asked.get((None, protection.name))
            found.append(_of_target(known, f"@{protection.name}", None, protection.name, demands, number))
    return tuple(found)


def _is_a_stage_by_name(protection: AliasProtection) -> bool:
    """Return whether an alias is protected only by the name of a stage, which is listed itself."""
    return bool(protection.represents) and all(stage.by_name for stage in protection.represents)


def _of_target(
    known: _Known, name: str, stage: Stage | None, alias: str, demands: tuple[Demand, ...], number: int | None
) -> TargetReadiness:
    version, model = known.version, known.version.model
    slug = stage.slug if stage is not None else ""
    refusal = _refusal(known)
    if not demands:
        return TargetReadiness(name, slug, alias, refusal, free=True, open_request=number)
    chosen = [(demand, choose(known.candidates, demand, model.risk_tier)) for demand in demands]
    bound = {revision.digest: revision for _, revision in chosen if revision is not None}
    lacking = tuple(demand.words for demand, revision in chosen if demand.required and revision is None)
    document = gate_inputs.combined(bound.values()) if bound else None
    conditions = _conditions(model, demands, document, lacking if bound else tuple(d.words for d in demands))
    steps = [ReadinessStep(one.title, _sentence(one)) for one in conditions]
    if document is None:
        return TargetReadiness(name, slug, alias, refusal, steps=tuple(steps), open_request=number)
    request = _unsaved(version, known.person, stage, alias)
    blocking = blocking_findings([request]).get(UNSAVED, ())
    steps += [ReadinessStep(one.title, _sentence(one)) for one in blocking]
    steps += _check_steps(known, request, document)
    return TargetReadiness(
        name,
        slug,
        alias,
        refusal,
        policies=tuple((revision.policy.slug, revision.number) for revision in bound.values()),
        steps=tuple(steps),
        asked=_asked(known, request, document),
        open_request=number,
    )


def _refusal(known: _Known) -> str:
    if known.version.status != ModelVersion.Status.REGISTERED:
        return "Its files are still being uploaded: complete the registration first."
    if known.version.model.status == RegisteredModel.Status.ARCHIVED:
        return "The model is archived: take it back into use first."
    return known.may_request.reason if isinstance(known.may_request, Denied) else ""


def _conditions(
    model: RegisteredModel, demands: Sequence[Demand], document: PolicyDocument | None, lacking: tuple[str, ...]
) -> tuple[Requirement, ...]:
    def conditions(who_can: tuple[str, ...]) -> tuple[Requirement, ...]:
        return conditions_of_model(
            no_policy=lacking if model.risk_tier is not None else (),
            owner_answers=model.active_owner is not None,
            tier=model.risk_tier,
            assessed=document is None or not gate_inputs.requires_assessment(model, demands, document),
            archived=False,
            who_can=who_can,
        )

    return conditions(access.names_who_can_assign(model)) if conditions(()) else ()


def _sentence(requirement: Requirement) -> str:
    parts = [requirement.detail.rstrip("."), requirement.how_to_fulfil.rstrip(".")]
    words = ". ".join(part[0].upper() + part[1:] for part in parts if part) + "."
    return words + (f" {' or '.join(requirement.who_can)} can." if requirement.who_can else "")


def _unsaved(version: ModelVersion, person: User, stage: Stage | None, alias: str) -> PromotionRequest:
    """Build the request that would be made, for the functions that evaluate one."""
    return PromotionRequest(
        pk=UNSAVED,
        model=version.model,
        version=version,
        source_stage=version.stage,
        target_stage=stage,
        target_alias=alias,
        requested_by=person,
        created_at=clock.now(),
    )


def _check_steps(known: _Known, request: PromotionRequest, document: PolicyDocument) -> list[ReadinessStep]:
    steps = []
    modes = {rule.check: rule.mode for rule in document.checks}
    for planned in planning.plan(request, document, known.contents, {}):
        check = entry_points.find(planned.check_slug)
        title = check.title if check is not None else planned.check_slug
        required = modes[planned.check_slug] == "required"
        if planned.external:
            steps.append(_external_step(known, planned, title, required=required))
            continue
        run = known.runs.get((planned.check_slug, planned.inputs_digest))
        if planned.problem:
            steps.append(ReadinessStep(title, planned.problem, required=required))
        elif planned.missing:
            detail = f"Add to the version: {'; '.join(additions.named(planned.missing))}."
            command = additions.command(known.version.model.slug, known.version.number, planned.missing)
            adding = tuple(addition for what in planned.missing for addition in additions.additions(what))
            steps.append(ReadinessStep(title, detail, RequirementStatus.FAILED, required, adding, command))
        elif run is not None and run.status == CheckRun.Status.COMPLETED:
            passed = RequirementStatus.MET if run.conclusion in PASSING_CONCLUSIONS else RequirementStatus.FAILED
            detail = f"In #{run.request_id}: {run.summary or run.get_conclusion_display()}"
            steps.append(ReadinessStep(title, detail, passed, required))
        else:
            steps.append(ReadinessStep(title, "Runs when the request is made.", RequirementStatus.WAITING, required))
    return steps


def _external_step(known: _Known, planned: planning.PlannedRun, title: str, *, required: bool) -> ReadinessStep:
    run = planned.reported
    if run is not None and run.status == CheckRun.Status.COMPLETED:
        passed = RequirementStatus.MET if run.conclusion in PASSING_CONCLUSIONS else RequirementStatus.FAILED
        return ReadinessStep(title, f"Reported: {run.summary or run.get_conclusion_display()}", passed, required)
    if run is not None:
        words = f"{run.get_status_display()}: {run.progress}" if run.progress else run.get_status_display()
        return ReadinessStep(title, f"{words}. Another system runs it.", RequirementStatus.WAITING, required)
    command = external.how_to_report(planned.check_slug, known.version.model.slug, known.version.number)
    expected = "Expected: another system reports the result" + (f". {planned.uncounted}" if planned.uncounted else "")
    return ReadinessStep(title, f"{expected}.", RequirementStatus.WAITING, required, command=command)


def _asked(known: _Known, request: PromotionRequest, document: PolicyDocument) -> tuple[AskedGroup, ...]:
    called = {rule.group for rule in document.approvals}
    if not called:
        return ()
    members = [found for found in known.members if called & found.joined.keys()]
    people = reviewers_among(members, known.deciders, request, called, known.involved)
    in_group = {found.user.uid: found.joined.keys() for found in members}
    return tuple(
        AskedGroup(
            rule.group,
            rule.count,
            rule.order,
            tuple(one.name for one in people if rule.group in one.groups and one.excluded is None),
            tuple(
                f"{why.reason} ({why.rule})"
                for one in people
                if rule.group in in_group[one.uid] and (why := one.barred.get(rule.group) or one.excluded) is not None
            ),
        )
        for rule in sorted(document.approvals, key=lambda rule: rule.order)
    )
