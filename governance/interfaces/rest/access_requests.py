"""Access requests: created by a person or their token; granted or denied by signed-in people."""

from __future__ import annotations

from typing import Literal

from django.http import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance.interfaces.rest import pagination
from governance.interfaces.rest.access import RoleName
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.idempotency import idempotent
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import (
    DateTimeQuery,
    Page,
    PageQuery,
    PersonResponse,
    RequestBody,
    ResponseBody,
    TextQuery,
    UtcDateTime,
)
from registry import access, selectors
from registry.models import AccessRequest
from registry.services import access_requests as service


class AccessRequestResponse(ResponseBody):
    """A request for a role. `until` is the requested end; `grant_until` is the granted end, once granted."""

    id: int
    model: str = Field(description="The requested model name. Whether that model exists is not disclosed.")
    role: str
    person: PersonResponse
    purpose: str
    until: UtcDateTime
    state: str = Field(description="asked, granted, denied, withdrawn or lapsed")
    answer: str | None
    asked_at: UtcDateTime
    answered_at: UtcDateTime | None
    grant_until: UtcDateTime | None
    url: str

    @classmethod
    def of(cls, request: AccessRequest) -> AccessRequestResponse:
        grant = getattr(request, "grant", None)
        return cls(
            id=request.pk,
            model=request.slug,
            role=request.role,
            person=PersonResponse.of(request.person),
            purpose=request.purpose,
            until=request.until,
            state=request.state,
            answer=request.answer or None,
            asked_at=request.opened_at,
            answered_at=request.closed_at,
            grant_until=grant.expires_at if grant is not None else None,
            url=f"{PREFIX}/access-requests/{request.pk}",
        )


class AccessRequestList(Page[AccessRequestResponse]):
    """A page of access requests, newest first."""


class AccessRequestsQuery(PageQuery):
    """Filters of the list of access requests."""

    state: Literal["asked", "granted", "denied", "withdrawn", "lapsed"] | None = None
    model: TextQuery | None = Field(None, description="The requested model name.")


class AccessRequestCreate(RequestBody):
    """The role to request."""

    model: str = Field(min_length=1, max_length=200)
    role: RoleName
    purpose: str = Field(
        min_length=1, max_length=5_000, description="What the role is needed for; kept in the audit log of the model."
    )
    until: DateTimeQuery | None = Field(
        None, description="The end of the role: at most 180 days from now; 90 days if omitted."
    )


class AccessRequestApproval(RequestBody):
    """The terms on which a request is granted."""

    until: DateTimeQuery | None = Field(None, description="An end earlier than the requested one.")
    reason: str | None = Field(None, min_length=1, max_length=5_000)


class AccessRequestDenial(RequestBody):
    """The reason for denying a request."""

    reason: str = Field(min_length=1, max_length=5_000)


class AccessRequestsView(Endpoint):
    """/access-requests"""

    @Operation(
        "listAccessRequests", "List access requests", "access", {200: AccessRequestList}, query=AccessRequestsQuery
    )
    def get(self, request: Request) -> Response:
        """List the caller's own access requests, newest first. Readers of the audit log see all requests."""
        query = self.query(AccessRequestsQuery)
        access.require_scope(self.actor, "models:read")
        found = selectors.access_requests(self.actor)
        if query.state is not None:
            found = found.filter(outcome=None if query.state == "asked" else query.state)
        if query.model is not None:
            found = found.filter(slug=query.model)
        rows, following = pagination.by_keys(found, pagination.NEWEST_FIRST, query)
        return pagination.respond_page(
            request, AccessRequestList(items=[AccessRequestResponse.of(row) for row in rows], next=following)
        )

    @Operation(
        "askForAccess",
        "Request a role",
        "access",
        {201: AccessRequestResponse},
        body=AccessRequestCreate,
        idempotent=True,
        refusals=(409,),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Request a role on the named model for the token's person.

        The response is the same whether or not the model exists. The people who can grant roles on the model are
        notified. A request without an answer lapses.
        """
        given = self.body(AccessRequestCreate)

        def ask() -> Response:
            made = service.create_access_request(
                actor=self.actor, slug=given.model, role=given.role, purpose=given.purpose, until=given.until
            )
            shown = AccessRequestResponse.of(made)
            return respond(shown, status=201, headers={"Location": shown.url})

        return idempotent(request, self.actor, self.raw_body(), ask)


class AccessRequestView(Endpoint):
    """/access-requests/{id}"""

    @Operation("getAccessRequest", "Read an access request", "access", {200: AccessRequestResponse})
    def get(self, request: Request, access_request: int) -> Response:
        """Return the request and its answer."""
        access.require_scope(self.actor, "models:read")
        return respond(AccessRequestResponse.of(selectors.access_request(self.actor, access_request)))


class GrantingView(Endpoint):
    """/access-requests/{id}/grant"""

    @Operation(
        "grantAccess",
        "Grant a request",
        "access",
        {200: AccessRequestResponse},
        body=AccessRequestApproval,
        refusals=(409,),
    )
    def post(self, request: Request, access_request: int) -> Response:
        """Grant the requested role. Tokens are refused: a signed-in person grants it."""
        given = self.body(AccessRequestApproval)
        found = selectors.access_request(self.actor, access_request)
        service.grant(actor=self.actor, request=found, until=given.until, reason=given.reason)
        return respond(AccessRequestResponse.of(selectors.access_request(self.actor, access_request)))


class DenialView(Endpoint):
    """/access-requests/{id}/deny"""

    @Operation(
        "denyAccess",
        "Deny a request",
        "access",
        {200: AccessRequestResponse},
        body=AccessRequestDenial,
        refusals=(409,),
    )
    def post(self, request: Request, access_request: int) -> Response:
        """Deny the request, with a reason. Tokens are refused: a signed-in person denies it."""
        given = self.body(AccessRequestDenial)
        found = selectors.access_request(self.actor, access_request)
        return respond(AccessRequestResponse.of(service.deny(actor=self.actor, request=found, reason=given.reason)))


class AccessWithdrawalView(Endpoint):
    """/access-requests/{id}/withdraw"""

    @Operation(
        "withdrawAccessRequest",
        "Withdraw a request",
        "access",
        {200: AccessRequestResponse},
        idempotent=True,
        refusals=(409,),
    )
    def post(self, request: Request, access_request: int) -> HttpResponseBase:
        """Withdraw the caller's own request."""
        found = selectors.access_request(self.actor, access_request)

        def withdraw() -> Response:
            return respond(AccessRequestResponse.of(service.withdraw(actor=self.actor, request=found)))

        return idempotent(request, self.actor, self.raw_body(), withdraw)
