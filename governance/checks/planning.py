"""What a policy's checks need now: which runs are due, wait for evidence, are reported by another system or cannot run.

Reads only; `check_runs.queue_planned_runs` writes what is due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import canonical, clock
from governance.checks import entry_points, external, inputs
from governance.checks.base import CheckContractError, Conclusion
from governance.models import CheckRun, ExternalRun, PromotionRequest
from governance.policies import CheckRule, PolicyDocument, UncombinableRule, is_fresh
from registry.selectors import VersionContents


@dataclass(frozen=True)
class PlannedRun:
    """What the gate needs of one check now. `due`: a new row must be created; otherwise `latest` is current.

    `missing` names the evidence a new run has to wait for. `problem`: why it cannot run at all (unknown check, invalid
    parameters, conflicting policies). Of an external check, `reported` is the run that counts, and `uncounted` why a
    reported one does not; without either it is expected.
    """

    check_slug: str
    check_version: str
    mode: str
    params: Mapping[str, Any]
    inputs_digest: str
    due: bool
    missing: tuple[str, ...] = ()
    problem: str = ""
    latest: CheckRun | None = None
    size: int = 0
    external: bool = False
    reported: ExternalRun | None = None
    uncounted: str = ""


def plan(
    request: PromotionRequest,
    document: PolicyDocument,
    contents: VersionContents | None = None,
    latest: Mapping[str, CheckRun] | None = None,
) -> list[PlannedRun]:
    """Return what each check of a policy needs now, in the policy's order. Writes nothing.

    A new run is due if there is none, if the latest was cancelled, if its inputs differ from the current ones, or if
    its result is older than the rule allows.

    Args:
        request: the promotion request.
        document: its combined policy.
        contents: contents of the version if already read.
        latest: the latest run of each check if already read.
    """
    shelf = inputs.InputResolver(request, contents)
    if latest is None:
        rows = CheckRun.objects.filter(request=request).order_by("check_slug", "-pk").distinct("check_slug")
        latest = {run.check_slug: run for run in rows}
    now = clock.now()
    outside = external.runs_of(request.version, (rule.check for rule in document.checks if rule.external))
    return [
        _plan_external(rule, request, latest.get(rule.check), outside[rule.check])
        if rule.external
        else _plan_one(rule, shelf, latest.get(rule.check), now)
        for rule in document.checks
    ]


def _plan_external(
    rule: CheckRule, request: PromotionRequest, latest: CheckRun | None, runs: Sequence[ExternalRun]
) -> PlannedRun:
    digest = external.inputs_digest(request.version, rule.check)
    reported, uncounted = external.chosen(runs, request, rule, digest)
    return PlannedRun(
        check_slug=rule.check,
        check_version="",
        mode=rule.mode,
        params={},
        inputs_digest=digest,
        due=_is_behind(latest, reported, digest),
        latest=latest,
        external=True,
        reported=reported,
        uncounted=uncounted,
    )


def _is_behind(latest: CheckRun | None, reported: ExternalRun | None, digest: str) -> bool:
    """Return whether the check run that follows the reported runs does not show the one that counts."""
    if reported is not None:
        shown = (latest.external_run_id, latest.status, latest.conclusion) if latest is not None else None
        return shown != (reported.pk, reported.status, reported.conclusion)
    if latest is None or latest.conclusion == Conclusion.CANCELLED:
        return False
    # It ended with other inputs, which makes it stale, unless it is unfinished or counts no longer.
    return latest.status != CheckRun.Status.COMPLETED or latest.inputs_digest == digest


def _plan_one(rule: CheckRule, shelf: inputs.InputResolver, latest: CheckRun | None, now: datetime) -> PlannedRun:
    check = entry_points.find(rule.check)
    version, params, problem, digest = "", dict(rule.params), "", ""
    missing: tuple[str, ...] = ()
    size = 0
    if isinstance(rule, UncombinableRule):
        problem = rule.conflict
    elif check is None:
        unusable = entry_points.why_unusable(rule.check)
        problem = f"{unusable} An operator must install it, or an officer change the policy."
    else:
        version = check.version
        try:
            validated = entry_points.parameters(check, rule.params)
        except entry_points.BadParameters as error:
            problem = f"Version {version} of the check does not take the policy's parameters: {error}."
        else:
            params = validated.model_dump(mode="json")
            try:
                found = shelf.inputs(check, validated)
                digest, missing, size = found.digest, found.missing, found.size
            except CheckContractError as error:
                problem = f"Version {version} of the check does not work: {error}."
    if problem:
        digest = canonical.digest({"slug": rule.check, "version": version, "params": params, "problem": problem})
    return PlannedRun(
        check_slug=rule.check,
        check_version=version,
        mode=rule.mode,
        params=params,
        inputs_digest=digest,
        due=_is_due(rule, latest, digest, now),
        missing=missing,
        problem=problem,
        latest=latest,
        size=size,
    )


def _is_due(rule: CheckRule, latest: CheckRun | None, digest: str, now: datetime) -> bool:
    if latest is None or latest.inputs_digest != digest or latest.conclusion == Conclusion.CANCELLED:
        return True
    return latest.completed_at is not None and not is_fresh(rule, latest.completed_at, now)


def uncounted(planned: Sequence[PlannedRun]) -> dict[str, str]:
    """Return why results that were reported for external checks do not count, by check slug."""
    return {run.check_slug: run.uncounted for run in planned if run.uncounted}
