"""Runs of external checks: another system begins, reports and completes them."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.http import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance.checks import external, reports
from governance.checks.base import MAX_FINDINGS
from governance.interfaces.rest import artifacts, pagination, parsers
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.idempotency import idempotent
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import (
    Page,
    PageQuery,
    PersonResponse,
    QueryParams,
    RequestBody,
    ResponseBody,
    TextQuery,
    UtcDateTime,
    invalid,
)
from governance.models import ExternalRun
from governance.services import external_checks as service
from governance.services.external_report import RunReport
from registry import selectors
from registry.exceptions import NotFoundError


class FindingInput(RequestBody):
    """One finding of a check."""

    code: str = Field(pattern=r"^[a-z][a-z0-9_]{0,79}$", description="Stable name of the kind of finding.")
    message: str = Field(min_length=1, max_length=2000, description="What is wrong, and what to do.")
    severity: Literal["info", "warning", "high", "critical"] = "high"
    where: str = Field("", max_length=2000, description="File and line, or another place.")


class ReportInput(RequestBody):
    """What is known of a run. A conclusion completes it; a completed run is final."""

    status: Literal["queued", "running", "completed"] | None = None
    conclusion: Literal["success", "failure", "action_required", "neutral"] | None = Field(
        None, description="`success` satisfies a required check. skipped, cancelled and error are set by the server."
    )
    progress: str | None = Field(None, max_length=500, description="One line about the progress of an unfinished run.")
    summary: str | None = Field(None, max_length=2000, description="The result in one sentence.")
    details_url: str | None = Field(
        None,
        max_length=1000,
        pattern=r"^(https://.*)?$",
        description="Page of the other system about this run (https).",
    )
    findings: list[FindingInput] | None = Field(None, max_length=MAX_FINDINGS)
    measures: dict[str, Any] | None = Field(None, description="Numbers by name.")

    def as_report(self) -> RunReport:
        """Return the report for the service."""
        return RunReport(
            status=self.status,
            conclusion=self.conclusion,
            progress=self.progress,
            summary=self.summary,
            details_url=self.details_url,
            findings=[finding.model_dump() for finding in self.findings] if self.findings is not None else None,
            measures=self.measures,
        )


class ExternalRunCreate(ReportInput):
    """A new run. Without a status and a conclusion it is running."""

    inputs_digest: str | None = Field(
        None,
        pattern=r"^[0-9a-f]{64}$",
        description="The `inputs_digest` of what was checked; required with a conclusion. Without it the run is bound "
        "to the current contents of the version.",
    )


class ExternalRunUpdate(ReportInput):
    """Progress, or the result of a run."""


class AttachmentResponse(ResponseBody):
    """The report of a tool that is attached to a run."""

    format: str
    filename: str
    sha256: str
    url: str


class ExternalRunResponse(ResponseBody):
    """A run of an external check."""

    id: UUID
    url: str
    check: str
    model: str
    version: int
    status: str
    conclusion: str | None
    inputs_digest: str = Field(description="Digest of the contents of the version that the run is bound to.")
    stale: bool = Field(description="Whether the contents of the version changed since; a stale run does not count.")
    progress: str
    summary: str
    details_url: str
    findings: list[dict[str, Any]]
    measures: dict[str, Any]
    attachment: AttachmentResponse | None
    reported_by: PersonResponse
    token: str = Field(description="Identifier of the token in the audit log.")
    created_at: UtcDateTime
    started_at: UtcDateTime | None
    reported_at: UtcDateTime
    completed_at: UtcDateTime | None
    required_by: list[str] = Field(
        description="The policies in force that name this check as external. If empty, no request is judged by it."
    )

    @classmethod
    def of(cls, run: ExternalRun, required_by: list[str]) -> ExternalRunResponse:
        """Build the response."""
        url = f"{settings.PUBLIC_URL}/api/v1/check-runs/{run.uid}"
        return cls(
            id=run.uid,
            url=url,
            check=run.check_slug,
            model=run.version.model.slug,
            version=run.version.number,
            status=run.status,
            conclusion=run.conclusion or None,
            inputs_digest=run.inputs_digest,
            stale=run.inputs_digest != external.inputs_digest(run.version, run.check_slug),
            progress=run.progress,
            summary=run.summary,
            details_url=run.details_url,
            findings=run.findings,
            measures=run.measures,
            attachment=AttachmentResponse(
                format=run.attachment_format,
                filename=run.attachment_name,
                sha256=run.attachment_id,
                url=f"{url}/attachment",
            )
            if run.attachment_id
            else None,
            reported_by=PersonResponse.of(run.reported_by),
            token=run.reported_with.uid,
            created_at=run.created_at,
            started_at=run.started_at,
            reported_at=run.reported_at,
            completed_at=run.completed_at,
            required_by=required_by,
        )


class ExternalRunList(Page[ExternalRunResponse]):
    """The runs of an external check on a version, newest first."""

    inputs_digest: str = Field(description="Digest of the current contents of the version, for a run that begins now.")


class AttachmentQuery(QueryParams):
    """Properties of the report."""

    format: Literal["sarif", "junit", "json"] = Field(
        description="SARIF 2.1.0, JUnit XML, or JSON with the members findings and measures."
    )
    filename: TextQuery = Field(max_length=250, description="File name without directories.")


class ExternalRunsView(Endpoint):
    """/models/{slug}/versions/{number}/checks/{check}/runs"""

    @Operation(
        "listExternalRuns", "List the runs of an external check", "checks", {200: ExternalRunList}, query=PageQuery
    )
    def get(self, request: Request, slug: str, number: int, check: str) -> Response:
        """List the reported runs of a check on a version, with the digest of its current contents.

        A pipeline reads `inputs_digest` before it checks the version, and sends it with the result.
        """
        query = self.query(PageQuery)
        version = selectors.version(self.actor, slug, number)
        rows, following = pagination.by_keys(
            service.runs_of(self.actor, version, check), pagination.NEWEST_FIRST, query
        )
        required_by = service.policies_requiring(check)
        return pagination.respond_page(
            request,
            ExternalRunList(
                items=[ExternalRunResponse.of(run, required_by) for run in rows],
                next=following,
                inputs_digest=external.inputs_digest(version, check),
            ),
        )

    @Operation(
        "beginExternalRun",
        "Begin or report a run",
        "checks",
        {201: ExternalRunResponse},
        body=ExternalRunCreate,
        idempotent=True,
        refusals=(404, 409),
    )
    def post(self, request: Request, slug: str, number: int, check: str) -> HttpResponseBase:
        """Begin a run of an external check, or report a finished one with its `inputs_digest`.

        The token has the scope `checks:write` and names the check. An unfinished run of the same account is cancelled.
        The open promotion requests of the version are evaluated again.
        """
        given = self.body(ExternalRunCreate)
        version = selectors.version(self.actor, slug, number)

        def begin() -> Response:
            run = service.begin(
                actor=self.actor,
                version=version,
                check=check,
                report=given.as_report(),
                inputs_digest=given.inputs_digest,
            )
            shown = ExternalRunResponse.of(run, service.policies_requiring(check))
            return respond(shown, 201, headers={"Location": shown.url})

        return idempotent(request, self.actor, self.raw_body(), begin)


class ExternalRunView(Endpoint):
    """/check-runs/{run}"""

    @Operation("getExternalRun", "Read a run", "checks", {200: ExternalRunResponse})
    def get(self, request: Request, run: UUID) -> Response:
        """Return a reported run of an external check."""
        return self._respond(service.get_run(self.actor, str(run)))

    @Operation(
        "updateExternalRun",
        "Report progress or the result",
        "checks",
        {200: ExternalRunResponse},
        body=ExternalRunUpdate,
        refusals=(409,),
    )
    def patch(self, request: Request, run: UUID) -> Response:
        """Report progress of an unfinished run, or complete it with a conclusion. Only the account that began it may.

        The same result again changes nothing. If the version changed since the run began, the response is 409
        (`stale_inputs`).
        """
        given = self.body(ExternalRunUpdate)
        found = service.get_run(self.actor, str(run))
        return self._respond(service.update(actor=self.actor, run=found, report=given.as_report()))

    def _respond(self, run: ExternalRun) -> Response:
        return respond(ExternalRunResponse.of(run, service.policies_requiring(run.check_slug)))


class ExternalAttachmentView(Endpoint):
    """/check-runs/{run}/attachment"""

    @Operation(
        "attachReport",
        "Attach the report of a tool",
        "checks",
        {200: ExternalRunResponse},
        binary_body=True,
        query=AttachmentQuery,
        refusals=(409,),
    )
    def put(self, request: Request, run: UUID) -> Response:
        """Attach a SARIF, JUnit or JSON report to an unfinished run; its findings become findings of the run.

        The file is the request body, at most 10 MiB. XML with a document type is refused. A report with failed tests,
        or with results of level error that are not suppressed, contradicts the conclusion `success`.
        """
        query = self.query(AttachmentQuery)
        stream, announced = parsers.upload(request)
        found = service.get_run(self.actor, str(run))
        if announced > reports.MAX_BYTES:
            raise invalid(
                [{"pointer": "", "code": "too_large", "detail": f"A report has at most {reports.MAX_BYTES:,} bytes."}]
            )
        raw = stream.read(announced)
        done = service.attach(actor=self.actor, run=found, form=query.format, filename=query.filename, raw=raw)
        return respond(ExternalRunResponse.of(done, service.policies_requiring(done.check_slug)))

    @Operation("downloadReport", "Download the attached report", "checks", {200: "The bytes."}, file=True, etag=True)
    def get(self, request: Request, run: UUID) -> HttpResponseBase:
        """Download the report that is attached to a run. The download is recorded."""
        found = service.get_run(self.actor, str(run))
        if found.attachment is None:
            raise NotFoundError("No report is attached to this run.")
        return artifacts.send(
            request,
            sha256=found.attachment.sha256,
            size=found.attachment.size,
            filename=found.attachment_name,
            take=lambda: service.open_attachment(actor=self.actor, run=found),
        )
