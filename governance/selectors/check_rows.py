"""The checks of a request as its page shows them: the rule, the latest run, and whether it can be waived."""

from collections.abc import Collection
from dataclasses import dataclass

from governance.checks import entry_points
from governance.checks.base import Severity, described
from governance.gate.waiver_facts import is_waivable_result, why_not_waivable
from governance.models import CheckRun, PromotionRequest
from governance.policies import CheckRule, Requirement, RequirementStatus
from governance.selectors.request_evaluation import RequestEvaluation

SEVERITIES = tuple(str(severity) for severity in (Severity.CRITICAL, Severity.HIGH, Severity.WARNING, Severity.INFO))
"""Severities of findings, highest first."""


BESIDE_CHAMPION = frozenset({"explanation.declared"})
"""Checks whose results are shown beside those of the champion."""


@dataclass(frozen=True)
class CheckRow:
    """One check of the policy with its latest run; `run` is None if it never ran ("expected")."""

    rule: CheckRule
    title: str
    description: str
    run: CheckRun | None
    requirement: Requirement
    stale: bool
    attempts: int
    champion_run: CheckRun | None = None
    """The latest run of the same check on the champion, where the results are shown beside each other."""
    waiver: int | None = None
    """Number of the waiver that covers the result."""

    @property
    def may_be_waived(self) -> bool:
        """Whether a policy allows to waive the check, and its result can be waived."""
        return (
            self.rule.waivable is not None
            and self.rule.mode == "required"
            and not self.requirement.satisfied
            and self.run is not None
            and is_waivable_result(self.run)
            and not why_not_waivable(self.run)
        )

    @property
    def word(self) -> str:
        """Display text of the status or conclusion."""
        if self.requirement.state is RequirementStatus.NOT_APPLICABLE:
            return "Not required"
        if self.run is None:
            return "Expected"
        if self.run.status != CheckRun.Status.COMPLETED:
            return self.run.get_status_display()
        return self.run.get_conclusion_display()

    @property
    def worst(self) -> str:
        """The highest severity among the findings of the latest run: critical, high, warning, info, or ""."""
        given = {str(finding.get("severity", "")) for finding in self.run.findings} if self.run is not None else set()
        return next((severity for severity in SEVERITIES if severity in given), "")

    @property
    def has_warnings(self) -> bool:
        """Whether the run has a finding of at least severity warning, whatever its conclusion."""
        return self.worst in SEVERITIES[:3]


def check_rows(request: PromotionRequest, evaluation: RequestEvaluation) -> tuple[CheckRow, ...]:
    """Return the checks of a request, required before advisory and unmet before met.

    Args:
        request: the request.
        evaluation: its evaluation; without a policy there are no checks.
    """
    document, judged = evaluation.document, evaluation.verdict
    if document is None or judged is None:
        return ()
    runs: dict[str, list[CheckRun]] = {}
    for run in evaluation.runs:
        runs.setdefault(run.check_slug, []).append(run)
    by_id = {r.id: r for r in judged.requirements}
    champions = _champion_runs(request, {rule.check for rule in document.checks} & BESIDE_CHAMPION)
    rows = []
    for rule in document.checks:
        check = entry_points.find(rule.check)
        attempts = runs.get(rule.check, [])
        requirement = by_id[f"check:{rule.check}"]
        rows.append(
            CheckRow(
                rule=rule,
                title=check.title if check is not None else rule.check,
                description=described(check) if check is not None else "",
                run=attempts[0] if attempts else None,
                requirement=requirement,
                stale=(fact := evaluation.facts.get(rule.check)) is not None and fact.stale,
                attempts=len(attempts),
                champion_run=champions.get(rule.check),
                waiver=fact.waiver if fact is not None else None,
            )
        )
    return tuple(sorted(rows, key=lambda r: (r.rule.mode != "required", r.requirement.satisfied)))


def _champion_runs(request: PromotionRequest, checks: Collection[str]) -> dict[str, CheckRun]:
    """Return the latest completed runs of these checks on the champion of the request, by slug."""
    if not checks or request.champion_id is None:
        return {}
    runs = CheckRun.objects.filter(
        version_id=request.champion_id, check_slug__in=checks, status=CheckRun.Status.COMPLETED
    )
    return {run.check_slug: run for run in runs.order_by("check_slug", "-pk").distinct("check_slug")}
