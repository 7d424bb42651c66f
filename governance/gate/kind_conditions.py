"""What a rollback or an emergency change needs besides the checks and approvals of its policies."""

from __future__ import annotations

from collections.abc import Mapping

from governance.checks.base import Severity
from governance.models import CheckRun, PromotionRequest
from governance.policies import Requirement, RequirementStatus
from governance.policies.emergency import SCAN_CHECK


def kind_conditions(request: PromotionRequest, runs: Mapping[str, CheckRun]) -> tuple[Requirement, ...]:
    """Return the failed conditions of a rollback or an emergency change; none for an ordinary request.

    Args:
        request: the promotion request.
        runs: the latest run of each check, by slug.
    """
    if request.kind == PromotionRequest.Kind.ROLLBACK:
        return _unchanged_inputs(request)
    if request.kind == PromotionRequest.Kind.EMERGENCY:
        return _no_critical_finding(runs.get(SCAN_CHECK))
    return ()


def _unchanged_inputs(request: PromotionRequest) -> tuple[Requirement, ...]:
    restored = request.restores
    if restored is None or restored.fingerprint == request.version.fingerprint:
        return ()
    return (
        Requirement(
            "rollback:inputs",
            "condition",
            "The inputs approved before",
            RequirementStatus.FAILED,
            f"the inputs of the version are no longer those that request #{restored.pk} approved",
            "Withdraw the rollback and request an ordinary promotion",
        ),
    )


def _no_critical_finding(run: CheckRun | None) -> tuple[Requirement, ...]:
    if run is None or run.status != CheckRun.Status.COMPLETED or run.conclusion == CheckRun.Conclusion.SUCCESS:
        return ()
    critical = [finding for finding in run.findings if finding.get("severity") == str(Severity.CRITICAL)]
    if run.conclusion == CheckRun.Conclusion.FAILURE and not critical:
        return ()
    words = str(critical[0].get("message", "")) if critical else f"the scan has no result: {run.summary}"
    return (
        Requirement(
            "emergency:scan",
            "condition",
            "No critical finding of the scan",
            RequirementStatus.FAILED,
            words[:500],
            "An emergency change does not pass a critical finding: register a version whose files load safely",
        ),
    )
