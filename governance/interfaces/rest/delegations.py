"""Delegations of decisions: read here; people grant and revoke them on the pages, with their signature."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from django.conf import settings
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.interfaces.rest import pagination
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import Page, PageQuery, PersonResponse, ResponseBody, UtcDateTime
from governance.selectors import DelegationRow
from registry import access
from registry.exceptions import NotFoundError, PermissionDeniedError

PATH = "/profile/delegations/"
"""The page on which people delegate."""


class DelegationResponse(ResponseBody):
    """A member of reviewer groups lets another person decide in their place. Both subject to every rule."""

    id: str = Field(description="The uid of the delegation.")
    delegator: PersonResponse
    delegate: PersonResponse
    groups: list[str] = Field(description="Slugs of reviewer groups; empty for all of the delegator's.")
    all_models: bool = Field(description="Whether it is for every model.")
    models: list[str] = Field(description="Names of its models that the caller may see.")
    tiers: list[int] = Field(description="Risk tiers; empty for every tier.")
    state: Literal["in_effect", "planned", "revoked", "ended"]
    valid_from: UtcDateTime
    valid_until: UtcDateTime
    signed_name: str
    signed_meaning: str
    signed_at: UtcDateTime
    closed_at: UtcDateTime | None

    @classmethod
    def of(cls, row: DelegationRow) -> DelegationResponse:
        found = row.delegation
        same = ("groups", "tiers", "valid_from", "valid_until", "signed_name", "signed_meaning", "closed_at")
        return cls(
            **{name: getattr(found, name) for name in same},
            id=str(found.uid),
            delegator=PersonResponse.of(found.delegator),
            delegate=PersonResponse.of(found.delegate),
            all_models=not found.model_uids,
            models=list(row.models),
            state=row.state,
            signed_at=found.opened_at,
        )


class DelegationList(Page[DelegationResponse]):
    """A page of delegations, newest first."""


class DelegationsView(Endpoint):
    """/delegations"""

    @Operation("listDelegations", "List delegations", "access", {200: DelegationList}, query=PageQuery)
    def get(self, request: Request) -> Response:
        """List the delegations that the caller gave or received, newest first; officers who manage reviewer groups and
        readers of the audit log see all.
        """
        query = self.query(PageQuery)
        access.require_scope(self.actor, "models:read")
        found, following = pagination.by_keys(selectors.visible_delegations(self.actor), pagination.NEWEST_FIRST, query)
        rows = selectors.delegation_rows(self.actor, found)
        page = DelegationList(items=[DelegationResponse.of(row) for row in rows], next=following)
        return pagination.respond_page(request, page)

    @Operation("grantDelegation", "Always refused: people sign a delegation on the page", "access", {})
    def post(self, request: Request) -> Response:
        """Always refused: a delegation is signed by the person, with their password. The error names the page."""
        raise PermissionDeniedError(
            f"No token delegates a person's decisions: sign in and delegate at {settings.PUBLIC_URL}{PATH}",
            code="tokens_do_not_decide",
        )


class DelegationView(Endpoint):
    """/delegations/{delegation}"""

    @Operation("getDelegation", "Read a delegation", "access", {200: DelegationResponse})
    def get(self, request: Request, delegation: UUID) -> Response:
        """Return a delegation that the caller gave or received, or may read as an officer or auditor."""
        access.require_scope(self.actor, "models:read")
        found = selectors.visible_delegations(self.actor).filter(uid=delegation).first()
        if found is None:
            raise NotFoundError("There is no such delegation that you can see.")
        (row,) = selectors.delegation_rows(self.actor, [found])
        return respond(DelegationResponse.of(row))
