"""Who could act as an account, or created it: two decision signatures must not come from one person."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from audit.postgresql import prepared_statements
from registry.models import IS_CURRENT, AccountControl, User

_CONTROLS = """
    SELECT a.uid, p.uid, c.kind, c.closed_at
      FROM registry_accountcontrol c JOIN registry_user a ON a.id = c.account_id
      JOIN registry_user p ON p.id = c.person_id
     WHERE a.uid = ANY (%(accounts)s) AND c.kind = ANY (%(kinds)s)"""
_SIGN_IN = (AccountControl.Kind.PASSWORD_SET, AccountControl.Kind.ADDRESS_SET, AccountControl.Kind.LINK_SHOWN)


@dataclass(frozen=True)
class Control:
    """A person, by uid, who created an account or could act as it; `until` is the end of that, or None."""

    uid: str
    made: bool
    until: datetime | None


def controls_of(accounts: Collection[str]) -> dict[str, tuple[Control, ...]]:
    """Return who created accounts, set their password, changed their address or was shown their sign-in link. One
    query.

    Args:
        accounts: uids.

    Returns:
        The controls by the uid of the account; accounts without any are missing. One prepared query.
    """
    if not accounts:
        return {}
    found: dict[str, list[Control]] = {}
    kinds = [str(kind) for kind in (AccountControl.Kind.CREATED, *_SIGN_IN)]
    for account, uid, kind, until in prepared_statements.execute_prepared(
        _CONTROLS, {"accounts": list(accounts), "kinds": kinds}
    ):
        found.setdefault(account, []).append(Control(uid, kind == AccountControl.Kind.CREATED, until))
    return {account: tuple(controls) for account, controls in found.items()}


def owners_of(accounts: Collection[User]) -> dict[int, tuple[User, ...]]:
    """Return the active owners of service accounts by primary key of the account. One query.

    Args:
        accounts: service accounts.
    """
    if not accounts:
        return {}
    rows = AccountControl.objects.filter(
        IS_CURRENT, account__in=accounts, kind=AccountControl.Kind.OWNER, person__is_active=True
    )
    found: dict[int, tuple[User, ...]] = {}
    for row in rows.select_related("person").order_by("pk"):
        found[row.account_id] = (*found.get(row.account_id, ()), row.person)
    return found


def controllers(controls: Iterable[Control], since: datetime) -> frozenset[str]:
    """Return the uids of those who could act as the account at `since` or later."""
    return frozenset(c.uid for c in controls if not c.made and (c.until is None or c.until > since))


def controllers_of(account: str, since: datetime) -> frozenset[str]:
    """Return the uids of those who could act as the account with that uid at `since` or later; signatures record
    them.
    """
    return controllers(controls_of([account]).get(account, ()), since)


def makers(controls: Iterable[Control]) -> frozenset[str]:
    """Return the uids of those who created the account."""
    return frozenset(c.uid for c in controls if c.made)
