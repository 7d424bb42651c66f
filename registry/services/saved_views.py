"""Saved views: created, changed and deleted by their owner. No audit events: see `registry.models.SavedView`."""

from django.db import transaction

from audit import clock
from audit.actor import Actor
from registry import access
from registry.exceptions import NotFoundError
from registry.models import SavedView, User
from registry.search import FieldRegistry, parse
from registry.validation import ErrorCollector

MOST = 12
"""Maximum number of views of one person; more could not be shown as tabs."""


@transaction.atomic
def save_view(*, actor: Actor, name: str, query: str, shared: bool, vocabulary: FieldRegistry) -> SavedView:
    """Save a query under a name. Everyone may share a view: each reader sees only what is visible to them.

    Args:
        actor: the person, or a token of theirs.
        name: the name, unique among the person's views.
        query: the query text.
        shared: other people see the view.
        vocabulary: the search fields that the query may use.

    Raises:
        PermissionDeniedError: the actor has no active account.
        InvalidQuery: the query cannot be parsed.
        ValidationFailedError: the name is empty or in use, the query is empty, or the person has `MOST` views.
    """
    person = access.require_person(actor)
    User.objects.get_for_update(person.pk)  # two concurrent requests would not count each other's view
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
    """Rename one's own view, or change whether it is shared.

    Raises:
        NotFoundError: the person has no such view.
        ValidationFailedError: the name is empty or in use.
    """
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
    """Delete one's own view.

    Raises:
        NotFoundError: the person has no such view.
    """
    _own(actor, pk).delete()


def _own(actor: Actor, pk: int) -> SavedView:
    person = access.require_person(actor)
    view = SavedView.objects.select_for_update().select_related(None).filter(pk=pk, owner=person).first()
    if view is None:
        raise NotFoundError("You have no such saved view.")
    return view
