"""Aliases of a model: list, set and remove."""

from __future__ import annotations

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import promotions
from governance import selectors as governance
from governance.interfaces.rest import pagination
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.promotion_schemas import url_of as url_of_request
from governance.interfaces.rest.schemas import (
    Page,
    PageQuery,
    QueryParams,
    RequestBody,
    ResponseBody,
    TextQuery,
    UtcDateTime,
)
from registry import access, selectors
from registry.models import RegisteredModel


class AliasResponse(ResponseBody):
    """An alias, and the version it points at."""

    name: str
    version: int | None = Field(description="Number of the version it points at; null if there is none.")
    protected: bool = Field(description="Whether it changes by promotion request only.")
    represents: list[str] = Field(description="Slugs of the stages it represents.")
    outside_stage: bool = Field(description="Whether the version is in none of the stages that the alias represents.")
    since: UtcDateTime | None
    request: str | None = Field(description="The open promotion request that would change it.")
    url: str


class AliasList(Page[AliasResponse]):
    """A page of aliases, by name."""


class AliasUpdate(RequestBody):
    """The version an alias is to point at."""

    version: int = Field(ge=1, le=999_999_999)
    reason: str = Field(min_length=1, max_length=5_000, description="The reason; part of what approvers sign.")


class RemovalQuery(QueryParams):
    """The reason for removing an alias."""

    reason: TextQuery = Field(description="The reason; recorded with the event.")


class AliasesView(Endpoint):
    """/models/{slug}/aliases"""

    @Operation("listAliases", "List the aliases of a model", "models", {200: AliasList}, query=PageQuery)
    def get(self, request: Request, slug: str) -> Response:
        """List the aliases that point at a version of the model, by name."""
        query = self.query(PageQuery)
        model = selectors.model(self.actor, slug)
        rows, following = pagination.by_keys(selectors.current_aliases(model=model), (("name", str),), query)
        return pagination.respond_page(
            request, AliasList(items=_shown(model, [row.name for row in rows]), next=following)
        )


class AliasView(Endpoint):
    """/models/{slug}/aliases/{name}"""

    @Operation("setAlias", "Point an alias at a version", "models",
               {200: AliasResponse, 202: AliasResponse}, body=AliasUpdate, refusals=(409,))  # fmt: skip
    def put(self, request: Request, slug: str, name: str) -> Response:
        """Point an alias at a version.

        An unprotected alias changes at once (200); repeating the call changes nothing. For a protected alias the call
        creates a promotion request: the response is 202, and `request` is the promotion to be decided first.
        """
        given = self.body(AliasUpdate)
        version = selectors.version(self.actor, slug, given.version)
        (before,) = _shown(version.model, [name])
        if before.version != version.number:
            promotions.request(actor=self.actor, version=version, target_alias=name, reason=given.reason)
        else:
            access.require_permission(self.actor, access.Permission.REQUEST_PROMOTION, version.model)
        (now,) = _shown(version.model, [name])
        return respond(now, status=200 if now.version == version.number else 202)

    @Operation("removeAlias", "Remove an alias", "models",
               {204: "The alias is removed."}, query=RemovalQuery, refusals=(409, 422))  # fmt: skip
    def delete(self, request: Request, slug: str, name: str) -> Response:
        """Remove an unprotected alias. A protected alias cannot be removed, only pointed at another version."""
        query = self.query(RemovalQuery)
        promotions.remove_alias(
            actor=self.actor, model=selectors.model(self.actor, slug), name=name, reason=query.reason
        )
        return Response(status=204)


def _shown(model: RegisteredModel, names: list[str]) -> list[AliasResponse]:
    """Build the responses for these alias names, whether or not each points at a version."""
    held = {row.name: row for row in selectors.current_aliases(model=model).filter(name__in=names)}
    protected = selectors.alias_protections(names)
    open_requests = governance.live_alias_requests(model, names)
    return [
        AliasResponse(
            name=name,
            version=held[name].version.number if name in held else None,
            protected=name in protected,
            represents=[stage.slug for stage in protected[name].represents] if name in protected else [],
            outside_stage=name in held
            and name in protected
            and protected[name].is_outside(held[name].version.stage.slug),
            since=held[name].opened_at if name in held else None,
            request=url_of_request(open_requests[name]) if name in open_requests else None,
            url=f"{PREFIX}/models/{model.slug}/aliases/{name}",
        )
        for name in names
    ]
