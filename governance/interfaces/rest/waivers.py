"""Waivers of checks: lists, and one waiver. People grant and revoke waivers on their pages, with a signature."""

from __future__ import annotations

from typing import Literal

from django.conf import settings
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from governance import selectors as governance
from governance.interfaces.rest import pagination
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import Page, PageQuery, PersonResponse, ResponseBody, TextQuery, UtcDateTime
from governance.models import Waiver
from registry import access


class WaiversQuery(PageQuery):
    """Filters of waivers."""

    state: Literal["in_force", "ended", "any"] = "in_force"
    model: TextQuery | None = Field(None, description="Name of the model.")
    check: TextQuery | None = Field(None, description="Name of the check.")


class WaiverResponse(ResponseBody):
    """The signed acceptance that a check of a version is not satisfied, until a time."""

    number: int
    model: str
    version: int
    request: int = Field(description="The promotion request on which it was granted.")
    check: str
    codes: list[str] = Field(description="Codes of findings to which it is limited; empty for the whole check.")
    fingerprint: str = Field(description="The state of the version for which it is valid.")
    inputs_digest: str = Field(description="The inputs of the check for which it is valid.")
    state: str = Field(description="in_force, revoked or expired")
    reason: str
    control: str = Field(description="The compensating control.")
    accepted_by: PersonResponse
    groups: list[str]
    meaning: str = Field(description="The meaning of the signature.")
    granted_at: UtcDateTime
    valid_until: UtcDateTime
    ended_at: UtcDateTime | None
    ended_by: PersonResponse | None
    end_reason: str
    page: str

    @classmethod
    def of(cls, row: Waiver) -> WaiverResponse:
        same = ("codes", "fingerprint", "inputs_digest", "reason", "control", "groups", "granted_at", "valid_until")
        return cls(
            number=row.pk,
            model=row.model.slug,
            version=row.version.number,
            request=row.request_id,
            check=row.check_slug,
            state=row.state_at(clock.now()),
            accepted_by=PersonResponse.of(row.accepted_by),
            meaning=row.signed_meaning,
            ended_by=PersonResponse.maybe(row.ended_by),
            page=f"{settings.PUBLIC_URL}/waivers/{row.pk}/",
            **{name: getattr(row, name) for name in (*same, "ended_at", "end_reason")},
        )


class WaiverList(Page[WaiverResponse]):
    """A page of waivers, newest first."""


class WaiversView(Endpoint):
    """/waivers"""

    @Operation("listWaivers", "List waivers", "findings", {200: WaiverList}, query=WaiversQuery)
    def get(self, request: Request) -> Response:
        """List the waivers of every model that the caller may see, newest first."""
        query = self.query(WaiversQuery)
        access.require_scope(self.actor, "models:read")
        filters = {"state": query.state, "model": query.model or "", "check": query.check or ""}
        rows, following = pagination.by_keys(
            governance.filtered_waivers(governance.visible_waivers(self.actor), filters), pagination.NEWEST_FIRST, query
        )
        page = WaiverList(items=[WaiverResponse.of(row) for row in rows], next=following)
        return pagination.respond_page(request, page)


class WaiverView(Endpoint):
    """/waivers/{number}"""

    @Operation("getWaiver", "Read a waiver", "findings", {200: WaiverResponse})
    def get(self, request: Request, number: int) -> Response:
        """Return a waiver. A person grants and revokes waivers on their pages."""
        return respond(WaiverResponse.of(governance.waiver(self.actor, number)))
