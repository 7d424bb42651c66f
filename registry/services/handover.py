"""Handover of an account's responsibilities to another person: models it owns or is accountable for, service accounts.

Each object changes through its own service, with its own event, in one transaction.
"""

from dataclasses import dataclass
from typing import Any

from django.db import transaction

from audit.actor import Actor
from registry import access
from registry.exceptions import FieldError, ValidationFailedError
from registry.models import IS_CURRENT, AccountControl, RegisteredModel, User
from registry.services import account_controls, models, people
from registry.validation import ErrorCollector


@dataclass(frozen=True)
class Handover:
    """What was handed over."""

    owned: tuple[RegisteredModel, ...]
    accountable: tuple[RegisteredModel, ...]
    service_accounts: tuple[User, ...]

    @property
    def count(self) -> int:
        return len(self.owned) + len(self.accountable) + len(self.service_accounts)


@transaction.atomic
def reassign(*, actor: Actor, person: User, to: User, reason: str) -> Handover:
    """Make another person owner or accountable executive wherever an account is.

    The new owner of a model is granted the role of owner on it. Roles, memberships, requests and decisions of the
    account do not change: who requested and who decided is part of the record.

    Args:
        actor: an administrator.
        person: the account that gives up its responsibilities, active or deactivated.
        to: the person who receives them.
        reason: kept with each event.

    Returns:
        What was handed over; empty if the account had no responsibilities.

    Raises:
        PermissionDeniedError: the actor may not manage people.
        ValidationFailedError: `to` is the same account, deactivated or a service account, or the reason is empty.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_PEOPLE)
    faults = ErrorCollector()
    why = faults.reason(reason)
    if to.pk == person.pk:
        faults.add("/to", "same_account", "Name another person: this is the account that gives up its models.")
    elif to.kind != User.Kind.PERSON:
        faults.add("/to", "no_person", "A service account is not responsible for anything: name a person.")
    elif to.is_deactivated():
        faults.add("/to", "inactive", f"{to}'s account is deactivated: name an active person.")
    faults.raise_if_any()
    return Handover(
        owned=_renamed(actor, person, to, why, "owner"),
        accountable=_renamed(actor, person, to, why, "accountable_executive"),
        service_accounts=_accounts(actor, person, to, why),
    )


@transaction.atomic
def deactivate(*, actor: Actor, person: User, reason: str, reassign_to: User | None = None) -> Handover | None:
    """Deactivate an account and, if `reassign_to` is given, reassign its responsibilities in the same transaction.

    Returns:
        What was handed over; None if `reassign_to` is None.

    Raises:
        PermissionDeniedError: see `people.deactivate` and `reassign`.
        ValidationFailedError: see `people.deactivate` and `reassign`.
        InvalidStateError: the account is already deactivated.
    """
    done = None
    if reassign_to is not None:
        try:
            done = reassign(actor=actor, person=person, to=reassign_to, reason=reason)
        except ValidationFailedError as refused:
            raise ValidationFailedError(
                [FieldError(f.pointer.replace("/to", "/reassign_to"), f.code, f.detail) for f in refused.errors]
            ) from None
    people.deactivate(actor=actor, person=person, reason=reason)
    return done


def _renamed(actor: Actor, person: User, to: User, reason: str, field: str) -> tuple[RegisteredModel, ...]:
    rows = RegisteredModel.objects.filter(**{field: person}).order_by("pk")
    changes: dict[str, Any] = {field: to}
    return tuple(models.update_model(actor=actor, model=row, reason=reason, **changes) for row in rows)


def _accounts(actor: Actor, person: User, to: User, reason: str) -> tuple[User, ...]:
    held = AccountControl.objects.filter(IS_CURRENT, person=person, kind=AccountControl.Kind.OWNER).select_related(
        "account"
    )
    passed = []
    for control in held.order_by("account_id"):
        given: dict[str, Any] = {"actor": actor, "account": control.account, "owner": True, "reason": reason}
        mine = AccountControl.objects.filter(
            IS_CURRENT, account=control.account, person=to, kind=AccountControl.Kind.OWNER
        )
        if not mine.exists():
            account_controls.add_service_account_user(person=to, **given)
        account_controls.remove_service_account_user(person=person, **given)
        passed.append(control.account)
    return tuple(passed)
