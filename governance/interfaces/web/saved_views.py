"""Saved views: the tabs above the model list, and the forms to save, rename, share and delete them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from governance import selectors
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.selectors.search import VOCABULARY
from registry.exceptions import ValidationFailedError
from registry.models import RegisteredModel, SavedView
from registry.search import InvalidQuery
from registry.selectors.saved_views import views_for
from registry.selectors.search import stages_now
from registry.services import saved_views as service

MANY = 99
"""Maximum count shown on a tab."""


@dataclass(frozen=True)
class Tab:
    """A saved view as a tab. `count` is None if its query is no longer valid."""

    view: SavedView
    url: str
    current: bool
    own: bool
    count: int | None


def tabs(request: PageRequest, text: str, within: QuerySet[RegisteredModel]) -> list[Tab]:
    """Return the user's tabs with their model counts, up to `MANY`.

    Three queries, and one for each metric that a view filters by; at most 24 views.

    Args:
        request: the request.
        text: the query of the current page.
        within: the models visible to the user.
    """
    views = views_for(request.actor)
    counts = _counts(request, views, within)
    here, now = reverse("web:models"), " ".join(text.split())
    return [
        Tab(
            view,
            f"{here}?{urlencode({'q': view.query})}",
            view.query == now,
            view.owner_id == request.person.pk,
            counts.get(view.pk),
        )
        for view in views
    ]


def _counts(request: PageRequest, views: Sequence[SavedView], within: QuerySet[RegisteredModel]) -> dict[int, int]:
    found = {}
    stages = stages_now() if views else ()
    for view in views:
        try:
            query = selectors.parse(view.query)
            found[str(view.pk)] = selectors.find_models(request.actor, query, within=within, stages=stages)
        except InvalidQuery:  # uses a word or a stage that no longer exists
            continue
    return {int(pk): count for pk, count in selectors.capped_counts(MANY, found).items()}


@page_view("GET", "POST")
def views(request: PageRequest) -> HttpResponseBase:
    """List the user's own views; POST saves the current query as a view."""
    if request.method != "POST":
        own = [view for view in views_for(request.actor) if view.owner_id == request.person.pk]
        return render_page(request, "search/views.html", {"views": own})
    name, query = request.POST.get("name", ""), request.POST.get("query", "")
    try:
        view = service.save_view(
            actor=request.actor,
            name=name.replace("\x00", " "),
            query=query,
            shared=request.POST.get("shared") == "on",
            vocabulary=VOCABULARY,
        )
    except ValidationFailedError as refusal:
        messages.error(request, refusal.detail)
        return redirect(f"{reverse('web:models')}?{urlencode({'q': query})}")
    messages.success(request, f"“{view.name}” is saved in your views.")
    return redirect(f"{reverse('web:models')}?{urlencode({'q': view.query})}")


@page_view("POST")
def change_view(request: PageRequest, number: int) -> HttpResponse:
    """Rename, share or delete a view."""
    if request.POST.get("delete"):
        service.delete_view(actor=request.actor, pk=number)
        messages.success(request, "The view is deleted.")
    else:
        try:
            name = request.POST.get("name", "").replace("\x00", " ")
            service.change_view(actor=request.actor, pk=number, name=name, shared=request.POST.get("shared") == "on")
            messages.success(request, "The view is changed.")
        except ValidationFailedError as refusal:
            messages.error(request, refusal.detail)
    return redirect("web:saved-views")
