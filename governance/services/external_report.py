"""What a system sends about its run of an external check, and the rules of form for it. Reads no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from governance.checks.base import (
    GIVEN_BY_CHECKS,
    MAX_FINDINGS,
    MAX_TEXT,
    CheckContractError,
    Conclusion,
    Finding,
    Severity,
    finding_from_json,
)
from governance.models import ExternalRun
from registry.validation import ErrorCollector

MAX_PROGRESS = 500
MAX_URL = 1000
Status = ExternalRun.Status
ORDER = [Status.QUEUED, Status.RUNNING, Status.COMPLETED]
"""The statuses of a reported run. A run does not go back."""


@dataclass(frozen=True)
class RunReport:
    """What a reporter sends about a run. None leaves a value unchanged.

    A `conclusion` completes the run. `findings` are objects with code, message, severity and where.
    """

    status: str | None = None
    conclusion: str | None = None
    progress: str | None = None
    summary: str | None = None
    details_url: str | None = None
    findings: Sequence[Mapping[str, Any]] | None = None
    measures: Mapping[str, Any] | None = None


@dataclass
class CheckedReport:
    """A report after validation: the values to write."""

    status: str
    conclusion: str = ""
    values: dict[str, Any] = field(default_factory=dict)


def check_report(
    faults: ErrorCollector, report: RunReport, status: str, objections: Sequence[str] = ()
) -> CheckedReport:
    """Validate a report against the rules of form.

    Args:
        faults: takes the errors.
        report: what was sent.
        status: the current status of the run, or that of a new run.
        objections: what in the attached report contradicts a success.

    Returns:
        The values to write.
    """
    conclusion = report.conclusion or ""
    if conclusion and conclusion not in GIVEN_BY_CHECKS:
        faults.add(
            "/conclusion",
            "conclusion",
            f"A result is one of {', '.join(sorted(GIVEN_BY_CHECKS))}; skipped, cancelled and error are set by "
            "Countersign.",
        )
    status = Status.COMPLETED if conclusion else report.status or status
    if status not in ORDER:
        faults.add("/status", "status", "A run is queued, running or completed.")
    elif status == Status.COMPLETED and not conclusion:
        faults.add("/conclusion", "required", "A completed run has a conclusion.")
    elif conclusion and report.status not in (None, Status.COMPLETED):
        faults.add("/status", "contradiction", "A conclusion completes the run: leave status out, or send completed.")
    checked = CheckedReport(status, conclusion)
    if report.progress is not None:
        checked.values["progress"] = faults.clean_line("/progress", report.progress, MAX_PROGRESS)
    if report.summary is not None:
        checked.values["summary"] = faults.clean_text("/summary", report.summary, MAX_TEXT)
    if report.details_url is not None:
        checked.values["details_url"] = _check_url(faults, report.details_url)
    if report.measures is not None:
        checked.values["measures"] = faults.clean_json("/measures", report.measures)
    if report.findings is not None:
        checked.values["findings"] = _check_findings(faults, report.findings)
    if conclusion == Conclusion.SUCCESS and objections:
        faults.add(
            "/conclusion",
            "contradiction",
            f"The attached report contradicts a success: {'; '.join(objections)}. Send failure or action_required, or "
            "begin a run with a report in which accepted results are marked as suppressed.",
        )
    return checked


def _check_findings(faults: ErrorCollector, given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    if len(given) > MAX_FINDINGS:
        faults.add("/findings", "too_many", f"A run has at most {MAX_FINDINGS} findings; attach a report for more.")
        return []
    found = []
    for index, each in enumerate(given):
        try:
            found.append(as_json(finding_from_json({"severity": Severity.HIGH, "where": "", **each})))
        except CheckContractError as error:
            faults.add(f"/findings/{index}", "finding", f"{error}.")
    return found


def _check_url(faults: ErrorCollector, url: str) -> str:
    """Return the address. It becomes a link on a page, so only https is accepted, and no credentials."""
    url = faults.clean_line("/details_url", url, MAX_URL)
    try:
        parts = urlsplit(url)
        good = not url or (
            parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc and " " not in url
            and (parts.port is None or parts.port > 0)
        )  # fmt: skip
    except ValueError:
        good = False
    if not good:
        faults.add("/details_url", "url", "Give an address that begins with https:// and contains no user name.")
    return url


def as_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as it is stored."""
    return {**asdict(finding), "severity": str(finding.severity)}
