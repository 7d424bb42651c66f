"""From an actor to the account behind it, and back."""

from audit.actor import Actor, ActorKind
from registry.exceptions import PermissionDeniedError
from registry.models import AccessToken, User


def actor_for(user: User, auth: str = "session") -> Actor:
    """The actor a signed-in person is; `auth` says how they signed in."""
    return Actor(kind=ActorKind.PERSON, id=user.uid, person=user.uid, person_pk=user.pk, auth=auth)


def person_of(actor: Actor) -> User | None:
    """The account behind an actor: the person, or whoever answers for the token; None for a process."""
    if actor.person is None:
        return None
    return User.objects.raw_first("uid = %(uid)s", uid=actor.person)


def require_person(actor: Actor) -> User:
    """The active account behind an actor. Raises PermissionDeniedError where there is none."""
    return _active(person_of(actor))


def require_person_and_token(actor: Actor) -> tuple[User, AccessToken | None]:
    """The active account behind an actor, and the token it signed in with, if any. Raises as `require_person`."""
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
    """The token an actor signed in with, or None."""
    if actor.kind is not ActorKind.TOKEN:
        return None
    return AccessToken.objects.raw_first("uid = %(uid)s", uid=actor.id)


def has_scope(actor: Actor, scope: str) -> bool:
    """Whether the actor is not limited by scopes, or has this one."""
    return actor.scopes is None or scope in actor.scopes


def require_scope(actor: Actor, scope: str) -> None:
    """Raises PermissionDeniedError where a token was not issued for `scope`."""
    if not has_scope(actor, scope):
        raise PermissionDeniedError(missing_scope_message(scope), code="missing_scope")


def missing_scope_message(scope: str) -> str:
    """The refusal of a token that was not issued for `scope`."""
    return f"This token was not issued for {scope}: use one that has the scope {scope}."
