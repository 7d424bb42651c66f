"""Remove an unprotected alias. Setting one is part of the version's page."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from governance import promotions
from governance.interfaces.web.views import PageRequest, page_view
from registry import selectors


@page_view("POST")
def remove(request: PageRequest, slug: str, name: str) -> HttpResponse:
    """Remove an alias. Domain errors become an error page."""
    model = selectors.model(request.actor, slug)
    version = promotions.remove_alias(
        actor=request.actor, model=model, name=name, reason=request.POST.get("reason", "")
    )
    messages.success(request, f"@{name} no longer points at v{version.number}.")
    return redirect("web:model", model.slug)
