"""Response schemas of checks of a promotion request, and of their runs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from governance.interfaces.rest.schemas import Page, PersonResponse, ResponseBody, UtcDateTime
from governance.models import CheckRun
from governance.selectors import CheckRow


class CheckResponse(ResponseBody):
    """A check in the policy, and the state of its latest run."""

    check: str
    title: str
    mode: str = Field(description="required or advisory")
    status: str = Field(description="expected, waiting_evidence, queued, running or completed")
    conclusion: str | None
    summary: str
    stale: bool
    attempts: int
    waiver: int | None = Field(description="Number of the waiver that covers the result.")

    @classmethod
    def of(cls, row: CheckRow) -> CheckResponse:
        return cls(
            check=row.rule.check,
            title=row.title,
            mode=row.rule.mode,
            status=row.run.status if row.run is not None else "expected",
            conclusion=(row.run.conclusion or None) if row.run is not None else None,
            summary=row.run.summary if row.run is not None else "",
            stale=row.stale,
            attempts=row.attempts,
            waiver=row.waiver,
        )


class CheckRunResponse(ResponseBody):
    """One attempt of a check, with its findings."""

    id: str
    check: str
    check_version: str
    mode: str
    attempt: int
    status: str
    conclusion: str | None
    inputs_digest: str = Field(description="SHA-256 over everything the outcome depends on.")
    summary: str
    findings: list[dict[str, Any]]
    measures: dict[str, Any]
    conditions: dict[str, Any]
    created_at: UtcDateTime
    completed_at: UtcDateTime | None
    source: Literal["product", "external"] = Field(description="Who runs the check.")
    progress: str = Field(description="Progress of a running check.")
    details_url: str = Field(description="Page of the system that ran an external check.")
    reported_by: PersonResponse | None = Field(description="Who reported the result of an external check.")
    external_run: str | None = Field(description="Identifier of the reported run, for `/check-runs/{id}`.")

    @classmethod
    def of(cls, run: CheckRun) -> CheckRunResponse:
        reported = run.external_run
        return cls(
            id=str(run.uid),
            check=run.check_slug,
            check_version=run.check_version,
            mode=run.mode,
            attempt=run.attempt,
            status=run.status,
            conclusion=run.conclusion or None,
            inputs_digest=run.inputs_digest,
            summary=run.summary,
            findings=run.findings,
            measures=run.measures,
            conditions=run.conditions,
            created_at=run.created_at,
            completed_at=run.completed_at,
            source="external" if reported is not None else "product",
            progress=progress_of(run),
            details_url=reported.details_url if reported is not None else "",
            reported_by=PersonResponse.of(reported.reported_by) if reported is not None else None,
            external_run=str(reported.uid) if reported is not None else None,
        )


def progress_of(run: CheckRun) -> str:
    """Return the progress of an unfinished run in words; empty if none is known."""
    if run.status == CheckRun.Status.COMPLETED:
        return ""
    if run.external_run is not None:
        return run.external_run.progress
    return str(run.progress) if run.status == CheckRun.Status.RUNNING and hasattr(run, "progress") else ""


class CheckRunList(Page[CheckRunResponse]):
    """The check runs of a request, newest first."""
