"""Change proposals: list, content, and the forms of the second person."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from audit import clock
from governance.interfaces.html.forms import PageForm
from governance.interfaces.web import pagination
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.selectors import counts_of, replay_of_proposal
from governance.selectors.change_proposals import (
    POLICY_PUBLICATION,
    content_of,
    source_before,
    start_named,
    warnings_of_change,
)
from registry import access, selectors
from registry.comparison import collapse_unchanged, compare_texts
from registry.exceptions import DomainError
from registry.models import ChangeProposal
from registry.services import change_kinds
from registry.services import change_proposals as service


class ConfirmForm(PageForm):
    """The second person's decision signature."""

    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    comment = forms.CharField(
        label="Comment",
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What you checked; recorded with your signature.",
    )
    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=1_024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text="It makes this your signature.",
    )


class RejectForm(PageForm):
    """The reason for a rejection."""

    comment = forms.CharField(label="Reason", max_length=5_000, widget=forms.Textarea(attrs={"rows": 2}))


class WithdrawForm(PageForm):
    """The reason for a withdrawal."""

    reason = forms.CharField(label="Reason", max_length=5_000, widget=forms.Textarea(attrs={"rows": 2}))


@page_view()
def changes(request: PageRequest) -> HttpResponse:
    """List the proposals the user can confirm, and all visible ones."""
    cut = pagination.paginate(selectors.change_proposals(request.actor), ("-pk",), request.GET)
    context = {"to_confirm": service.waiting_for(request.actor), "rows": cut.rows, "page": cut}
    return render_page(request, "changes/list.html", context)


@page_view()
def change(request: PageRequest, number: int) -> HttpResponse:
    """Show a proposal: its content, its signatures, and the forms to answer it."""
    return _show_proposal(request, selectors.change_proposal(request.actor, number))


@page_view("POST")
def confirm(request: PageRequest, number: int) -> HttpResponse:
    """Confirm a proposal; it takes effect."""
    found = selectors.change_proposal(request.actor, number)
    form = ConfirmForm(request.POST, prefix="confirm")
    if form.is_valid():
        given = form.cleaned_data
        try:
            done = service.confirm(
                actor=request.actor,
                proposal=found,
                digest=given["digest"],
                password=given["password"],
                comment=given["comment"],
            )
        except DomainError as refusal:
            _require_shown(refusal)
            form.take_refusal(refusal)
        else:
            starts_at = start_named(done)
            words = "Confirmed" if starts_at is not None and starts_at > clock.now() else "Confirmed and in effect"
            messages.success(request, f"{words}: {done.title}.")
            return redirect("web:change", done.pk)
    return _show_proposal(request, selectors.change_proposal(request.actor, number), confirming=form, status=400)


@page_view("POST")
def reject(request: PageRequest, number: int) -> HttpResponse:
    """Reject a proposal; nothing takes effect."""
    found = selectors.change_proposal(request.actor, number)
    form = RejectForm(request.POST, prefix="reject")
    if form.is_valid():
        service.reject(actor=request.actor, proposal=found, comment=form.cleaned_data["comment"])
        messages.success(request, "Rejected.")
        return redirect("web:change", found.pk)
    return _show_proposal(request, found, rejecting=form, status=400)


@page_view("POST")
def withdraw(request: PageRequest, number: int) -> HttpResponse:
    """Withdraw one's own proposal."""
    found = selectors.change_proposal(request.actor, number)
    form = WithdrawForm(request.POST, prefix="withdraw")
    if form.is_valid():
        service.withdraw(actor=request.actor, proposal=found, reason=form.cleaned_data["reason"])
        messages.success(request, "Withdrawn.")
        return redirect("web:change", found.pk)
    return _show_proposal(request, found, withdrawing=form, status=400)


def _require_shown(refusal: DomainError) -> None:
    """Raise errors that have a page of their own (404, 403) instead of showing them at a field."""
    if refusal.code in ("not_found", "separation_of_duties", "not_a_confirmer"):
        raise refusal


def _show_proposal(
    request: PageRequest,
    found: ChangeProposal,
    *,
    confirming: ConfirmForm | None = None,
    rejecting: RejectForm | None = None,
    withdrawing: WithdrawForm | None = None,
    status: int = 200,
) -> HttpResponse:
    is_open = found.state == ChangeProposal.PROPOSED
    answer = service.can_confirm(request.actor, found) if is_open else None
    confirmers = service.confirmers_of(found).order_by("name")[:20] if is_open else ()
    before = source_before(found)
    replayed = replay_of_proposal(found)
    context: dict[str, Any] = {
        "change": found,
        "differs": collapse_unchanged(compare_texts(before, content_of(found))) if before else (),
        "kind": change_kinds.kind_of(found),
        "content": content_of(found),
        "warnings": warnings_of_change(found),
        "replayed": replayed,
        "replay_counts": counts_of(replayed[0]["counts"]) if replayed is not None else (),
        "starts_at": start_named(found),
        "is_publication": found.kind == POLICY_PUBLICATION,
        "is_open": is_open,
        "own": found.proposed_by_id == request.person.pk,
        "answers": isinstance(answer, access.Allowed),
        "denied": answer.reason if isinstance(answer, access.Denied) else "",
        "confirmers": confirmers,
        "closed_by": selectors.account_by_uid(found.closed_by),
        "confirming": confirming or ConfirmForm(initial={"digest": found.digest}, prefix="confirm"),
        "rejecting": rejecting or RejectForm(prefix="reject"),
        "withdrawing": withdrawing or WithdrawForm(prefix="withdraw"),
    }
    return render_page(request, "changes/change.html", context, status=status)
