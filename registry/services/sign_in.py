"""Sign-in with a password, and re-authentication for a decision signature or for administration.

Guessing is limited by counting attempts per account and address together, per account, and per address. A success
clears only the count per account and address, so knowing one password does not speed up guessing others. An unknown
name, a deactivated account, a service account and a wrong password cost the same work and get the same response.
"""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import hashers
from django.db import transaction
from django.db.models import Q
from django.utils.crypto import salted_hmac

from audit import clock, context, recorder
from audit.actions import Action
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
from registry.services import passkeys, second_factors, signing_locks
from registry.services.account_controls import require_own_password
from registry.services.passkeys import VerifiedAssertion

WINDOW = timedelta(minutes=15)
PER_ACCOUNT_AND_ADDRESS = 10
PER_ACCOUNT = 50
PER_ADDRESS = 200
MAX_PASSWORD = 1_024

SIGN_IN_PROCESS = process("sign-in")
"""The actor of a failed sign-in: no person is authenticated yet."""

UNKNOWN = ObjectRef("sign_in", "unknown-name")
"""The object of the event for a sign-in with an unknown user name."""


def sign_in(*, username: str, password: str) -> User:
    """Check a name and a password and record that the person signed in; the caller opens the session.

    The network address is taken from the request context (`audit.context`).

    Raises:
        InvalidStateError: too many attempts ("too_many_attempts"); the password is not checked.
        PermissionDeniedError: unknown name, wrong password, deactivated account or service account ("sign_in_failed").
    """
    username = username.strip()
    keys = _keys(username)
    made = _count(keys)
    person = User.objects.filter(username=username).first()
    right = _matches(person, password)
    if person is None or not right or not person.is_active or person.kind != User.Kind.PERSON:
        # An unknown name runs the same statements and takes the same time. The name is not recorded, because people
        # type passwords there.
        target, stream = (_ref(person), _stream(person)) if person is not None else (UNKNOWN, str(UNKNOWN))
        with transaction.atomic():
            recorder.record_event(PERSON_SIGN_IN_FAILED, actor=SIGN_IN_PROCESS, target=target, stream=stream)
        raise PermissionDeniedError(
            "User name or password is incorrect. Try again, or ask an administrator for a new password.",
            code="sign_in_failed",
        )
    with transaction.atomic():
        _forget(keys, made)
        recorder.record_event(
            PERSON_SIGNED_IN, actor=access.actor_for(person), target=_ref(person), stream=_stream(person)
        )
    return person


@transaction.atomic
def sign_out(*, actor: Actor, person: User) -> None:
    """Record that a person signed out; the caller ends the session."""
    recorder.record_event(PERSON_SIGNED_OUT, actor=actor, target=_ref(person), stream=_stream(person))


def reauthenticate(person: User, password: str, *, pointer: str, signing: bool = True) -> str:
    """Check a signer's password, and the code of the second factor if there is one, for a signature.

    Call it outside a transaction: a failed attempt must stay recorded. After `SIGNING_ATTEMPTS` wrong ones within
    `WINDOW`, signing is locked for the account until an administrator unlocks it (`signing_locks`).

    Args:
        person: the signer.
        password: the password; where a second factor is enrolled, followed by its code or by a recovery code.
        pointer: JSON pointer of the password in the input.
        signing: whether the second factor that the installation requires is needed; false for a change of the account.

    Returns:
        How the person was authenticated: "password", "password_totp" or "recovery_code".

    Raises:
        ValidationFailedError: the password or the code is missing or wrong.
        InvalidStateError: too many attempts ("too_many_attempts"), or the second factor cannot be read.
        PermissionDeniedError: another person set the password ("password_not_own"), signing is locked
            ("signing_locked"), or the installation requires a second factor ("second_factor_required").

    Source: 21 CFR 11.200(a)(1).
    """
    if not password:
        raise ValidationFailedError(
            [FieldError(pointer, "required", "Give your password again: it makes this your signature.")]
        )
    require_able_to_sign(person)
    factor = second_factors.current(person)
    if factor is None:
        if signing and settings.COUNTERSIGN_REQUIRE_SECOND_FACTOR:
            raise PermissionDeniedError(
                "Signing here requires a second factor: enrol an authenticator app on your profile, then sign.",
                code="second_factor_required",
            )
        if not _held_to(person, password, counted_as="signature", failed=PERSON_SIGNATURE_FAILED):
            signing_locks.count_failure(person)
            raise ValidationFailedError(
                [FieldError(pointer, "wrong_password", "That is not your password; nothing was signed.")]
            )
        signing_locks.forget_failures(person)
        return "password"
    known, code = second_factors.divided(password)
    # The code is looked at only after a correct password, so that it tells nothing about either of the two.
    right = _held_to(person, known, counted_as="signature", failed=PERSON_SIGNATURE_FAILED)
    method = second_factors.accept_code(actor=access.actor_for(person), person=person, code=code) if right else None
    if method is None:
        if right:
            _record_failure(person, PERSON_SIGNATURE_FAILED)
        signing_locks.count_failure(person)
        words = "That is not your password followed by a code that was not used before; nothing was signed."
        raise ValidationFailedError([FieldError(pointer, "wrong_password", words)])
    signing_locks.forget_failures(person)
    return "password_totp" if method == "totp" else method


def require_able_to_sign(person: User) -> None:
    """Require that the holder set the password and that signing is not locked.

    Raises:
        PermissionDeniedError: "password_not_own" or "signing_locked".
    """
    require_own_password(person)
    signing_locks.require_unlocked(person)


def reauthenticate_by_passkey(person: User, response: str, *, challenge: bytes) -> VerifiedAssertion | None:
    """Verify a passkey's assertion for a signature. Failures count as wrong passwords do.

    Call it outside a transaction: a failed attempt must stay recorded.

    Args:
        person: the signer.
        response: the authentication response of the browser, as JSON.
        challenge: SHA-256 of what is signed.

    Returns:
        The assertion, whose use the caller records with what was signed; None if it does not hold.

    Raises:
        PermissionDeniedError: another person set the password ("password_not_own"), or signing is locked
            ("signing_locked").

    Source: 21 CFR 11.200(a)(1).
    """
    require_able_to_sign(person)
    found = passkeys.verify(person, response, challenge)
    if found is None:
        _record_failure(person, PERSON_SIGNATURE_FAILED)
        signing_locks.count_failure(person)
        return None
    signing_locks.forget_failures(person)
    return found


def reauthenticate_to_administer(person: User, password: str, *, pointer: str) -> None:
    """Check an administrator's password before changes, and record it, so that an unattended open session changes no
    account.

    The caller decides how long it is valid. Args and Raises: see `reauthenticate`. Call it outside a transaction.
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
        recorder.record_event(PERSON_REAUTHENTICATED, actor=actor, target=_ref(person), stream=_stream(person))


def _held_to(person: User, password: str, *, counted_as: str, failed: Action) -> bool:
    """Return whether the password is the person's. Attempts are counted per purpose; a wrong one is recorded as
    `failed`. Raises PermissionDeniedError if another person set the password.
    """
    require_own_password(person)
    keys = _keys(f"{counted_as}:{person.uid}")
    made = _count(keys)
    if not _matches(person, password):
        _record_failure(person, failed)
        return False
    _forget(keys, made)
    return True


def _record_failure(person: User, action: Action) -> None:
    with transaction.atomic():
        recorder.record_event(action, actor=access.actor_for(person), target=_ref(person), stream=_stream(person))


def _matches(person: User | None, password: str) -> bool:
    """Return whether the password matches. Always costs one hash. Never re-hashes the stored password: an account
    changes only through a service with an event.
    """
    if person is None or len(password) > MAX_PASSWORD:
        hashers.make_password(password[:MAX_PASSWORD])
        return False
    return hashers.check_password(password, person.password)


def count_from_address(purpose: str) -> None:
    """Count an attempt that names no account, such as a sign-in link.

    Raises:
        InvalidStateError: too many attempts from this address ("too_many_attempts").
    """
    address = context.current().address
    if address:
        _count({_key(purpose, address): PER_ADDRESS})


def _keys(account: str) -> dict[str, int]:
    """Return the keys under which an attempt is counted, with the limit of each per window."""
    address = context.current().address
    counted_as = addresses.counted_as(address)
    # The first key is the one that a correct password clears.
    limits = {_key("both", account, counted_as): PER_ACCOUNT_AND_ADDRESS, _key("account", account): PER_ACCOUNT}
    if counted_as:
        limits[_key("address", counted_as)] = PER_ADDRESS
    return limits


def _key(*parts: str) -> str:
    return salted_hmac("registry.sign_in", "\x00".join(parts), algorithm="sha256").hexdigest()


def _count(keys: dict[str, int]) -> list[PasswordAttempt]:
    """Insert before counting, so that parallel guesses count each other. A refused attempt is deleted again, so
    that attempts during the waiting time do not extend it.
    """
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
    """Delete the attempts just counted, and earlier ones of the same account and address.

    Earlier attempts on the account from elsewhere, and on other accounts from this address, stay counted: otherwise one
    known password would allow unlimited guesses of others.
    """
    both = next(iter(keys))
    PasswordAttempt.objects.filter(Q(key=both) | Q(pk__in=[attempt.pk for attempt in made])).delete()


def _ref(person: User) -> ObjectRef:
    return ObjectRef("person", person.uid)


def _stream(person: User) -> str:
    return f"person:{person.uid}"
