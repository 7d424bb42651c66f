"""Who could act as an account of another person.

The record is used to exclude these people from approving what the account did, and the account from approving what they
request. Services that let a person act as another account call `record_control`. Owners and other users of a service
account are recorded by name.
"""

from django.db import transaction

from audit import recorder
from audit.actor import Actor
from audit.models import Event
from audit.recorder import ObjectRef
from registry import access
from registry.actions import SERVICE_ACCOUNT_USER_ADDED, SERVICE_ACCOUNT_USER_REMOVED
from registry.exceptions import ConflictError, NotFoundError, PermissionDeniedError
from registry.models import IS_CURRENT, AccessToken, AccountControl, User
from registry.validation import ErrorCollector


def record_control(
    *, account: User, person: User, kind: AccountControl.Kind, event: Event, token: AccessToken | None = None
) -> None:
    """Record that `person` could act as `account` from `event` on.

    Nothing is recorded for a person's own account; a row that is already open stays unchanged.

    Args:
        account: the account that could be used.
        person: the person who could use it.
        kind: how the person could use it.
        event: written in this transaction, touching the account.
        token: the token, for the kinds about a token.
    """
    if account.pk == person.pk:
        return
    row = AccountControl(
        account=account,
        person=person,
        kind=kind,
        token=token,
        opened_at=event.happened_at,
        opened_event=event.event_id,
    )
    AccountControl.objects.bulk_create([row], ignore_conflicts=True)


def has_own_password(person: User) -> bool:
    """Return whether the account's password was set by its holder."""
    return not AccountControl.objects.filter(IS_CURRENT, account=person, kind=AccountControl.Kind.PASSWORD_SET).exists()


def require_own_password(person: User) -> None:
    """Require that the holder set the password, because a password known to another person proves no signature.

    Raises:
        PermissionDeniedError: another person set it (code "password_not_own").
    """
    if not has_own_password(person):
        raise PermissionDeniedError(
            "Another person set your password, so you cannot sign decisions or change data with it. Ask an "
            "administrator for a sign-in link, and set your own password with it.",
            code="password_not_own",
        )


@transaction.atomic
def add_service_account_user(
    *, actor: Actor, account: User, person: User, owner: bool = False, reason: str
) -> AccountControl:
    """Record a person who owns a service account, or knows a secret of it.

    Args:
        actor: an administrator.
        account: the service account.
        person: the owner or user.
        owner: record an owner instead of a user.
        reason: kept with the event.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_PEOPLE.
        ValidationFailedError: `account` is not a service account, `person` is not an active person, or the reason is
            empty.
        ConflictError: it is already recorded (`existing`).
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_PEOPLE)
    faults = ErrorCollector()
    why = faults.reason(reason)
    if account.kind != User.Kind.SERVICE:
        faults.add("/account", "no_service_account", "Only a service account has owners and users.")
    if person.kind != User.Kind.PERSON:
        faults.add("/person", "no_person", "The owner or user of a service account is a person.")
    elif person.is_deactivated():
        faults.add("/person", "inactive", "This account is deactivated: reactivate it first.")
    faults.raise_if_any()
    account = User.objects.get_for_update(account.pk)
    kind = AccountControl.Kind.OWNER if owner else AccountControl.Kind.USER
    existing = AccountControl.objects.filter(IS_CURRENT, account=account, person=person, kind=kind).first()
    if existing is not None:
        raise ConflictError(
            f"{person} is recorded already: {existing.get_kind_display()}.",
            code="already_recorded",
            existing=existing,
        )
    event = recorder.record_event(
        SERVICE_ACCOUNT_USER_ADDED,
        actor=actor,
        target=ObjectRef("person", account.uid),
        stream=f"person:{account.uid}",
        related_objects=[ObjectRef("person", person.uid)],
        data={"person": person.uid, "kind": str(kind)},
        reason=why,
    )
    return AccountControl.objects.create(
        account=account, person=person, kind=kind, opened_at=event.happened_at, opened_event=event.event_id
    )


@transaction.atomic
def remove_service_account_user(
    *, actor: Actor, account: User, person: User, owner: bool = False, reason: str
) -> AccountControl:
    """Record that a person no longer owns or uses a service account. They stay excluded from approving what it did
    until now.

    Raises:
        PermissionDeniedError: the actor does not have MANAGE_PEOPLE.
        ValidationFailedError: the reason is empty.
        NotFoundError: there is no such record.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_PEOPLE)
    faults = ErrorCollector()
    why = faults.reason(reason)
    faults.raise_if_any()
    account = User.objects.get_for_update(account.pk)
    kind = AccountControl.Kind.OWNER if owner else AccountControl.Kind.USER
    control = AccountControl.objects.filter(IS_CURRENT, account=account, person=person, kind=kind).first()
    if control is None:
        raise NotFoundError(f"{person} is not on record as one who {kind.label}.")
    event = recorder.record_event(
        SERVICE_ACCOUNT_USER_REMOVED,
        actor=actor,
        target=ObjectRef("person", account.uid),
        stream=f"person:{account.uid}",
        related_objects=[ObjectRef("person", person.uid)],
        data={"person": person.uid, "kind": str(kind)},
        reason=why,
    )
    control.closed_at, control.closed_event = event.happened_at, event.event_id
    control.save(update_fields=["closed_at", "closed_event"])
    return control
