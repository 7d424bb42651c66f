"""Production signals of a version, and the page of a finding."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from audit import clock
from audit import selectors as log
from audit.recorder import ObjectRef
from governance import selectors as governance
from governance.interfaces.html.event_labels import lines_of
from governance.interfaces.html.forms import PageForm
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import Finding
from governance.policies.monitoring import KIND_LABELS
from governance.services import findings as service
from registry.exceptions import ValidationFailedError

PERIODS = (30, 90, 365)
"""Lengths of the charts in days."""
EVENTS_SHOWN = 50


@page_view()
def signals(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Show the signals of a version over time with the approved limits, its findings and its reports."""
    whole = governance.whole_version(request.actor, slug, number)
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(period) for period in PERIODS} else PERIODS[1]
    context = {
        "model": whole.version.model,
        "version": whole.version,
        "shown": governance.signals_page(whole.version, days),
        "kinds": KIND_LABELS,
        "days": days,
        "periods": PERIODS,
    }
    return render_page(request, "versions/signals.html", context)


class NoteForm(PageForm):
    """What a person does about a finding."""

    note = forms.CharField(
        label="What you do about it",
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Recorded in the audit log with your name.",
    )


class ClosureForm(PageForm):
    """Why a finding is closed."""

    reason = forms.CharField(
        label="What was found and done",
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Recorded with your name. A later problem is another finding.",
    )


@page_view()
def finding(request: PageRequest, number: int) -> HttpResponse:
    """Show a finding, its events, and the forms of those who may act on it."""
    return _page(request, governance.finding(request.actor, number))


@page_view("POST")
def acknowledge(request: PageRequest, number: int) -> HttpResponse:
    """Acknowledge a finding."""
    form = NoteForm(request.POST)

    def act(found: Finding) -> None:
        service.acknowledge(actor=request.actor, finding=found, note=form.cleaned_data["note"])

    return _act(request, number, form, "acknowledge", act, "acknowledged")


@page_view("POST")
def close(request: PageRequest, number: int) -> HttpResponse:
    """Close a finding."""
    form = ClosureForm(request.POST)

    def act(found: Finding) -> None:
        service.close(actor=request.actor, finding=found, reason=form.cleaned_data["reason"])

    return _act(request, number, form, "close", act, "closed")


def _act(
    request: PageRequest,
    number: int,
    form: PageForm,
    name: str,
    act: Callable[[Finding], None],
    done: str,
) -> HttpResponse:
    found = governance.finding(request.actor, number)
    if form.is_valid():
        try:
            act(found)
        except ValidationFailedError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, f"Finding {number} is {done}.")
            return redirect("web:finding", number)
    return _page(request, found, status=400, **{f"{name}_form": form})


def _page(request: PageRequest, found: Finding, status: int = 200, **forms_given: PageForm) -> HttpResponse:
    events = list(log.events_for_object(ObjectRef("finding", str(found.uid)))[:EVENTS_SHOWN])
    context = {
        "finding": found,
        "model": found.model,
        "version": found.version,
        "kind": KIND_LABELS.get(found.kind, ""),
        "blocked_places": ", ".join(found.blocks),
        "is_late": found.is_late(clock.now().date()),
        "lines": lines_of(request.actor, events),
        "may_work_on": service.may_work_on(actor=request.actor, finding=found),
        "may_close": service.may_close(actor=request.actor, finding=found),
        "closing_obstacle": service.closing_obstacle(actor=request.actor, finding=found),
        "acknowledge_form": NoteForm(),
        "close_form": ClosureForm(),
        **forms_given,
    }
    return render_page(request, "monitoring/finding.html", context, status=status)
