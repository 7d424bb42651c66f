"""Which saved views a reader has: their own, and what others share."""

from audit.actor import Actor
from registry.models import SavedView

SHOWN = 12
"""Views of others among the tabs; each is counted on every page of the list."""


def views_for(actor: Actor) -> list[SavedView]:
    """The reader's own by name, then those others share."""
    if actor.person is None:
        return []
    rows = SavedView.objects.select_related("owner").order_by("name", "pk")
    own = list(rows.filter(owner__uid=actor.person))
    shared = rows.filter(shared=True, owner__is_active=True).exclude(owner__uid=actor.person)
    return [*own, *shared[:SHOWN]]
