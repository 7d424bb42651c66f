"""The identity of the caller."""

from __future__ import annotations

from django.conf import settings
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import PersonResponse, ResponseBody, UtcDateTime
from registry import access


class TokenResponse(ResponseBody):
    """The token that was sent, without its secret."""

    name: str
    prefix: str = Field(description="The beginning of the secret, to identify the token.")
    expires_at: UtcDateTime


class ServerResponse(ResponseBody):
    """The server that responds."""

    url: str
    api: str = Field(description="Version of this API.")


class WhoAmI(ResponseBody):
    """The identity of the caller."""

    id: str = Field(description="Identifier of the caller in the audit log.")
    kind: str = Field(description="token, or person")
    auth: str
    person: PersonResponse | None = Field(description="The person responsible for the caller.")
    scopes: list[str] | None = Field(description="Scopes of the token; null if no scopes limit the caller.")
    models: list[str] | None = Field(
        description="The models to which the token is limited; null for all models its person sees."
    )
    checks: list[str] = Field(description="The checks whose results the token may report.")
    token: TokenResponse | None
    server: ServerResponse


class WhoAmIView(Endpoint):
    """/whoami"""

    @Operation("whoAmI", "Read the identity of the caller", "identity", {200: WhoAmI})
    def get(self, request: Request) -> Response:
        """Return the caller's identity, scopes and limits. A pipeline can print them before it begins."""
        actor = self.actor
        token = access.token_of(actor)
        return respond(
            WhoAmI(
                id=actor.id,
                kind=str(actor.kind),
                auth=actor.auth,
                person=PersonResponse.maybe(access.person_of(actor)),
                scopes=sorted(actor.scopes) if actor.scopes is not None else None,
                models=sorted(actor.models) if actor.models is not None else None,
                checks=sorted(actor.checks),
                token=TokenResponse(name=token.name, prefix=token.prefix, expires_at=token.expires_at)
                if token is not None
                else None,
                server=ServerResponse(url=settings.PUBLIC_URL, api=settings.SPECTACULAR_SETTINGS["VERSION"]),
            )
        )
