"""Conversion between actors and accounts."""

from audit.actor import Actor, ActorKind
from registry.exceptions import PermissionDeniedError
from registry.models import AccessToken, User


def actor_for(user: User, auth: str = "session") -> Actor:
    """Return the actor of a signed-in person; `auth` is the sign-in method."""
    return Actor(kind=ActorKind.PERSON, id=user.uid, person=user.uid, person_pk=user.pk, auth=auth)


def person_of(actor: Actor) -> User | None:
    """Return the account of an actor: the person, or the owner of the token; None for a process."""
    if actor.person is None:
        return None
    return User.objects.raw_first("uid = %(uid)s", uid=actor.person)


def require_person(actor: Actor) -> User:
    """Return the active account of an actor.

    Raises:
        PermissionDeniedError: there is none, or it is deactivated.
    """
    return _active(person_of(actor))


def require_person_and_token(actor: Actor) -> tuple[User, AccessToken | None]:
    """Return the active account of an actor, and the token with which it signed in, if any. The token may have only its
    keys loaded.

    Raises:
        PermissionDeniedError: see `require_person`.
    """
    person = require_person(actor)
    if actor.kind is ActorKind.TOKEN and actor.token_pk is not None:
        token = AccessToken.objects.from_known_fields(id=actor.token_pk, uid=actor.id, person_id=person.pk)
        token.person = person
        return person, token
    return person, token_of(actor)


def _active(person: User | None) -> User:
    if person is None:
        raise PermissionDeniedError(
            "A person has to do this, signed in or by a token that belongs to them: a system process cannot.",
            code="person_required",
        )
    if not person.is_active:
        raise PermissionDeniedError(
            "This account is deactivated and may do nothing; an administrator can reactivate it.", code="inactive"
        )
    return person


def token_of(actor: Actor) -> AccessToken | None:
    """Return the token with which an actor signed in; None for other actors."""
    if actor.kind is not ActorKind.TOKEN:
        return None
    return AccessToken.objects.raw_first("uid = %(uid)s", uid=actor.id)


def has_scope(actor: Actor, scope: str) -> bool:
    """Return whether the actor is not limited by scopes, or has this one."""
    return actor.scopes is None or scope in actor.scopes


def require_scope(actor: Actor, scope: str) -> None:
    """Require that the actor is not limited by scopes, or has this one.

    Raises:
        PermissionDeniedError: a token without the scope.
    """
    if not has_scope(actor, scope):
        raise PermissionDeniedError(missing_scope_message(scope), code="missing_scope")


def missing_scope_message(scope: str) -> str:
    """Return the error message for a token without the scope."""
    return f"This token was not issued for {scope}: use one that has the scope {scope}."
