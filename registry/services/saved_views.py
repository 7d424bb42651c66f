"""Saved views: kept, changed and thrown away by whoever made them. No events: see `registry.models.SavedView`."""

from django.db import transaction

from audit import clock
from audit.actor import Actor
from registry import access
from registry.exceptions import NotFoundError
from registry.models import SavedView, User
from registry.search import FieldRegistry, parse
from registry.validation import ErrorCollector

MOST = 12
"""Views one person may keep: more would not be found among the tabs."""


@transaction.atomic
def save_view(*, actor: Actor, name: str, query: str, shared: bool, vocabulary: FieldRegistry) -> SavedView:
    """Keep a query under a name. Anybody may share theirs: a view shows each reader what they may see.

    Args:
        vocabulary: the words the query may use.

    Raises PermissionDeniedError for anybody but a person; InvalidQuery; ValidationFailedError for a name in use, none,
    or too many views.
    """
    person = access.require_person(actor)
    User.objects.get_for_update(person.pk)  # two at once would not see each other's
    faults = ErrorCollector()
    given = faults.clean_line("/name", name, 60, required=True)
    text = " ".join(query.split())
    if not parse(text, vocabulary).terms:
        faults.add("/query", "required", "There is nothing to keep: filter the list first.")
    kept = SavedView.objects.filter(owner=person)
    if kept.filter(name__iexact=given).exists():
        faults.add("/name", "taken", f"You have a view “{given}” already: choose another name, or delete that one.")
    elif kept.count() >= MOST:
        faults.add("/name", "too_many", f"You have {MOST} views, which is the most: delete one first.")
    faults.raise_if_any()
    return SavedView.objects.create(owner=person, name=given, query=text, shared=shared, created_at=clock.now())


@transaction.atomic
def change_view(*, actor: Actor, pk: int, name: str, shared: bool) -> SavedView:
    """Give one's own view another name, or share it, or cease to. Raises NotFound; ValidationFailedError."""
    view = _own(actor, pk)
    faults = ErrorCollector()
    view.name = faults.clean_line("/name", name, 60, required=True)
    if SavedView.objects.filter(owner=view.owner, name__iexact=view.name).exclude(pk=pk).exists():
        faults.add("/name", "taken", f"You have a view “{view.name}” already: choose another name.")
    faults.raise_if_any()
    view.shared = shared
    view.save(update_fields=["name", "shared"])
    return view


@transaction.atomic
def delete_view(*, actor: Actor, pk: int) -> None:
    """Throw one's own view away. Raises NotFound."""
    _own(actor, pk).delete()


def _own(actor: Actor, pk: int) -> SavedView:
    person = access.require_person(actor)
    view = SavedView.objects.select_for_update().select_related(None).filter(pk=pk, owner=person).first()
    if view is None:
        raise NotFoundError("You have no such saved view.")
    return view
