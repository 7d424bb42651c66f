"""Queries on saved views: the reader's own, and shared ones."""

from audit.actor import Actor
from registry.models import SavedView

SHOWN = 12
"""Maximum number of views of others shown as tabs; each is counted on every page of the list."""


def views_for(actor: Actor) -> list[SavedView]:
    """Return the reader's own views by name, then those that others share."""
    if actor.person is None:
        return []
    rows = SavedView.objects.select_related("owner").order_by("name", "pk")
    own = list(rows.filter(owner__uid=actor.person))
    shared = rows.filter(shared=True, owner__is_active=True).exclude(owner__uid=actor.person)
    return [*own, *shared[:SHOWN]]
