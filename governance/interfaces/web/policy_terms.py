"""Retire a policy, and cancel a change of a policy that is scheduled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from governance import selectors
from governance.interfaces.html import errors
from governance.interfaces.html.forms import MomentField, PageForm
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.services import policy_terms
from registry import access
from registry.exceptions import DomainError, NotFoundError, PermissionDeniedError

T = TypeVar("T")


class RetirementForm(PageForm):
    """Why and from when on a policy is retired."""

    in_force_from = MomentField(
        label="Retired from",
        required=False,
        help_text="Empty: when the second officer confirms it. In your time zone, at most a year ahead.",
    )
    reason = forms.CharField(
        label="Reason",
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The second officer reads it.",
    )


class CancellationForm(PageForm):
    """Why a scheduled change is cancelled."""

    reason = forms.CharField(label="Reason", max_length=5_000, widget=forms.Textarea(attrs={"rows": 2}))


@page_view("GET", "POST")
def retire(request: PageRequest, slug: str) -> HttpResponse:
    """Propose to retire a policy. The page shows which models another policy would govern, or none."""
    access.require_in_organisation(request.actor, access.OrgPermission.MANAGE_POLICIES)
    form = RetirementForm(request.POST if request.method == "POST" else None)
    made, status = _act(form, lambda given: policy_terms.propose_retirement(actor=request.actor, slug=slug, **given))
    if made is not None:
        messages.success(request, f"Proposed as {made}. Another officer confirms it.")
        return redirect("web:change", made.pk)
    found = selectors.policy_page(slug)
    impact = selectors.retirement_impact(found.in_force) if found.in_force is not None else None
    return render_page(request, "policies/retire.html", {"found": found, "impact": impact, "form": form}, status=status)


@page_view("GET", "POST")
def cancel(request: PageRequest, slug: str) -> HttpResponse:
    """Cancel the scheduled change of a policy; what is in force stays in force."""
    access.require_in_organisation(request.actor, access.OrgPermission.MANAGE_POLICIES)
    form = CancellationForm(request.POST if request.method == "POST" else None)
    term, status = _act(form, lambda given: policy_terms.cancel_scheduled(actor=request.actor, slug=slug, **given))
    if term is not None:
        messages.success(request, f"Cancelled: {term}.")
        return redirect("web:policy", slug)
    found = selectors.policy_page(slug)
    return render_page(request, "policies/cancel.html", {"found": found, "form": form}, status=status)


def _act(form: PageForm, act: Callable[[dict[str, Any]], T]) -> tuple[T | None, int]:
    """Return what `act` makes of the fields of a form that was sent, and the status of the page that shows the form.

    A refusal is shown on the form.
    """
    if not form.is_bound:
        return None, 200
    if not form.is_valid():
        return None, 400
    try:
        return act(form.cleaned_data), 200
    except (NotFoundError, PermissionDeniedError):
        raise
    except DomainError as refusal:
        form.take_refusal(refusal)
        return None, errors.kind_of(refusal).status
