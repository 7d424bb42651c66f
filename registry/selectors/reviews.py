"""The review calendar: which models are due, and which of them a person may review."""

from datetime import date, timedelta

from django.db.models import QuerySet

from audit.actor import Actor
from registry import access
from registry.models import RegisteredModel

SOON = timedelta(days=30)


def calendar(actor: Actor, *, team: str = "", owner: str = "") -> QuerySet[RegisteredModel]:
    """Return the visible active models that have a date for their next review, earliest first.

    Args:
        actor: the reader.
        team: exact name; empty for all.
        owner: user name of the owner; empty for all.
    """
    found = access.visible_models(actor).filter(status=RegisteredModel.Status.ACTIVE, next_review__isnull=False)
    if team:
        found = found.filter(team=team)
    if owner:
        found = found.filter(owner__username=owner)
    return found.select_related("owner").order_by("next_review", "slug")


def due_for(actor: Actor, today: date) -> QuerySet[RegisteredModel]:
    """Return the models due within thirty days or overdue on whose promotions the actor may decide.

    The separation of duties is checked only when a review is opened.
    """
    mine = access.models_with_permission(actor, access.Permission.DECIDE)
    rows = RegisteredModel.objects.filter(pk__in=mine.values("pk"), status=RegisteredModel.Status.ACTIVE)
    person = access.person_of(actor)
    rows = rows.exclude(owner=person) if person is not None else rows.none()
    return rows.filter(next_review__lte=today + SOON).select_related("owner").order_by("next_review", "slug")
