"""What a version needs for each target before a request is made: missing items, approvers, and why a target is refused.

The verdict is that of `policies.evaluate` on the facts that a request would have now. The page of the version, its
form, REST and simulations read it from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from audit import clock
from audit.actor import Actor
from governance.checks import additions, entry_points, external, planning
from governance.checks.additions import Addition
from governance.gate import approvals, gate_inputs
from governance.gate.condition_facts import known_facts
from governance.gate.drafts import with_draft
from governance.gate.eligibility import Member, involvements, members_of, reviewers_among
from governance.gate.finding_facts import blocking_findings
from governance.models import CheckRun, PolicyRevision, PromotionRequest
from governance.policies import (
    CheckFact,
    Demand,
    Facts,
    Involvement,
    PolicyDocument,
    Represented,
    Requirement,
    RequirementStatus,
    Reviewer,
    assign_approvers,
    choose,
    conditions_of_model,
    demands_of_alias,
    demands_of_move,
    evaluate,
    facts_of_model,
    is_fresh,
)
from governance.selectors.readiness_types import ReadinessStep, RequiredGroup, TargetReadiness
from registry import access, selectors
from registry.access import Allowed, Denied
from registry.exceptions import FieldError, ValidationFailedError
from registry.models import ModelVersion, RegisteredModel, Stage, User
from registry.selectors import AliasProtection, VersionContents
from registry.stages import Lifecycle

UNSAVED = 0
"""Primary key of an unsaved request; no row refers to it."""


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
    lifecycle: Lifecycle
    requests: Mapping[tuple[int | None, str], int]
    """Numbers of the open requests of the version, by target."""


def readiness(actor: Actor, version: ModelVersion) -> tuple[TargetReadiness, ...]:
    """Return what a version needs for every other stage and every protected alias it does not have.

    The number of queries is fixed per target.

    Args:
        actor: the reader, evaluated as the requester.
        version: with its model, stage and people joined.
    """
    known = _known(actor, version, None)
    rows = {stage.slug: stage for stage in Stage.objects.all()}
    held = selectors.current_alias_names(version)
    found = [_of_stage(known, rows[spec.slug]) for spec in known.lifecycle.stages if spec.slug != version.stage.slug]
    found += [
        _of_alias(known, protection.name, protection)
        for protection in selectors.protected_aliases()
        if protection.name not in held and not _is_a_stage_by_name(protection)
    ]
    return tuple(found)


def simulate(
    actor: Actor,
    version: ModelVersion,
    *,
    stage: str | None = None,
    alias: str | None = None,
    draft: PolicyDocument | None = None,
) -> TargetReadiness:
    """Return what would become of a request of a version for one target. Writes nothing.

    Args:
        actor: the reader, evaluated as the requester.
        version: with its model, stage and people joined.
        stage: slug of the target stage; None for an alias.
        alias: the alias, without "@"; used if `stage` is None.
        draft: evaluated in place of the revision in force of its policy; for officers (`require_draft_reader`).

    Raises:
        PermissionDeniedError: a draft is given, and the actor is no officer.
        ValidationFailedError: there is no such stage (`unknown_stage`).
    """
    if draft is not None:
        require_draft_reader(actor)
    row = Stage.objects.filter(slug=stage).first() if stage is not None else None
    if stage is not None and row is None:
        names = ", ".join(Stage.objects.values_list("slug", flat=True))
        raise ValidationFailedError(
            [FieldError("/target/stage", "unknown_stage", f"Unknown stage; the stages are: {names}.")]
        )
    known = _known(actor, version, draft)
    if row is not None:
        return _of_stage(known, row)
    name = alias or ""
    if name in selectors.current_alias_names(version) and (refusal := _refuse_held(version, alias=name)):
        return TargetReadiness(f"@{name}", alias=name, refusal=refusal)
    return _of_alias(known, name, selectors.alias_protection(name))


def require_draft_reader(actor: Actor) -> None:
    """Require that the actor is an officer, or a token of one, and so may evaluate drafts of policies.

    A token cannot change policies; an evaluation changes nothing.

    Raises:
        PermissionDeniedError: the actor is no officer, or the token lacks the scope `models:read`.
    """
    access.require_scope(actor, "models:read")
    officer = access.actor_for(access.require_person(actor))
    answer = access.check_org_permission(officer, access.OrgPermission.MANAGE_POLICIES)
    if isinstance(answer, Denied):
        raise answer.refusal()


def _known(actor: Actor, version: ModelVersion, draft: PolicyDocument | None) -> _Known:
    person = access.person_of(actor) or version.registered_by
    in_force = PolicyRevision.objects.in_force()
    candidates = [(gate_inputs.parse_revision(revision), revision) for revision in with_draft(in_force, draft)]
    groups = {rule.group for document, _ in candidates for rule in document.approvals}
    members = members_of(groups, version.model) if groups else []
    runs = CheckRun.objects.filter(version=version).order_by("pk").defer("findings", "measures", "conditions")
    live = PromotionRequest.objects.filter(version=version, state__in=PromotionRequest.LIVE)
    return _Known(
        version=version,
        person=person,
        contents=VersionContents(version),
        candidates=candidates,
        members=members,
        deciders=gate_inputs.deciders(version.model, members),
        runs={(run.check_slug, run.inputs_digest): run for run in runs},
        involved=involvements([_unsaved(version, person, None, "")])[UNSAVED],
        may_request=access.check_permission(actor, access.Permission.REQUEST_PROMOTION, version.model),
        lifecycle=selectors.lifecycle(),
        requests={(row.target_stage_id, row.target_alias): row.pk for row in live},
    )


def _of_stage(known: _Known, stage: Stage) -> TargetReadiness:
    version, lifecycle = known.version, known.lifecycle
    number = known.requests.get((stage.pk, ""))
    spec = next(one for one in lifecycle.stages if one.slug == stage.slug)
    if stage.pk == version.stage_id:
        if refusal := _refuse_held(version, stage=stage.slug):
            return TargetReadiness(stage.name, stage=stage.slug, refusal=refusal, open_request=number)
    elif number is None and stage.slug not in {one.slug for one in lifecycle.targets(version.stage.slug)}:
        reached = ", ".join(one.name for one in lifecycle.targets(version.stage.slug)) or "no stage"
        refusal = f"{version.stage.name} → {stage.name} is not a transition of the lifecycle. From here: {reached}."
        return TargetReadiness(stage.name, stage=stage.slug, refusal=refusal)
    return _of_target(known, stage.name, stage, "", demands_of_move(version.stage, spec), number)


def _of_alias(known: _Known, name: str, protection: AliasProtection | None) -> TargetReadiness:
    number = known.requests.get((None, name))
    demands: tuple[Demand, ...] = ()
    if protection is not None:
        represented = [Represented(one, one.by_name) for one in protection.represents]
        demands = demands_of_alias(name, known.version.stage, represented)
    return _of_target(known, f"@{name}", None, name, demands, number)


def _refuse_held(version: ModelVersion, *, stage: str = "", alias: str = "") -> str:
    """Return why a place that the version holds is not requested again; empty if inputs were added since."""
    held = [place for place in approvals.approvals(version) if place.stage == stage and (place.alias or "") == alias]
    if any(place.deviates or not place.reviewed for place in held):
        return ""
    return f"Version {version.number} is there already."


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
    chosen = [(demand, choose(known.candidates, demand, facts_of_model(model))) for demand in demands]
    bound = {revision.digest: revision for _, revision in chosen if revision is not None}
    lacking = tuple(demand.words for demand, revision in chosen if demand.required and revision is None)
    document = gate_inputs.combined(bound.values()) if bound else None
    conditions = _conditions(model, demands, document, lacking if bound else tuple(d.words for d in demands))
    steps = [_condition_step(one) for one in conditions]
    if document is None:
        return TargetReadiness(name, slug, alias, refusal, steps=tuple(steps), open_request=number)
    request = _unsaved(version, known.person, stage, alias)
    blocking = blocking_findings([request]).get(UNSAVED, ())
    steps += [_condition_step(one) for one in blocking]
    people = _reviewers(known, request, document)
    planned = planning.plan(request, document, known.contents, {})
    now, stated = clock.now(), known_facts(request, document)
    facts = Facts(
        _check_facts(known, document, planned),
        people,
        (),
        (*conditions, *blocking),
        known=stated,
        now=now,
        opened_at=now,
    )
    states = {requirement.id: requirement for requirement in evaluate(document, facts).requirements}
    steps += [_check_step(known, one, states[f"check:{one.check_slug}"]) for one in planned]
    steps += [
        ReadinessStep(one.title, one.detail, one.state)
        for one in states.values()
        if one.id.partition(":")[0] in ("wait", "freeze", "condition") and not one.satisfied
    ]
    return TargetReadiness(
        name,
        slug,
        alias,
        refusal,
        policies=tuple((revision.policy.slug, revision.number) for revision in bound.values()),
        steps=tuple(steps),
        required_groups=_required_groups(known, people, document),
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


def _condition_step(requirement: Requirement) -> ReadinessStep:
    return ReadinessStep(requirement.title, _sentence(requirement), requirement=requirement.id)


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


def _check_facts(
    known: _Known, document: PolicyDocument, planned: Iterable[planning.PlannedRun]
) -> dict[str, CheckFact]:
    """Return what is known of each check on the present inputs. A check without a result has no fact."""
    rules = {rule.check: rule for rule in document.checks}
    found = {}
    for one in planned:
        check = entry_points.find(one.check_slug)
        title = check.title if check is not None else one.check_slug
        run = known.runs.get((one.check_slug, one.inputs_digest))
        reported = one.reported
        if one.problem:
            found[one.check_slug] = CheckFact(one.check_slug, title, "completed", "error", one.problem)
        elif one.missing:
            found[one.check_slug] = CheckFact(one.check_slug, title, CheckRun.Status.WAITING_EVIDENCE)
        elif one.external and reported is not None:
            words = f"Reported: {reported.summary or reported.get_conclusion_display()}"
            found[one.check_slug] = CheckFact(
                one.check_slug, title, reported.status, reported.conclusion, words, external=True
            )
        elif one.external:
            found[one.check_slug] = CheckFact(one.check_slug, title, "expected", external=True, note=one.uncounted)
        elif (
            run is not None
            and run.completed_at is not None
            and is_fresh(rules[one.check_slug], run.completed_at, clock.now())
        ):
            words = f"In #{run.request_id}: {run.summary or run.get_conclusion_display()}"
            found[one.check_slug] = CheckFact(one.check_slug, title, run.status, run.conclusion, words)
        else:
            found[one.check_slug] = CheckFact(one.check_slug, title, CheckRun.Status.QUEUED)
    return found


def _check_step(known: _Known, planned: planning.PlannedRun, judged: Requirement) -> ReadinessStep:
    """Describe a judged check: what has to be added for it, or when it is evaluated."""
    slug, model = planned.check_slug, known.version.model.slug

    def step(
        detail: str, state: RequirementStatus = judged.state, adding: tuple[Addition, ...] = (), command: str = ""
    ) -> ReadinessStep:
        return ReadinessStep(judged.title, detail, state, judged.required, adding, command, judged.id)

    if judged.state is RequirementStatus.NOT_APPLICABLE:
        return step(judged.detail)
    if planned.missing:
        adding = tuple(addition for what in planned.missing for addition in additions.additions(what))
        return step(
            f"Add to the version: {'; '.join(additions.named(planned.missing))}.",
            RequirementStatus.FAILED,
            adding,
            additions.command(model, known.version.number, planned.missing),
        )
    if judged.state is not RequirementStatus.WAITING:
        return step(judged.detail)
    if not planned.external:
        return step("Runs when the request is made.")
    if planned.reported is not None:
        run = planned.reported
        words = f"{run.get_status_display()}: {run.progress}" if run.progress else run.get_status_display()
        return step(f"{words}. Another system runs it.")
    expected = "Expected: another system reports the result" + (f". {planned.uncounted}" if planned.uncounted else "")
    return step(f"{expected}.", command=external.how_to_report(slug, model, known.version.number))


def _reviewers(known: _Known, request: PromotionRequest, document: PolicyDocument) -> tuple[Reviewer, ...]:
    called = {rule.group for rule in document.approvals}
    members = [found for found in known.members if called & found.groups_on(request.model_id).keys()]
    return reviewers_among(members, known.deciders, request, called, known.involved) if called else ()


def _required_groups(known: _Known, people: Sequence[Reviewer], document: PolicyDocument) -> tuple[RequiredGroup, ...]:
    in_group = {found.user.uid: found.groups_on(known.version.model_id).keys() for found in known.members}
    able = [(one.uid, one.groups) for one in people if one.excluded is None]
    filled = assign_approvers(document.approvals, able)
    return tuple(
        RequiredGroup(
            rule.label,
            rule.count,
            rule.order,
            tuple(one.name for one in people if rule.group in one.groups and one.excluded is None),
            tuple(
                f"{why.reason} ({why.rule})"
                for one in people
                if rule.group in in_group[one.uid] and (why := one.barred.get(rule.group) or one.excluded) is not None
            ),
            len(filled[rule.group]),
        )
        for rule in sorted(document.approvals, key=lambda rule: rule.order)
    )
