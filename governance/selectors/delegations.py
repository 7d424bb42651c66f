"""Delegations of decisions: who sees which, and their scope in words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from audit import clock
from audit.actor import Actor
from governance.models import Delegation
from registry import access
from registry.models import User


@dataclass(frozen=True)
class DelegationRow:
    """A delegation with its state and scope in words."""

    delegation: Delegation
    state: str
    """in_effect, planned, revoked or ended"""
    scope: str
    models: tuple[str, ...]
    """The names of its models that the reader sees; empty for all models."""

    @property
    def last_day(self) -> datetime:
        """The last moment at which the delegation is in effect, for its day."""
        return self.delegation.valid_until - timedelta(microseconds=1)

    @property
    def is_open(self) -> bool:
        """Whether it is in effect or planned."""
        return self.state in ("in_effect", "planned")


def visible_delegations(actor: Actor) -> QuerySet[Delegation]:
    """Return the delegations that an actor may read, newest first: those they gave or received; all for officers who
    manage reviewer groups and for readers of the audit log.
    """
    rows = Delegation.objects.select_related("delegator", "delegate").order_by("-pk")
    if _reads_all(actor):
        return rows
    return rows.filter(Q(delegator__uid=actor.person) | Q(delegate__uid=actor.person))


def can_see_delegation(actor: Actor, delegation: Delegation) -> bool:
    """Return whether an actor may read a delegation."""
    return actor.person in (delegation.delegator.uid, delegation.delegate.uid) or _reads_all(actor)


def _reads_all(actor: Actor) -> bool:
    needed = (access.OrgPermission.MANAGE_GROUPS, access.OrgPermission.READ_AUDIT)
    return any(access.check_org_permission(actor, permission) for permission in needed)


def delegation_rows(actor: Actor, delegations: Iterable[Delegation]) -> list[DelegationRow]:
    """Return delegations with state and scope. One query for the names of all models.

    Args:
        actor: who reads; models that the actor does not see are counted, not named.
        delegations: the delegations.
    """
    found = list(delegations)
    uids = {uid for each in found for uid in each.model_uids}
    names = (
        {str(uid): slug for uid, slug in access.visible_models(actor).filter(uid__in=uids).values_list("uid", "slug")}
        if uids
        else {}
    )
    return [
        DelegationRow(
            each, state_of(each), scope_of(each, names), tuple(sorted(names[u] for u in each.model_uids if u in names))
        )
        for each in found
    ]


def state_of(delegation: Delegation) -> str:
    """Return in_effect, planned, revoked or ended."""
    now = clock.now()
    if delegation.closed_at is not None and delegation.closed_at < delegation.valid_until:
        return "revoked"
    if delegation.closed_at is not None or delegation.valid_until <= now:
        return "ended"
    return "planned" if delegation.valid_from > now else "in_effect"


def scope_of(delegation: Delegation, names: dict[str, str]) -> str:
    """Return the scope of a delegation in words.

    Args:
        delegation: the delegation.
        names: names of the models that the reader sees, by uid.
    """
    groups = ", ".join(delegation.groups) or "all groups"
    known = sorted(names[uid] for uid in delegation.model_uids if uid in names)
    hidden = len(delegation.model_uids) - len(known)
    models = ", ".join([*known, *([f"{hidden} more"] if hidden else [])]) or "all models"
    tiers = f", tier {' or '.join(map(str, delegation.tiers))}" if delegation.tiers else ""
    return f"{groups}; {models}{tiers}"


def delegations_of(person: User, *, current: bool = False) -> QuerySet[Delegation]:
    """Return the delegations that a person gave or received, newest first.

    Args:
        person: the user.
        current: only those that are in effect or begin later.
    """
    rows = Delegation.open_after(clock.now()) if current else Delegation.objects.all()
    return rows.filter(Q(delegator=person) | Q(delegate=person)).select_related("delegator", "delegate").order_by("-pk")
