"""Membership of reviewer groups, by the clock of the product."""

from datetime import datetime

from django.db.models import QuerySet

from audit import clock
from registry.models import Membership, ReviewerGroup, User


def effective_groups(user: User, at: datetime | None = None) -> QuerySet[ReviewerGroup]:
    """Return the groups to which a person belongs at that time (None for now)."""
    held = Membership.effective(at or clock.now()).filter(user=user)
    return ReviewerGroup.objects.filter(pk__in=held.values("group_id"))


def is_member(user: User, group: ReviewerGroup, at: datetime | None = None) -> bool:
    """Return whether a person belongs to the group at that time (None for now)."""
    return Membership.effective(at or clock.now()).filter(user=user, group=group).exists()
