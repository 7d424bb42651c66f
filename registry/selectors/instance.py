"""Queries on what this installation declares about itself."""

from registry.models import Instance


def instance() -> Instance:
    """Return the row about this installation; an unsaved one, with unconfirmed set-up, if none is recorded yet."""
    return Instance.objects.raw_first('"only"') or Instance()
