"""Who could act as an account that is not their own: recorded so that they do not approve what the account did, and
that the account does not approve what they ask for.

Services that let a person act as another account record it here (`record_control`). Owners and other users of a service
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

    Args:
        event: written in this transaction, touching the account.
        token: for the kinds about a token, which one.

    A person's control of their own account is no fact to record; a row that is open already stays as it is.
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
    """Whether the account's password was set by its holder, and not by somebody else."""
    return not AccountControl.objects.filter(IS_CURRENT, account=person, kind=AccountControl.Kind.PASSWORD_SET).exists()


def require_own_password(person: User) -> None:
    """Raise PermissionDeniedError ("password_not_own") for a password that somebody else set: it is no signature."""
    if not has_own_password(person):
        raise PermissionDeniedError(
            "Your password was set by somebody else, so it signs and changes nothing. Ask an administrator for a "
            "sign-in link, and set your own by it.",
            code="password_not_own",
        )


@transaction.atomic
def add_service_account_user(
    *, actor: Actor, account: User, person: User, owner: bool = False, reason: str
) -> AccountControl:
    """Record a person who owns a service account, or knows a secret of it.

    Raises PermissionDeniedError without MANAGE_PEOPLE; ValidationFailedError; Conflict, with `existing`, where it is
    on record.
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
    """Record that a person no longer owns or uses a service account. What it did until now stays excluded for them.

    Raises PermissionDeniedError without MANAGE_PEOPLE; ValidationFailedError; NotFound where it is not on record.
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
