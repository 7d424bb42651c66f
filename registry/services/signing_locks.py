"""Locks of signing: after repeated wrong passwords or codes an account cannot sign until it is unlocked."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.crypto import salted_hmac

from audit import clock, recorder
from audit.actor import Actor, process
from audit.recorder import ObjectRef
from registry import access
from registry.actions import PERSON_SIGNING_LOCKED, PERSON_SIGNING_UNLOCKED
from registry.exceptions import InvalidStateError, PermissionDeniedError
from registry.models import IS_CURRENT, PasswordAttempt, SigningLock, User
from registry.validation import ErrorCollector

WINDOW = timedelta(minutes=15)
"""The time in which failures are counted together."""

_PROCESS = process("sign-in")


def require_unlocked(person: User) -> None:
    """Require that the account can sign. One query.

    Raises:
        PermissionDeniedError: signing is locked ("signing_locked").
    """
    lock = SigningLock.objects.filter(IS_CURRENT, account=person).first()
    if lock is not None:
        raise PermissionDeniedError(
            f"Signing with your account is locked, because of {lock.failures} wrong passwords or codes. If it was not "
            "you, tell an administrator. An administrator unlocks it.",
            code="signing_locked",
        )


def is_locked(person: User) -> bool:
    """Return whether signing is locked for an account. One query."""
    return SigningLock.objects.filter(IS_CURRENT, account=person).exists()


def locked_accounts() -> int:
    """Return the number of accounts for which signing is locked. One query."""
    return SigningLock.objects.filter(IS_CURRENT).count()


def count_failure(person: User) -> None:
    """Count a wrong password or code, and lock signing when there are too many. Call it outside a transaction."""
    now, key = clock.now(), _key(person)
    PasswordAttempt.objects.create(key=key, at=now)
    failures = PasswordAttempt.objects.filter(key=key, at__gte=now - WINDOW).count()
    if failures < settings.COUNTERSIGN_SIGNING_ATTEMPTS:
        return
    with transaction.atomic():
        User.objects.get_for_update(person.pk)
        if SigningLock.objects.filter(IS_CURRENT, account=person).exists():
            return
        event = recorder.record_event(
            PERSON_SIGNING_LOCKED,
            actor=_PROCESS,
            target=ObjectRef("person", person.uid),
            stream=f"person:{person.uid}",
            data={"failures": failures},
        )
        SigningLock.objects.create(
            account=person, failures=failures, opened_at=event.happened_at, opened_event=event.event_id
        )


def forget_failures(person: User) -> None:
    """Delete the counted failures of an account, after a correct signature."""
    PasswordAttempt.objects.filter(key=_key(person)).delete()


@transaction.atomic
def unlock(*, actor: Actor, person: User, reason: str) -> None:
    """Let an account sign again.

    Args:
        actor: an administrator, not the person.
        person: the account.
        reason: kept with the event.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_PEOPLE, or it is their own account.
        ValidationFailedError: the reason is empty.
        InvalidStateError: signing is not locked.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_PEOPLE)
    if actor.person == person.uid:
        raise PermissionDeniedError("Another administrator unlocks your account.", code="own_account")
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    lock = SigningLock.objects.select_for_update().filter(IS_CURRENT, account=person).first()
    if lock is None:
        raise InvalidStateError("Signing with this account is not locked.", code="not_locked")
    event = recorder.record_event(
        PERSON_SIGNING_UNLOCKED,
        actor=actor,
        target=ObjectRef("person", person.uid),
        stream=f"person:{person.uid}",
        reason=why,
    )
    lock.closed_at, lock.closed_event = event.happened_at, event.event_id
    lock.save(update_fields=["closed_at", "closed_event"])
    forget_failures(person)


def _key(person: User) -> str:
    return salted_hmac("registry.signing_locks", person.uid, algorithm="sha256").hexdigest()
