"""What this installation declares about itself."""

from registry.models import Instance


def instance() -> Instance:
    """The row about this installation; an unsaved one, with set-up unconfirmed, where none is recorded yet."""
    return Instance.objects.raw_first('"only"') or Instance()
