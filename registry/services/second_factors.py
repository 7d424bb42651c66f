"""The second factor of an account: enrolment of an authenticator app, verification of codes, removal and reset."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import timedelta

from django.core import signing
from django.db import transaction

from audit import clock, recorder
from audit.actions import Action
from audit.actor import Actor
from audit.models import Event
from audit.recorder import ObjectRef
from registry import access, totp
from registry.actions import (
    PERSON_RECOVERY_CODE_USED,
    PERSON_SECOND_FACTOR_ENROLLED,
    PERSON_SECOND_FACTOR_REMOVED,
    PERSON_SECOND_FACTOR_RESET,
    PERSON_SECOND_FACTOR_USED,
)
from registry.exceptions import (
    ConflictError,
    FieldError,
    InvalidStateError,
    PermissionDeniedError,
    ValidationFailedError,
)
from registry.models import IS_CURRENT, SecondFactor, User
from registry.services import sealing
from registry.validation import ErrorCollector

RECOVERY_CODES = 10
_RECOVERY_BYTES = 10
ENROLMENT_MINUTES = 15
_SALT = "registry.second_factor"
_ENDING = re.compile(
    r"(?P<password>.+?) ?(?P<code>[0-9]{6}|[0-9]{3} [0-9]{3}|(?:[0-9a-f]{5}-){3}[0-9a-f]{5})", re.DOTALL
)
"""A password, and at its end a code of the authenticator app or a recovery code."""


@dataclass(frozen=True)
class Enrolment:
    """A secret that is offered to a person and not stored yet. `ticket` carries it through the form."""

    secret: bytes = field(repr=False)
    ticket: str = field(repr=False)

    @property
    def base32(self) -> str:
        """The secret as it is typed into an authenticator app."""
        return totp.as_base32(self.secret)


def current(person: User) -> SecondFactor | None:
    """Return the enrolled second factor of an account; None if there is none. One query."""
    return SecondFactor.objects.filter(IS_CURRENT, account=person).first()


def divided(entered: str) -> tuple[str, str]:
    """Return the password and the code, from a password followed by a code; the code is empty where there is none."""
    found = _ENDING.fullmatch(entered)
    return (found["password"], found["code"]) if found is not None else (entered, "")


def begin(person: User) -> Enrolment:
    """Return a new secret for an enrolment that the person completes within `ENROLMENT_MINUTES`."""
    secret = secrets.token_bytes(totp.SECRET_BYTES)
    return Enrolment(secret, signing.dumps([person.uid, secret.hex()], salt=_SALT, compress=False))


def resume(person: User, ticket: str) -> Enrolment:
    """Return the enrolment of a ticket.

    Raises:
        InvalidStateError: the ticket is of another account, changed, or older than `ENROLMENT_MINUTES`.
    """
    try:
        uid, secret = signing.loads(ticket, salt=_SALT, max_age=timedelta(minutes=ENROLMENT_MINUTES))
    except (signing.BadSignature, ValueError, TypeError):
        uid, secret = "", ""
    if uid != person.uid:
        raise InvalidStateError("This enrolment has expired: begin again with a new key.", code="enrolment_expired")
    return Enrolment(bytes.fromhex(secret), ticket)


@transaction.atomic
def enrol(*, actor: Actor, person: User, ticket: str, code: str) -> tuple[str, ...]:
    """Store the second factor of one's own account after a first correct code. The caller has verified the password.

    Args:
        actor: the person, signed in.
        person: the account.
        ticket: of the enrolment.
        code: a code of the authenticator app.

    Returns:
        The recovery codes, which are shown once.

    Raises:
        PermissionDeniedError: the actor is not the person, signed in.
        InvalidStateError: the enrolment has expired.
        ConflictError: the account has a second factor already.
        ValidationFailedError: the code is wrong.
    """
    _require_self(actor, person)
    offered = resume(person, ticket)
    person = User.objects.get_for_update(person.pk)
    existing = current(person)
    if existing is not None:
        raise ConflictError(
            "This account has a second factor already: remove it first.", code="already_enrolled", existing=existing
        )
    step = totp.matching_step(offered.secret, code, clock.now(), after=-1)
    if step is None:
        raise ValidationFailedError([_wrong_code("/code")])
    codes = tuple(_grouped(secrets.token_hex(_RECOVERY_BYTES)) for _ in range(RECOVERY_CODES))
    event = _record(PERSON_SECOND_FACTOR_ENROLLED, actor, person, kind="totp")
    SecondFactor.objects.create(
        account=person,
        secret=sealing.seal(offered.secret, purpose=_purpose(person)),
        last_step=step,
        recovery_codes=[_hashed(one) for one in codes],
        opened_at=event.happened_at,
        opened_event=event.event_id,
    )
    return codes


@transaction.atomic
def accept_code(*, actor: Actor, person: User, code: str) -> str | None:
    """Accept a code of the authenticator app or a recovery code, so that it is not accepted again.

    Args:
        actor: the person, signed in.
        person: the account.
        code: what was entered.

    Returns:
        "totp" or "recovery_code"; None if the code is wrong, was used before, or there is no second factor.

    Raises:
        InvalidStateError: the stored secret cannot be read ("second_factor_unreadable").
    """
    factor = SecondFactor.objects.select_for_update().filter(IS_CURRENT, account=person).first()
    if factor is None:
        return None
    try:
        secret = sealing.unseal(bytes(factor.secret), purpose=_purpose(person))
    except sealing.UnsealError as fault:
        raise InvalidStateError(
            "The second factor of this account cannot be read, because the secret key of the installation changed. Ask "
            "an administrator to reset it, then enrol again.",
            code="second_factor_unreadable",
        ) from fault
    step = totp.matching_step(secret, code, clock.now(), after=factor.last_step)
    if step is not None:
        _record(PERSON_SECOND_FACTOR_USED, actor, person, kind="totp")
        factor.last_step = step
        factor.save(update_fields=["last_step"])
        return "totp"
    digest = _hashed(code)
    if digest not in factor.recovery_codes:
        return None
    factor.recovery_codes = [one for one in factor.recovery_codes if one != digest]
    _record(PERSON_RECOVERY_CODE_USED, actor, person, left=len(factor.recovery_codes))
    factor.save(update_fields=["recovery_codes"])
    return "recovery_code"


@transaction.atomic
def remove(*, actor: Actor, person: User) -> None:
    """Remove the second factor of one's own account. The caller has verified the password and a code.

    Raises:
        PermissionDeniedError: the actor is not the person, signed in.
        InvalidStateError: there is no second factor.
    """
    _require_self(actor, person)
    _close(_record_of(actor, person, PERSON_SECOND_FACTOR_REMOVED, None))


@transaction.atomic
def reset(*, actor: Actor, person: User, reason: str) -> None:
    """Remove the second factor of another account, whose device and recovery codes are lost.

    It gives no access: the person still needs the password. The person sees the event on the profile.

    Args:
        actor: an administrator.
        person: the account.
        reason: kept with the event.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_PEOPLE, or it is their own account, or a superuser's and
            they are not one.
        ValidationFailedError: the reason is empty.
        InvalidStateError: there is no second factor.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_PEOPLE)
    if actor.person == person.uid:
        raise PermissionDeniedError("Another administrator resets your second factor.", code="own_account")
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    _close(_record_of(actor, person, PERSON_SECOND_FACTOR_RESET, why))


def _record_of(actor: Actor, person: User, action: Action, why: str | None) -> tuple[SecondFactor, Event]:
    factor = SecondFactor.objects.select_for_update().filter(IS_CURRENT, account=person).first()
    if factor is None:
        raise InvalidStateError("This account has no second factor.", code="no_second_factor")
    return factor, _record(action, actor, person, reason=why)


def _close(closing: tuple[SecondFactor, Event]) -> None:
    factor, event = closing
    factor.closed_at, factor.closed_event = event.happened_at, event.event_id
    factor.save(update_fields=["closed_at", "closed_event"])


def _record(action: Action, actor: Actor, person: User, *, reason: str | None = None, **data: str | int) -> Event:
    return recorder.record_event(
        action,
        actor=actor,
        target=ObjectRef("person", person.uid),
        stream=f"person:{person.uid}",
        data=dict(data) or None,
        reason=reason,
    )


def _require_self(actor: Actor, person: User) -> None:
    if actor.scopes is not None or actor.person != person.uid:
        raise PermissionDeniedError(
            "A person enrols and removes the second factor of their own account, signed in.", code="person_required"
        )


def _wrong_code(pointer: str) -> FieldError:
    return FieldError(pointer, "wrong_code", "This code is wrong or was used before. Enter the code that is shown now.")


def _purpose(person: User) -> str:
    return f"second factor of {person.uid}"


def _grouped(code: str) -> str:
    return "-".join(code[n : n + 5] for n in range(0, len(code), 5))


def _hashed(code: str) -> str:
    """Return the SHA-256 of a recovery code. It has 80 random bits, so no slow hash is needed."""
    return hashlib.sha256("".join(code.split()).replace("-", "").lower().encode()).hexdigest()
