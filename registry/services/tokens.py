"""Access tokens: issued to an account, shown once, stored as a hash.

A token is `cs_`, 40 base-62 characters from the operating system's random source (238 bits) and 6 characters of
checksum: the CRC-32 of the 40 in base 62. With the checksum, scanners recognise a leaked token, and a mistyped one is
refused without a query. It has no security function; the hash has.
"""

import hashlib
import secrets
import string
import zlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction

from audit import clock, leaf, recorder
from audit.actor import Actor, ActorKind
from audit.postgresql import prepared_statements
from audit.recorder import Change, ObjectRef, PrivateValue
from registry import access, addresses
from registry.actions import TOKEN_ISSUED, TOKEN_REVOKED
from registry.exceptions import InvalidStateError, NotFoundError, PermissionDeniedError
from registry.models import AccessToken, AccountControl, TokenUse, User
from registry.models.token import new_token_uid
from registry.services.account_controls import record_control, require_own_password
from registry.validation import ErrorCollector

PREFIX = "cs_"
RANDOM_LENGTH = 40
CHECKSUM_LENGTH = 6
LENGTH = len(PREFIX) + RANDOM_LENGTH + CHECKSUM_LENGTH
SHOWN = 11
"""Readable characters of a stored token: the prefix and 8 random ones, which leaves 190 bits secret."""
LONGEST_LIFE = timedelta(days=366)
USE_NOTED_EVERY = timedelta(minutes=1)

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_CHARACTERS = frozenset(_BASE62)
_LIVE = """
    SELECT t.id, t.uid, t.scopes, t.model_slugs, t.check_names, p.uid, p.id, u.last_used_at
      FROM registry_accesstoken t JOIN registry_user p ON p.id = t.person_id
      LEFT JOIN registry_tokenuse u ON u.token_id = t.id
     WHERE t.digest = %(digest)s AND t.revoked_at IS NULL AND t.expires_at > %(now)s AND p.is_active"""


@transaction.atomic
def issue(
    *,
    actor: Actor,
    person: User,
    name: str,
    scopes: Iterable[str],
    expires_at: datetime,
    model_slugs: Iterable[str] | None = None,
    check_names: Iterable[str] = (),
    received_by: User | None = None,
) -> tuple[AccessToken, str]:
    """Issue a token that acts for `person`, and return its secret, which is not stored.

    Args:
        actor: the person themselves, signed in; for a service account, an administrator.
        person: the account.
        name: its purpose, in the person's words.
        scopes: of `access.SCOPES`; at least one.
        expires_at: at most 366 days ahead, with time zone.
        model_slugs: slugs of the models it is limited to; None for no limit.
        check_names: names of the checks whose results it may report, with the scope `checks:write`. A token that names
            none reports none.
        received_by: the person who gets the secret, if not the actor. Those who issued or received a token of a service
            account do not approve what the account did (SoD-3).

    Returns:
        The token and its secret.

    Raises:
        PermissionDeniedError: the actor is a token, or may not issue tokens for the account, or another person set the
            actor's password.
        ValidationFailedError: a field breaks a rule, or the account is deactivated.
    """
    _require_issuer(actor, person)
    now = clock.now()
    faults = ErrorCollector()
    label = faults.clean_line("/name", name, 120, required=True)
    chosen = sorted(set(scopes))
    if not chosen:
        faults.add("/scopes", "required", f"Choose at least one scope: {', '.join(access.SCOPES)}.")
    for unknown in (scope for scope in chosen if scope not in access.SCOPES):
        faults.add("/scopes", "unknown_scope", f"There is no scope {unknown}; there are: {', '.join(access.SCOPES)}.")
    if expires_at.utcoffset() is None:
        faults.add("/expires_at", "no_time_zone", "Give the moment with its time zone.")
    elif not now < expires_at <= now + LONGEST_LIFE:
        faults.add("/expires_at", "lifetime", f"A token expires in the future, within {LONGEST_LIFE.days} days.")
    limited = sorted(set(model_slugs)) if model_slugs is not None else None
    if limited is not None:
        if not limited:
            faults.add("/model_slugs", "required", "Name at least one model, or leave the limit out.")
        for index, slug in enumerate(limited):
            faults.model_slug(f"/model_slugs/{index}", slug)
    named = _clean_checks(faults, check_names, chosen)
    if person.is_deactivated():
        faults.add("/person", "inactive", "This account is deactivated: reactivate it first.")
    if received_by is not None and received_by.kind != User.Kind.PERSON:
        faults.add("/received_by", "no_person", "The secret of a token is given to a person.")
    faults.raise_if_any()
    secret = new_secret()
    token = AccessToken(
        uid=new_token_uid(),
        person=person,
        name=label,
        prefix=secret[:SHOWN],
        digest=_digest(secret),
        scopes=chosen,
        model_slugs=limited,
        check_names=named,
        created_at=now,
        expires_at=expires_at,
    )
    event = recorder.record_event(
        TOKEN_ISSUED,
        actor=actor,
        target=ObjectRef("token", token.uid),
        stream=f"person:{person.uid}",
        related_objects=[ObjectRef("person", person.uid)],
        changes=[Change("name", None, PrivateValue(label))],
        data={
            "scopes": chosen,
            "models": limited,
            **({"checks": named} if named else {}),
            "expires_at": leaf.timestamp(expires_at),
            **({"received_by": received_by.uid} if received_by is not None else {}),
        },
    )
    token.save(force_insert=True)
    issuer = access.person_of(actor)
    for holder, kind in (
        (issuer, AccountControl.Kind.TOKEN_ISSUED),
        (received_by, AccountControl.Kind.TOKEN_RECEIVED),
    ):
        if holder is not None:
            record_control(account=person, person=holder, kind=kind, event=event, token=token)
    return token, secret


def _clean_checks(faults: ErrorCollector, names: Iterable[str], scopes: Iterable[str]) -> list[str]:
    named = sorted(set(names))
    if named and access.REPORT_SCOPE not in scopes:
        detail = f"Only a token with the scope {access.REPORT_SCOPE} reports results of checks."
        faults.add("/check_names", "no_scope", detail)
    for index, check in enumerate(named):
        faults.check_name(f"/check_names/{index}", check)
    return named


@transaction.atomic
def revoke(*, actor: Actor, token: AccessToken, reason: str) -> AccessToken:
    """Revoke a token at once. Its person may, and administrators.

    Raises:
        NotFoundError: the token belongs to another person and the actor is not an administrator.
        PermissionDeniedError: the account is deactivated, or a token would revoke another one.
        ValidationFailedError: the reason is empty.
        InvalidStateError: the token was already revoked.
    """
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    if actor.person != token.person.uid:
        if not access.check_org_permission(actor, access.OrgPermission.MANAGE_PEOPLE):
            raise NotFoundError("There is no such token among yours.")
    else:
        access.require_person(actor)
        if actor.kind is ActorKind.TOKEN and actor.id != token.uid:
            raise PermissionDeniedError(
                "A token may revoke itself only: sign in to revoke others.", code="person_required"
            )
    token = AccessToken.objects.select_for_update(no_key=True, of=("self",)).select_related("person").get(pk=token.pk)
    if token.revoked_at is not None:
        raise InvalidStateError("This token was revoked already.", code="already_revoked")
    event = recorder.record_event(
        TOKEN_REVOKED,
        actor=actor,
        target=ObjectRef("token", token.uid),
        stream=f"person:{token.person.uid}",
        related_objects=[ObjectRef("person", token.person.uid)],
        reason=why,
    )
    token.revoked_at = event.happened_at
    token.save(update_fields=["revoked_at"])
    return token


def authenticate(secret: str, address: str | None = None) -> Actor | None:
    """Return the actor of a token; None if it is malformed, unknown, expired, revoked, or its account is deactivated.

    The reason is not revealed. The time of use is stored, at most once a minute.

    Args:
        secret: the token as received; a wrong checksum costs no query.
        address: the client's address, shown to the token's owner; None if unknown.
    """
    if not is_well_formed(secret):
        return None
    now = clock.now()
    # Every request of a program starts here: one prepared statement with the needed columns only.
    found = prepared_statements.execute_prepared(_LIVE, {"digest": _digest(secret), "now": now})
    if not found:
        return None
    ((pk, uid, scopes, slugs, checks, person, person_pk, last_used_at),) = found
    if last_used_at is None or now - last_used_at >= USE_NOTED_EVERY:
        _note_use(pk, now, address)
    return _actor(pk, uid, person, person_pk, scopes, slugs, checks)


def actor_of(token: AccessToken) -> Actor:
    """Return the actor that signs in with this token."""
    return _actor(
        token.pk, token.uid, token.person.uid, token.person_id, token.scopes, token.model_slugs, token.check_names
    )


def new_secret() -> str:
    """Return a new random token."""
    random = "".join(secrets.choice(_BASE62) for _ in range(RANDOM_LENGTH))
    return PREFIX + random + checksum(random)


def is_well_formed(secret: str) -> bool:
    """Return whether the text has the form of a token, with a correct checksum."""
    if len(secret) != LENGTH or not secret.startswith(PREFIX):
        return False
    body = secret[len(PREFIX) :]
    return _CHARACTERS.issuperset(body) and checksum(body[:RANDOM_LENGTH]) == body[RANDOM_LENGTH:]


def checksum(random: str) -> str:
    """Return the CRC-32 of the text in base 62, six characters."""
    number = zlib.crc32(random.encode("ascii"))
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        number, remainder = divmod(number, len(_BASE62))
        digits = _BASE62[remainder] + digits
    return digits


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("ascii")).digest()


def _actor(
    pk: int,
    uid: str,
    person: str,
    person_pk: int,
    scopes: Iterable[str],
    slugs: Iterable[str] | None,
    checks: Iterable[str],
) -> Actor:
    return Actor(
        kind=ActorKind.TOKEN,
        id=uid,
        person=person,
        person_pk=person_pk,
        token_pk=pk,
        auth="token",
        scopes=frozenset(scopes),
        models=frozenset(slugs) if slugs is not None else None,
        checks=frozenset(checks),
    )


def _note_use(token: int, now: datetime, address: str | None) -> None:
    TokenUse.objects.bulk_create(
        [TokenUse(token_id=token, last_used_at=now, last_address=_address(address))],
        update_conflicts=True,
        unique_fields=["token"],
        update_fields=["last_used_at", "last_address"],
    )


def _address(text: str | None) -> str | None:
    """Return an address that the database can store, else None: an unusable address must not refuse a valid token."""
    try:
        return str(addresses.read(text or ""))
    except ValueError:
        return None


def _require_issuer(actor: Actor, person: User) -> None:
    if actor.kind is ActorKind.TOKEN:
        raise PermissionDeniedError("No token issues tokens: sign in to the pages to make one.", code="person_required")
    if actor.person == person.uid:
        require_own_password(person)
        return
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_PEOPLE)
    if person.kind != User.Kind.SERVICE:
        raise PermissionDeniedError(
            "A token acts in its person's name, so people issue their own; others only for a service account.",
            code="own_token",
        )
