"""The page that rolls a stage or an alias of a model back to a version that was approved there before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from governance import promotions
from governance import selectors as governance
from governance.interfaces.html.forms import PageForm
from governance.interfaces.web.refused_requests import take_refusal
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import PromotionRequest
from governance.selectors import RollbackCandidate
from registry import access, selectors
from registry.access import Permission
from registry.exceptions import DomainError, NotFoundError, PermissionDeniedError


class RollbackForm(PageForm):
    """The version to return to, and the reason."""

    choice = forms.ChoiceField(label="Roll back", widget=forms.RadioSelect)
    reason = forms.CharField(
        label="Why",
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What is wrong with the version that is there now. Approvers sign it with the rest.",
    )

    def __init__(self, candidates: Sequence[RollbackCandidate], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["choice"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (row.key, f"{row.name} to v{row.version.number}, approved in #{row.earlier.request.pk}")
            for row in candidates
        ]


@page_view("GET", "POST")
def rollback(request: PageRequest, slug: str) -> HttpResponse:
    """Show the versions to which a place can be rolled back, and request a rollback."""
    model = selectors.model(request.actor, slug)
    access.require_permission(request.actor, Permission.REQUEST_PROMOTION, model)
    candidates = governance.rollback_candidates(model)
    possible = [row for row in candidates if not row.refusal and row.open_request is None]
    form = RollbackForm(possible, request.POST or None, initial={"choice": request.GET.get("choice", "")})
    existing: PromotionRequest | None = None
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            chosen = next(row for row in possible if row.key == form.cleaned_data["choice"])
            try:
                made = promotions.request(
                    actor=request.actor,
                    version=chosen.version,
                    target_stage=chosen.stage or None,
                    target_alias=chosen.alias or None,
                    reason=form.cleaned_data["reason"],
                    kind=promotions.RequestKind.ROLLBACK,
                )
            except (NotFoundError, PermissionDeniedError):
                raise
            except DomainError as refusal:
                existing, status = take_refusal(form, refusal)
            else:
                messages.success(request, f"Rollback #{made.pk} is open.")
                return redirect("web:promotion", made.pk)
    context = {"model": model, "candidates": candidates, "possible": possible, "form": form, "existing": existing}
    return render_page(request, "models/rollback.html", context, status=status)
