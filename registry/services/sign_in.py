"""Signing in with a password, and giving it again to sign a decision or to administer.

Guessing is slowed by counting attempts under account and address together, under the account, and under the address. A
success clears what is counted under account and address alone: whoever knows one password guesses others no faster. An
unknown name, a deactivated account, a service account and a wrong password take the same work and get the same answer.
"""

from datetime import timedelta

from django.contrib.auth import hashers
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from audit import clock, context, recorder
from audit.actor import Actor, process
from audit.recorder import ObjectRef
from registry import access, addresses
from registry.actions import (
    PERSON_REAUTHENTICATED,
    PERSON_REAUTHENTICATION_FAILED,
    PERSON_SIGN_IN_FAILED,
    PERSON_SIGNATURE_FAILED,
    PERSON_SIGNED_IN,
    PERSON_SIGNED_OUT,
)
from registry.exceptions import FieldError, InvalidStateError, PermissionDeniedError, ValidationFailedError
from registry.models import PasswordAttempt, User
from registry.services.account_controls import require_own_password

WINDOW = timedelta(minutes=15)
PER_ACCOUNT_AND_ADDRESS = 10
PER_ACCOUNT = 50
PER_ADDRESS = 200
MAX_PASSWORD = 1_024

SIGN_IN_PROCESS = process("sign-in")
"""Who refuses a sign-in: nobody has signed in yet, so no person acts."""

UNKNOWN = ObjectRef("sign_in", "unknown-name")
"""What a sign-in under a name that no account has is recorded about."""


def sign_in(*, username: str, password: str) -> User:
    """Check a name and a password and record that the person signed in; the caller opens the session.

    The address is that of the ambient request (`audit.context`). Raises InvalidStateError ("too_many_attempts") before
    any
    password is looked at, and PermissionDeniedError ("sign_in_failed") for an unknown name, a wrong password, a
    deactivated
    account and a service account alike.
    """
    username = username.strip()
    keys = _keys(username)
    made = _count(keys)
    person = User.objects.filter(username=username).first()
    right = _matches(person, password)
    if person is None or not right or not person.is_active or person.kind != User.Kind.PERSON:
        # The same statements for an unknown name, and so the same time; the name itself is not recorded, because people
        # type passwords there.
        thing, stream = (_thing(person), _stream(person)) if person is not None else (UNKNOWN, str(UNKNOWN))
        with transaction.atomic():
            recorder.record_event(PERSON_SIGN_IN_FAILED, actor=SIGN_IN_PROCESS, target=thing, stream=stream)
        raise PermissionDeniedError(
            "User name or password is incorrect. Try again, or ask an administrator for a new password.",
            code="sign_in_failed",
        )
    with transaction.atomic():
        _forget(keys, made)
        recorder.record_event(
            PERSON_SIGNED_IN, actor=access.actor_for(person), target=_thing(person), stream=_stream(person)
        )
    return person


@transaction.atomic
def sign_out(*, actor: Actor, person: User) -> None:
    """Record that a person signed out; the caller ends the session."""
    recorder.record_event(PERSON_SIGNED_OUT, actor=actor, target=_thing(person), stream=_stream(person))


def reauthenticate(person: User, password: str, *, pointer: str) -> None:
    """Hold a signer to their password (21 CFR 11.200(a)(1)). `pointer` says where the password stood in the input.

    Call it outside a transaction: a wrong attempt must stay counted and recorded. Raises ValidationFailedError for a
    missing or
    wrong password and InvalidStateError ("too_many_attempts") after too many.
    """
    if not password:
        raise ValidationFailedError(
            [FieldError(pointer, "required", "Give your password again: it makes this your signature.")]
        )
    if not _held_to(person, password, counted_as="signature", failed=PERSON_SIGNATURE_FAILED):
        raise ValidationFailedError(
            [FieldError(pointer, "wrong_password", "That is not your password; nothing was signed.")]
        )


def reauthenticate_to_administer(person: User, password: str, *, pointer: str) -> None:
    """Hold whoever administers to their password before they change anything, and record that they gave it: an open
    browser on somebody's desk changes no account. How long it holds is the caller's to say.

    Call it outside a transaction, as `reauthenticate`. Raises the same.
    """
    if not password:
        raise ValidationFailedError(
            [FieldError(pointer, "required", "Give your password again before you change anything.")]
        )
    if not _held_to(person, password, counted_as="administration", failed=PERSON_REAUTHENTICATION_FAILED):
        raise ValidationFailedError(
            [FieldError(pointer, "wrong_password", "That is not your password; nothing was changed.")]
        )
    with transaction.atomic():
        actor = access.actor_for(person)
        recorder.record_event(PERSON_REAUTHENTICATED, actor=actor, target=_thing(person), stream=_stream(person))


def _held_to(person: User, password: str, *, counted_as: str, failed: str) -> bool:
    """Whether it is the person's password. Guesses are counted by purpose; a wrong one is recorded as `failed`. Raises
    PermissionDeniedError where somebody else set the password."""
    require_own_password(person)
    keys = _keys(f"{counted_as}:{person.uid}")
    made = _count(keys)
    if not _matches(person, password):
        with transaction.atomic():
            recorder.record_event(failed, actor=access.actor_for(person), target=_thing(person), stream=_stream(person))
        return False
    _forget(keys, made)
    return True


def _matches(person: User | None, password: str) -> bool:
    """Whether the password is the person's. Always costs one hash. Never re-hashes what is stored: a change of an
    account is a command with an event, not a side effect of signing in."""
    if person is None or len(password) > MAX_PASSWORD:
        hashers.make_password(password[:MAX_PASSWORD])
        return False
    return hashers.check_password(password, person.password)


def count_from_address(purpose: str) -> None:
    """Count an attempt that names no account, such as a link that is tried. Raises InvalidStateError
    ("too_many_attempts")."""
    address = context.current().address
    if address:
        _count({_key(purpose, address): PER_ADDRESS})


def _keys(account: str) -> dict[str, int]:
    """What an attempt is counted under, and how many each allows in a window."""
    address = context.current().address
    counted_as = addresses.counted_as(address)
    # The first is what a right password clears.
    limits = {_key("both", account, counted_as): PER_ACCOUNT_AND_ADDRESS, _key("account", account): PER_ACCOUNT}
    if counted_as:
        limits[_key("address", counted_as)] = PER_ADDRESS
    return limits


def _key(*parts: str) -> str:
    return salted_hmac("registry.sign_in", "\x00".join(parts), algorithm="sha256").hexdigest()


def _count(keys: dict[str, int]) -> list[PasswordAttempt]:
    """Count first, look afterwards: parallel guesses count each other. A refused attempt is not kept, so knocking on a
    closed door does not keep it closed."""
    now = clock.now()
    PasswordAttempt.objects.filter(at__lt=now - WINDOW).delete()
    made = PasswordAttempt.objects.bulk_create(PasswordAttempt(key=key, at=now) for key in keys)
    for key, allowed in keys.items():
        moments = (
            PasswordAttempt.objects.filter(key=key, at__gte=now - WINDOW).order_by("-at").values_list("at", flat=True)
        )
        counted = list(moments[: allowed + 1])
        if len(counted) > allowed:
            PasswordAttempt.objects.filter(pk__in=[attempt.pk for attempt in made]).delete()
            minutes = max(1, -(-int((counted[-1] + WINDOW - now).total_seconds()) // 60))
            raise InvalidStateError(
                f"Too many attempts. Wait {minutes} minute{'s' if minutes != 1 else ''} and try again.",
                code="too_many_attempts",
            )
    return made


def _forget(keys: dict[str, int], made: list[PasswordAttempt]) -> None:
    """Take back what a right password counted, and what was counted before under its account and address together.

    Earlier attempts on the account from elsewhere, and on other accounts from this address, stay counted: otherwise one
    known password would let its holder guess all others.
    """
    both = next(iter(keys))
    PasswordAttempt.objects.filter(Q(key=both) | Q(pk__in=[attempt.pk for attempt in made])).delete()


def _thing(person: User) -> ObjectRef:
    return ObjectRef("person", person.uid)


def _stream(person: User) -> str:
    return f"person:{person.uid}"
