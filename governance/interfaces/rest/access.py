"""Permissions on a model, and the roles granted on it.

Granting and revoking a role require a person's browser session. The operations exist for tokens only to return the
refusal that names the people who can grant.
"""

from __future__ import annotations

import uuid
from typing import Literal

from pydantic import Field, model_validator
from rest_framework.request import Request
from rest_framework.response import Response

from governance.interfaces.rest import pagination, people
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import (
    DateTimeQuery,
    Page,
    PageQuery,
    PersonResponse,
    QueryParams,
    RequestBody,
    ResponseBody,
    TextQuery,
    UtcDateTime,
)
from registry import access, selectors
from registry.access import Explanation, GrantPath, Permission
from registry.exceptions import FieldError, NotFoundError, ValidationFailedError
from registry.models import Grant, ReviewerGroup

SHORT = {
    "view": Permission.VIEW,
    "register": Permission.REGISTER_VERSION,
    "edit": Permission.EDIT,
    "request_promotion": Permission.REQUEST_PROMOTION,
    "decide": Permission.DECIDE,
    "grant": Permission.GRANT_ROLE,
}
Right = Literal["view", "register", "edit", "request_promotion", "decide", "grant"]
RoleName = Literal["viewer", "registrar", "developer", "validator", "approver", "owner"]


class GroupResponse(ResponseBody):
    """A reviewer group."""

    slug: str
    name: str


class GrantResponse(ResponseBody):
    """A role granted on a model. It has no effect from `expires_at` on."""

    id: uuid.UUID
    role: str
    person: PersonResponse | None
    group: GroupResponse | None
    given_at: UtcDateTime
    given_event: uuid.UUID
    expires_at: UtcDateTime | None

    @classmethod
    def of(cls, grant: Grant) -> GrantResponse:
        group = grant.group
        return cls(
            id=grant.uid,
            role=grant.role,
            person=PersonResponse.maybe(grant.user),
            group=GroupResponse(slug=group.slug, name=group.name) if group is not None else None,
            given_at=grant.opened_at,
            given_event=grant.opened_event,
            expires_at=grant.expires_at,
        )


class GrantList(Page[GrantResponse]):
    """A page of roles granted on a model, oldest first."""


class GrantPathResponse(ResponseBody):
    """One path by which a person holds a permission.

    `role` is null for a superuser. `everywhere` is true for an organisation role. `member_since` and `member_event`
    describe the membership of the group.
    """

    role: str | None
    everywhere: bool
    group: str | None
    given_at: UtcDateTime | None
    given_event: uuid.UUID | None
    expires_at: UtcDateTime | None
    member_since: UtcDateTime | None
    member_event: uuid.UUID | None

    @classmethod
    def of(cls, path: GrantPath) -> GrantPathResponse:
        grant, member = path.grant, path.membership
        return cls(
            role=grant.role if grant else None,
            everywhere=path.everywhere,
            group=grant.group.slug if grant and grant.group else None,
            given_at=grant.opened_at if grant else None,
            given_event=grant.opened_event if grant else None,
            expires_at=grant.expires_at if grant else None,
            member_since=member.valid_from if member else None,
            member_event=member.opened_event if member else None,
        )


class PermissionResponse(ResponseBody):
    """Whether a person holds a permission on the model, by which paths, and which bars apply regardless of roles."""

    right: str
    allowed: bool
    paths: list[GrantPathResponse]
    bars: list[str] = Field(description="inactive, administers (SoD-4), service_account (SoD-5)")

    @classmethod
    def of(cls, right: str, explanation: Explanation) -> PermissionResponse:
        return cls(
            right=right,
            allowed=explanation.allowed,
            paths=[GrantPathResponse.of(path) for path in explanation.paths],
            bars=[str(bar) for bar in explanation.bars],
        )


class AccessResponse(ResponseBody):
    """The permissions of a person on a model, and the people who can grant the missing ones."""

    model: str
    person: PersonResponse
    rights: list[PermissionResponse]
    who_can_give: list[str]


class AccessQuery(QueryParams):
    """The person and the permission to explain."""

    person: TextQuery | None = Field(None, description="User name; the caller's own person if omitted.")
    right: Right | None = Field(None, description="One permission; all if omitted.")


class GrantCreate(RequestBody):
    """A role to grant to a person or to a group."""

    role: RoleName
    person: str | None = Field(None, description="User name.")
    group: str | None = Field(None, max_length=80, description="Slug of a reviewer group.")
    expires_at: DateTimeQuery | None = None
    reason: str = Field(min_length=1, max_length=5_000)

    @model_validator(mode="after")
    def _one(self) -> GrantCreate:
        if (self.person is None) == (self.group is None):
            raise ValueError("Name one subject: a person or a group.")
        return self


class GrantRevocation(RequestBody):
    """The reason for revoking a role."""

    reason: str = Field(min_length=1, max_length=5_000)


class AccessView(Endpoint):
    """/models/{slug}/access"""

    @Operation(
        "getAccess",
        "Explain a person's permissions",
        "access",
        {200: AccessResponse},
        query=AccessQuery,
        refusals=(422,),
    )
    def get(self, request: Request, slug: str) -> Response:
        """Explain which permissions a person has on the model, and through which roles.

        Everyone who can see the model can read their own permissions. Auditors, compliance officers and users who can
        grant roles on the model can read those of other people; a token needs the scope `audit:read` for that.
        """
        query = self.query(AccessQuery)
        model = selectors.model(self.actor, slug)
        own = access.require_person(self.actor)
        person = own
        if query.person is not None and query.person != own.username:
            selectors.require_reading_rights(self.actor, model)
            named = people.get_user_or_error(query.person, "?person")
            assert named is not None
            person = named
        found = access.effective_permissions_of(person, model)
        rights = {query.right: SHORT[query.right]} if query.right is not None else SHORT
        return respond(
            AccessResponse(
                model=model.slug,
                person=PersonResponse.of(person),
                rights=[
                    PermissionResponse.of(name, found.by_permission[permission]) for name, permission in rights.items()
                ],
                who_can_give=[str(user) for user in access.users_who_can_grant(model, person)[:10]],
            )
        )


class GrantsView(Endpoint):
    """/models/{slug}/grants"""

    @Operation("listGrants", "List the roles granted on a model", "access", {200: GrantList}, query=PageQuery)
    def get(self, request: Request, slug: str) -> Response:
        """List the roles granted on this model itself. Requires the right to read other people's permissions on it."""
        query = self.query(PageQuery)
        model = selectors.model(self.actor, slug)
        selectors.require_reading_rights(self.actor, model)
        rows, following = pagination.by_keys(
            access.current_grants().filter(model=model).select_related("user", "group"), pagination.OLDEST_FIRST, query
        )
        return pagination.respond_page(
            request, GrantList(items=[GrantResponse.of(grant) for grant in rows], next=following)
        )

    @Operation("giveRole", "Grant a role", "access", {201: GrantResponse}, body=GrantCreate, refusals=(409,))
    def post(self, request: Request, slug: str) -> Response:
        """Grant a role on the model. Tokens are refused: a signed-in person grants roles on the model's page."""
        given = self.body(GrantCreate)
        model = selectors.model(self.actor, slug)
        access.require_permission(self.actor, Permission.GRANT_ROLE, model)
        grant = access.grant_role(
            actor=self.actor,
            role=given.role,
            model=model,
            user=people.get_user_or_error(given.person, "/person"),
            group=_group(given.group),
            expires_at=given.expires_at,
            reason=given.reason,
        )
        return respond(GrantResponse.of(grant), status=201)


class RevocationView(Endpoint):
    """/models/{slug}/grants/{id}/revoke"""

    @Operation("revokeRole", "Revoke a role", "access", {200: GrantResponse}, body=GrantRevocation, refusals=(409,))
    def post(self, request: Request, slug: str, grant: uuid.UUID) -> Response:
        """Revoke a role on the model. Tokens are refused: a signed-in person revokes roles on the model's page."""
        given = self.body(GrantRevocation)
        model = selectors.model(self.actor, slug)
        access.require_permission(self.actor, Permission.GRANT_ROLE, model)
        found = access.grant_on(model, grant)
        if found is None:
            raise NotFoundError("There is no such grant on this model.")
        return respond(GrantResponse.of(access.revoke_role(actor=self.actor, grant=found, reason=given.reason)))


def _group(slug: str | None) -> ReviewerGroup | None:
    if slug is None:
        return None
    found = selectors.reviewer_group(slug)
    if found is None:
        raise ValidationFailedError([FieldError("/group", "unknown_group", f"There is no reviewer group “{slug}”.")])
    return found
