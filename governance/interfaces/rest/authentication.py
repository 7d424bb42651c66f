"""Token authentication for the API.

Session cookies are not accepted. No page can therefore make a signed-in browser call the API, and no CSRF token is
needed. DRF imports this module while its own views load: do not import them here.
"""

from __future__ import annotations

from dataclasses import dataclass

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from audit import context
from audit.actor import Actor
from registry.services import tokens


@dataclass(frozen=True)
class Caller:
    """The `request.user` of an API request. Views use the actor."""

    actor: Actor
    is_authenticated: bool = True


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer cs_…` (RFC 6750)."""

    def authenticate(self, request: Request) -> tuple[Caller, Actor] | None:
        """Authenticate the bearer token.

        Returns:
            The caller and its actor; None without an Authorization header.

        Raises:
            AuthenticationFailed: another scheme, or a token that is malformed, unknown, expired or revoked.
        """
        given = request.headers.get("Authorization")
        if given is None:
            return None
        scheme, _, secret = given.partition(" ")
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("The API accepts access tokens only: send Authorization: Bearer cs_…")
        actor = tokens.authenticate(secret.strip(), context.current().address or None)
        if actor is None:
            raise AuthenticationFailed(
                "This token is malformed, unknown, expired or revoked, or its account is deactivated: create a new one."
            )
        return Caller(actor), actor

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="countersign"'


class IsAuthenticatedToken(BasePermission):
    """Requires a token. Services and selectors check what its owner may do."""

    def has_permission(self, request: Request, view: object) -> bool:
        return isinstance(request.auth, Actor)
