"""Queries on responsibilities: models without an active owner, and everything for which one account is responsible."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from registry.models import IS_CURRENT, AccountControl, RegisteredModel, User


def is_unowned() -> Q:
    """Return the condition for models without an owner or with a deactivated owner; these enter no protected stage."""
    return Q(owner__isnull=True) | Q(owner__in=User.objects.filter(is_active=False))


@dataclass(frozen=True)
class Responsibilities:
    """What an account is responsible for, regardless of visibility: an administrator has to reassign all of it."""

    owned: QuerySet[RegisteredModel]
    accountable: QuerySet[RegisteredModel]
    service_accounts: QuerySet[User]


def responsibilities_of(person: User) -> Responsibilities:
    """Return what an account owns or is accountable for. The queries run when the parts are read."""
    held = AccountControl.objects.filter(IS_CURRENT, person=person, kind=AccountControl.Kind.OWNER).values("account_id")
    return Responsibilities(
        owned=RegisteredModel.objects.filter(owner=person).order_by("slug"),
        accountable=RegisteredModel.objects.filter(accountable_executive=person).order_by("slug"),
        service_accounts=User.objects.filter(pk__in=held).order_by("username"),
    )
