"""The register of findings: lists, one finding, and opening one. People work on and close findings on their pages."""

from __future__ import annotations

from datetime import date
from typing import Literal

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from governance import selectors as governance
from governance.interfaces.rest import pagination
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.idempotency import idempotent
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.people import get_user_or_error
from governance.interfaces.rest.schemas import (
    Day,
    Page,
    PageQuery,
    PersonResponse,
    RequestBody,
    ResponseBody,
    TextQuery,
    UtcDateTime,
)
from governance.models import Finding
from governance.services import findings as service
from registry import access, selectors

State = Literal["open", "acknowledged", "closure_proposed", "closed", "any"]


class FindingsQuery(PageQuery):
    """Filters of findings."""

    state: State = Field("open", description="open: every finding that is not closed.")
    severity: Literal["low", "medium", "high", "critical"] | None = None
    source: Literal["review", "check", "signal", "incident", "decision", "emergency", "change"] | None = None
    owner: TextQuery | None = Field(None, description="User name of the owner.")
    late: Literal["true"] | None = Field(None, description="Only findings whose due date has passed.")


class AllFindingsQuery(FindingsQuery):
    """Filters of the findings of all models."""

    model: TextQuery | None = Field(None, description="Name of the model.")


class FindingCreate(RequestBody):
    """A finding about a model."""

    title: str = Field(max_length=200, description="What is wrong, in one line.")
    description: str = Field("", max_length=20_000, description="Markdown.")
    severity: Literal["low", "medium", "high", "critical"]
    source: Literal["review", "check", "incident", "emergency", "change"] = "review"
    version: int | None = Field(None, ge=1, description="Number of the version; the model as a whole if omitted.")
    owner: str | None = Field(None, description="User name; the owner of the model if omitted.")
    due: Day | None = Field(
        None,
        description="The last day on which it is not late. Omitted: after 7, 30, 90 or 180 days by severity.",
    )
    blocks: list[str] = Field(
        default_factory=list,
        max_length=50,
        description="Slugs of protected stages, or @ and a protected alias, that it blocks until it is closed.",
    )


class FindingResponse(ResponseBody):
    """Something that is wrong with a model, until named persons close it."""

    number: int
    model: str
    version: int | None = Field(description="None for a finding about the model as a whole.")
    source: str
    severity: str
    title: str
    description: str = Field(description="Markdown.")
    state: str = Field(description="open, acknowledged, closure_proposed or closed")
    owner: PersonResponse | None
    due: date | None = Field(description="The last day on which it is not late.")
    late: bool
    blocks: list[str] = Field(description="Slugs of protected stages, or @ and an alias, that it blocks until closed.")
    blocks_model: bool = Field(description="Whether it blocks every version of the model.")
    stage: str = Field(description="This and the following members describe the source `signal` only.")
    kind: str
    signal: str
    slice: str
    dataset: str
    op: str
    limit: float | None
    policy: str = Field(description="The policy revision that was in force.")
    first_value: float | None
    first_slice: str
    first_at: UtcDateTime | None
    last_value: float | None
    last_slice: str
    last_at: UtcDateTime | None
    breaches: int = Field(description="Number of reports with a value beyond the limit.")
    opened_at: UtcDateTime
    recovered_at: UtcDateTime | None = Field(description="Since when the latest values are within the limit.")
    acknowledged_by: PersonResponse | None
    acknowledged_at: UtcDateTime | None
    proposed_by: PersonResponse | None
    proposed_at: UtcDateTime | None
    closure_evidence: str
    closed_by: PersonResponse | None
    closed_at: UtcDateTime | None
    closure: str = Field(description="The reason that the person gave.")
    request: int | None = Field(description="The promotion request from which it comes.")
    page: str = Field(description="URL of its page, where people work on it.")

    @classmethod
    def of(cls, row: Finding) -> FindingResponse:
        return cls(
            number=row.pk,
            model=row.model.slug,
            version=row.version.number if row.version is not None else None,
            title=row.words,
            owner=PersonResponse.maybe(row.owner),
            late=row.is_late(clock.now().date()),
            stage=row.stage.slug if row.stage is not None else "",
            policy=str(row.policy_revision) if row.policy_revision is not None else "",
            acknowledged_by=PersonResponse.maybe(row.acknowledged_by),
            proposed_by=PersonResponse.maybe(row.proposed_by),
            closed_by=PersonResponse.maybe(row.closed_by),
            request=row.request_id,
            page=f"{settings.PUBLIC_URL}/findings/{row.pk}/",
            **{
                name: getattr(row, name)
                for name in (
                    *("state", "kind", "signal", "slice", "dataset", "op", "limit", "first_value", "first_slice"),
                    *("first_at", "last_value", "last_slice", "last_at", "breaches", "opened_at", "recovered_at"),
                    *("acknowledged_at", "proposed_at", "closure_evidence", "closed_at", "closure"),
                    *("source", "severity", "description", "due", "blocks", "blocks_model"),
                )
            },
        )


class FindingList(Page[FindingResponse]):
    """A page of findings, newest first."""


def _page(request: Request, found: QuerySet[Finding], query: FindingsQuery) -> Response:
    filters = {
        name: value
        for name, value in query.model_dump().items()
        if name not in ("limit", "cursor") and value is not None
    }
    rows, following = pagination.by_keys(governance.filtered_findings(found, filters), pagination.NEWEST_FIRST, query)
    page = FindingList(items=[FindingResponse.of(row) for row in rows], next=following)
    return pagination.respond_page(request, page)


class AllFindingsView(Endpoint):
    """/findings"""

    @Operation("listAllFindings", "List findings", "findings", {200: FindingList}, query=AllFindingsQuery)
    def get(self, request: Request) -> Response:
        """List the findings of every model that the caller may see, newest first."""
        query = self.query(AllFindingsQuery)
        access.require_scope(self.actor, "models:read")
        return _page(request, governance.visible_findings(self.actor), query)


class FindingView(Endpoint):
    """/findings/{number}"""

    @Operation("getFinding", "Read a finding", "findings", {200: FindingResponse})
    def get(self, request: Request, number: int) -> Response:
        """Return a finding. A person acknowledges, assigns and closes it on its page."""
        return respond(FindingResponse.of(governance.finding(self.actor, number)))


class FindingsView(Endpoint):
    """/models/{slug}/findings"""

    @Operation("listFindings", "List the findings of a model", "findings", {200: FindingList}, query=FindingsQuery)
    def get(self, request: Request, slug: str) -> Response:
        """List the findings of a model, newest first."""
        query = self.query(FindingsQuery)
        model = selectors.model(self.actor, slug)
        return _page(request, governance.visible_findings(self.actor, [model]), query)

    @Operation("openFinding", "Open a finding", "findings", {201: FindingResponse}, body=FindingCreate, idempotent=True)
    def post(self, request: Request, slug: str) -> HttpResponseBase:
        """Open a finding about a model, for example from a pipeline. The account may edit the model or decide on it."""
        given = self.body(FindingCreate)
        model = selectors.model(self.actor, slug)

        def make() -> Response:
            made = service.open_for(
                actor=self.actor,
                model=model,
                version=selectors.version(self.actor, slug, given.version) if given.version is not None else None,
                owner=get_user_or_error(given.owner, "/owner"),
                **given.model_dump(exclude={"version", "owner"}),
            )
            return respond(FindingResponse.of(made), 201, headers={"Location": f"{PREFIX}/findings/{made.pk}"})

        return idempotent(request, self.actor, self.raw_body(), make)
