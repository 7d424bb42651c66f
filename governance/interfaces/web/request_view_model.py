"""View model of a request's page: steps, timeline, approval slots, pending items.

Built from the page that the selectors return; contains no rules of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from audit import clock
from audit.actor import Actor
from audit.models import Event
from governance.interfaces.html.event_labels import ActorLabel, ObjectLabelResolver
from governance.interfaces.web.versions import MetricComparison
from governance.models import CheckRun, Decision, Finding
from governance.policies import ApprovalProgress, Requirement, RequirementStatus, Reviewer
from governance.policies.metric_limits import Limit
from governance.selectors import CheckRow, LoadingEffects, PromotionDetail, loading_effects
from registry import access, selectors

NAMED = 5
"""Maximum people named before the rest is counted."""
DELAY = timedelta(minutes=2)
"""How long a queued check may wait before the page shows a warning."""
QUIET = {"check.queued", "check.cancelled", "packet.outdated"} | {
    *("comment.posted", "comment.edited", "comment.withdrawn", "thread.resolved", "thread.reopened")
}
"""Events left out of the timeline, because another event or the discussion shows the result."""


@dataclass(frozen=True)
class Step:
    """A stage of the path: "done", "here" or "goal"."""

    kind: str
    name: str
    since: datetime | None = None
    leaves: str = ""
    """The champion that the version replaces."""


@dataclass(frozen=True)
class Entry:
    """An event of the timeline, with its decision or check run."""

    event: Event
    actor: ActorLabel
    decision: Decision | None = None
    run: CheckRun | None = None
    lapsed: bool = False
    more: tuple[CheckRun, ...] = ()
    """Further successful runs, shown in the same line."""

    @property
    def kind(self) -> str:
        """The CSS kind of the entry."""
        if self.run is not None:
            return "check"
        if self.decision is not None and str(self.event.action) == "decision.withdrawn":
            return "ending"
        if self.decision is not None:
            return "lapse" if self.lapsed else "decision"
        return str(self.event.action).replace(".", "-")

    @property
    def lapse_reason(self) -> str:
        """Why the decision lapsed, from the field that its event reports as changed."""
        changed = {str(change.get("field")) for change in self.event.body.get("changes", ())}
        if "account" in changed:
            return "an account was deactivated"
        if "condition" in changed:
            return "a condition of it is late"
        return "the delegation ended" if "delegation" in changed else "the evidence changed"

    @property
    def conditions(self) -> list[Finding]:
        """The conditions of the approval."""
        return list(self.decision.conditions.all()) if self.decision is not None else []

    @property
    def count(self) -> int:
        return 1 + len(self.more)

    @property
    def slugs(self) -> str:
        """The checks of this line."""
        runs = [self.run, *self.more] if self.run is not None else []
        return ", ".join(run.check_slug for run in runs)


@dataclass(frozen=True)
class Slot:
    """A required approval: given by a decision, or open."""

    decision: Decision | None = None


@dataclass(frozen=True)
class Rule:
    """An approval rule, its slots, and who may or may not fill the open ones, with the reason."""

    progress: ApprovalProgress
    slots: tuple[Slot, ...]
    mine: bool
    others: str
    kept_out: tuple[Reviewer, ...]
    requirement: Requirement | None

    @property
    def done(self) -> bool:
        return self.progress.missing <= 0

    @property
    def later(self) -> bool:
        return self.requirement is not None and self.requirement.state is RequirementStatus.LATER


@dataclass(frozen=True)
class Waiting:
    """A pending item of the request."""

    icon: str
    who: str
    what: str
    you: bool = False


@dataclass(frozen=True)
class RequestViewModel:
    """What the template needs in addition to the page data."""

    steps: tuple[Step, ...]
    comparisons: tuple[MetricComparison, ...]
    checks_to_read: tuple[CheckRow, ...]
    """Checks that are not satisfied, or whose findings have to be read."""
    checks_passed: tuple[CheckRow, ...]
    """The other checks, collapsed if there are several."""
    rules: tuple[Rule, ...]
    conditions: tuple[Requirement, ...]
    timeline: tuple[Entry, ...]
    waiting: tuple[Waiting, ...]
    met: int
    waived: int
    failed: int
    left: int
    total: int
    lapsed: int
    delayed_since: datetime | None
    """Time since which the oldest queued check waits for a worker, if longer than `DELAY`."""
    loading: LoadingEffects | None
    """What loading the version does, if the policy names the scan."""
    names: ObjectLabelResolver = field(repr=False)

    @property
    def gate_kind(self) -> str:
        """The colour class of the gate's header."""
        if self.failed:
            return "bad"
        return "warn" if self.left else "ok"


def parts_of(actor: Actor, page: PromotionDetail) -> RequestViewModel:
    """Build the view model of a page. The number of queries is fixed."""
    required = [r for r in page.verdict.requirements if r.required] if page.verdict is not None else []
    names = ObjectLabelResolver(actor, page.timeline, objects=False)
    rules = _rules(page, actor)
    passed = tuple(
        row for row in page.checks if row.requirement.state is RequirementStatus.MET and not row.has_warnings
    )
    to_read = tuple(row for row in page.checks if row not in passed)
    return RequestViewModel(
        steps=_steps(page),
        comparisons=tuple(
            MetricComparison(row, Limit(row.name, row.op, row.limit) if row.limit is not None else None)
            for row in page.metrics
        ),
        checks_to_read=to_read if len(passed) > 1 else page.checks,
        checks_passed=passed if len(passed) > 1 else (),
        rules=rules,
        conditions=tuple(r for r in page.verdict.requirements if r.kind == "condition") if page.verdict else (),
        timeline=_timeline(page, names),
        waiting=_waiting(page, rules),
        met=sum(r.state is RequirementStatus.MET for r in required),
        waived=sum(r.state is RequirementStatus.WAIVED for r in required),
        failed=sum(r.state is RequirementStatus.FAILED for r in required),
        left=sum(not r.satisfied for r in required),
        total=len(required),
        lapsed=sum(d.lapsed_at is not None and d.ending is None for d in page.decisions),
        delayed_since=_delayed_since(page),
        loading=loading_effects(row.run for row in page.checks),
        names=names,
    )


def _delayed_since(page: PromotionDetail) -> datetime | None:
    found = [row.run for row in page.checks if row.run is not None and row.run.external_run_id is None]
    queued = [run for run in found if run.status == CheckRun.Status.QUEUED]
    due = [run.run_after or run.created_at for run in queued]
    oldest = min(due, default=None)
    return oldest if oldest is not None and clock.now() - oldest > DELAY else None


def _steps(page: PromotionDetail) -> tuple[Step, ...]:
    request = page.request
    champion = f"v{request.champion.number}" if request.champion is not None else ""
    if request.target_stage is None:
        now = f"@{request.target_alias}"
        return (Step("here", request.source_stage.name), Step("goal", now, leaves=champion))
    low, high = sorted((request.source_stage.position, request.target_stage.position))
    upwards = request.target_stage.position > request.source_stage.position
    stages = selectors.stages().filter(position__gte=low if not upwards else 0, position__lte=high)
    if not upwards:
        stages = stages.filter(pk__in=[request.source_stage_id, request.target_stage_id]).order_by("-position")
    since = selectors.stage_entries(request.version)
    steps = []
    for stage in stages:
        kind = {request.source_stage_id: "here", request.target_stage_id: "goal"}.get(stage.pk, "done")
        if kind == "done" and stage.pk not in since:
            continue
        leaves = champion if kind == "goal" and stage.exclusive else ""
        steps.append(Step(kind, stage.name, since.get(stage.pk), leaves))
    return tuple(steps)


def _rules(page: PromotionDetail, actor: Actor) -> tuple[Rule, ...]:
    by_uid = {d.person.uid: d for d in page.decisions if d.lapsed_at is None}
    by_id = {r.id: r for r in page.verdict.requirements} if page.verdict is not None else {}
    made = []
    for progress in page.approvals:
        filled = [Slot(by_uid[fact.person]) for fact in progress.approved_by if fact.person in by_uid]
        requirement = by_id.get(f"approval:{progress.rule.group}")
        mine = bool(page.can_decide) and progress.rule.group in page.my_groups and progress.missing > 0
        others = [r.label for r in progress.may_approve if not (mine and r.uid == actor.person)]
        made.append(
            Rule(
                progress=progress,
                slots=(*filled, *(Slot() for _ in range(max(0, progress.missing)))),
                mine=mine and not (requirement is not None and requirement.state is RequirementStatus.LATER),
                others=enumerated(others),
                kept_out=progress.excluded,
                requirement=requirement,
            )
        )
    return tuple(made)


def enumerated(names: Sequence[str]) -> str:
    """Join names: “A, B or C”; beyond `NAMED`, “A, B and 3 more”."""
    if len(names) > NAMED:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    return " or ".join(", ".join(names).rsplit(", ", 1))


def _timeline(page: PromotionDetail, names: ObjectLabelResolver) -> tuple[Entry, ...]:
    decisions = {str(d.uid): d for d in page.decisions}
    runs = {str(run.uid): run for run in page.runs}
    entries: list[Entry] = []
    for event in sorted(page.timeline, key=lambda e: e.stream_seq):
        if str(event.action) in QUIET:
            continue
        decision = decisions.get(str(event.thing_id)) if event.thing_type == "decision" else None
        run = runs.get(str(event.thing_id)) if event.thing_type == "check_run" else None
        lapsed = str(event.action) == "decision.lapsed"
        entry = Entry(event, names.actor_of(event), decision, run, lapsed)
        if run is not None and entries and _are_one_entry(entries[-1], run):
            entries[-1] = replace(entries[-1], more=(*entries[-1].more, run))
        else:
            entries.append(entry)
    return tuple(entries)


def _are_one_entry(last: Entry, run: CheckRun) -> bool:
    """Whether a run is added to the previous line: both passed."""
    passed = str(CheckRun.Conclusion.SUCCESS)
    return last.run is not None and last.run.conclusion == passed == run.conclusion


def _waiting(page: PromotionDetail, rules: Sequence[Rule]) -> tuple[Waiting, ...]:
    """The pending items of the request, those of the user first."""
    if page.verdict is None or not page.request.is_live:
        return ()
    found: list[Waiting] = []
    for rule in rules:
        if rule.done:
            continue
        progress = rule.progress
        have = f"{progress.rule.label}, {progress.missing} of {progress.rule.count} left"
        if rule.mine:
            found.insert(0, Waiting("pen", "You", have, you=True))
        else:
            detail = rule.requirement.detail if rule.requirement is not None else ""
            found.append(Waiting("lock" if rule.later else "users", progress.rule.label, detail))
    found += [
        _waiting_check(row) for row in page.checks if row.rule.mode == "required" and not row.requirement.satisfied
    ]
    found += [Waiting("undo", r.title, r.detail) for r in page.verdict.unmet if r.kind == "condition"]
    if not page.verdict.unmet and page.document is not None and page.document.on_ready == "hold":
        found.append(_release(page))
    return tuple(found)


def _release(page: PromotionDetail) -> Waiting:
    """The pending release of an approved request, and who can release it."""
    people = access.users_with_permission(access.Permission.REQUEST_PROMOTION, page.request.model).order_by("name")
    names = list(people.values_list("name", flat=True)[: NAMED + 1])
    if page.can_promote:
        return Waiting("promote", "You", "release: all requirements are met", you=True)
    return Waiting("promote", f"Release by {enumerated(names)}" if names else "Release", "all requirements are met")


def _waiting_check(row: CheckRow) -> Waiting:
    glyph = "x" if row.requirement.state is RequirementStatus.FAILED else "spin"
    return Waiting(glyph, row.title, row.word.lower())
