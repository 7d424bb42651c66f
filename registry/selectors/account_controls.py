"""Who could act as an account, or made it: what keeps two signatures from being one person's."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from registry.models import AccountControl

_SIGN_IN = (AccountControl.Kind.PASSWORD_SET, AccountControl.Kind.ADDRESS_SET, AccountControl.Kind.LINK_SHOWN)


@dataclass(frozen=True)
class Control:
    """That a person, by uid, made an account, or could act as it, until a moment if that is over."""

    uid: str
    made: bool
    until: datetime | None


def controls_of(accounts: Collection[str]) -> dict[str, tuple[Control, ...]]:
    """Return who made accounts, set their password, changed their address or was shown their sign-in link.

    Args:
        accounts: uids.

    Returns:
        The controls by the uid of the account; accounts without any are left out. One query.
    """
    if not accounts:
        return {}
    found: dict[str, list[Control]] = {}
    rows = AccountControl.objects.filter(account__uid__in=accounts, kind__in=(AccountControl.Kind.CREATED, *_SIGN_IN))
    for account, uid, kind, until in rows.values_list("account__uid", "person__uid", "kind", "closed_at"):
        found.setdefault(account, []).append(Control(uid, kind == AccountControl.Kind.CREATED, until))
    return {account: tuple(controls) for account, controls in found.items()}


def controllers(controls: Iterable[Control], since: datetime) -> frozenset[str]:
    """Return who could act as the account at `since` or later, by uid."""
    return frozenset(c.uid for c in controls if not c.made and (c.until is None or c.until > since))


def controllers_of(account: str, since: datetime) -> frozenset[str]:
    """Return who could act as the account with that uid at `since` or later, by uid: signatures name them."""
    return controllers(controls_of([account]).get(account, ()), since)


def makers(controls: Iterable[Control]) -> frozenset[str]:
    """Return who made the account, by uid."""
    return frozenset(c.uid for c in controls if c.made)
