"""The people responsible for an import: an authenticated officer, and the owner of the imported models.

Shell access to the machine does not prove an identity; the officer's password or one of their access tokens does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from audit import context
from audit.actor import Actor
from governance.promotions.import_existing import COMMAND
from registry import access
from registry.exceptions import NotFoundError, PermissionDeniedError
from registry.models import User
from registry.services import sign_in, tokens

TOKEN_SCOPES: Final = ("models:write", "versions:write", "promotions:write")
"""Scopes of an import: a token issued for less does not prove that its person wants it."""


@dataclass(frozen=True)
class Password:
    """The officer's password as typed. Never stored and not part of the repr."""

    value: str = field(repr=False)


@dataclass(frozen=True)
class Token:
    """The secret of one of the officer's access tokens. Never stored and not part of the repr."""

    value: str = field(repr=False)


Proof = Password | Token


def person(username: str) -> User:
    """Return the active account with a user name.

    Raises:
        NotFoundError: there is none.
    """
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise NotFoundError(f"There is no active account with the user name “{username}”.")
    return found


def officer(username: str, proof: Proof) -> Actor:
    """Authenticate an officer who runs a command.

    Call it outside a transaction: a wrong password is counted and recorded.

    Args:
        username: the officer's account.
        proof: their password, or the secret of one of their access tokens that has `TOKEN_SCOPES` and is not limited to
            some models.

    Returns:
        The person as an actor who may record promotions from before governance.

    Raises:
        NotFoundError: there is no such active account.
        PermissionDeniedError: the account may not publish policies, or the token is not theirs or not sufficient.
        ValidationFailedError: the password is wrong.
        InvalidStateError: there were too many attempts.
    """
    return _proved(username, proof, access.OrgPermission.MANAGE_POLICIES)


def administrator(username: str, password: Password) -> Actor:
    """Authenticate an administrator who runs a command. Arguments and errors: see `officer`."""
    return _proved(username, password, access.OrgPermission.MANAGE_PEOPLE)


def _proved(username: str, proof: Proof, permission: access.OrgPermission) -> Actor:
    found = person(username)
    actor = access.actor_for(found, auth=COMMAND)
    access.require_in_organisation(actor, permission)
    if isinstance(proof, Password):
        sign_in.reauthenticate_to_administer(found, proof.value, pointer="/password")
    else:
        _require_own_token(found, proof.value)
    return actor


def _require_own_token(found: User, secret: str) -> None:
    shown = tokens.authenticate(secret.strip(), context.current().address)
    if shown is None or shown.person != found.uid:
        raise PermissionDeniedError(
            f"The access token does not prove that {found.username} runs this command: it belongs to someone else, or "
            "it is expired or revoked.",
            code="not_proved",
        )
    for scope in TOKEN_SCOPES:
        access.require_scope(shown, scope)
    if shown.models is not None:
        raise PermissionDeniedError(
            "The access token is limited to some models, and an import registers others: use one without that limit.",
            code="not_proved",
        )
