"""Who is in which reviewer group, by the product's clock."""

from datetime import datetime

from django.db.models import QuerySet

from audit import clock
from registry.models import Membership, ReviewerGroup, User


def effective_groups(user: User, at: datetime | None = None) -> QuerySet[ReviewerGroup]:
    """The groups a person belongs to at that moment (now, where none is given)."""
    held = Membership.effective(at or clock.now()).filter(user=user)
    return ReviewerGroup.objects.filter(pk__in=held.values("group_id"))


def is_member(user: User, group: ReviewerGroup, at: datetime | None = None) -> bool:
    """Whether a person belongs to the group at that moment."""
    return Membership.effective(at or clock.now()).filter(user=user, group=group).exists()
