"""Periodic reviews: those of a model, recording one, and the review calendar."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from audit import clock
from governance.interfaces.html.forms import DayField, PageForm
from governance.interfaces.web.views import PageRequest, page_view, render_page
from registry import selectors
from registry.exceptions import DomainError, NotFoundError, PermissionDeniedError, StaleRevisionError
from registry.models import PeriodicReview, RegisteredModel
from registry.selectors.reviews import SOON
from registry.services import reviews as service

SHOWN = 50
LISTED = 200


class ReviewForm(PageForm):
    """The conclusion of a review."""

    outcome = forms.ChoiceField(label="Outcome", choices=PeriodicReview.Outcome.choices, widget=forms.RadioSelect)
    findings = forms.CharField(
        label="Findings",
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="What was reviewed: performance since the last review, drift, use as intended, open conditions.",
    )
    conditions = forms.CharField(
        label="Conditions",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="With the outcome “fit with conditions”: what has to be done, and by when.",
    )
    next_review = DayField(
        label="Next review",
        required=False,
        help_text="Empty: the latest date that the tier allows.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)


@page_view("GET", "POST")
def model_reviews(request: PageRequest, slug: str) -> HttpResponse:
    """Show the reviews of a model, and the form to record one for users who may."""
    model = selectors.model(request.actor, slug)
    may = service.may_review(actor=request.actor, model=model)
    form = ReviewForm(initial={"revision": model.revision})
    status = 200
    if request.method == "POST":
        form, status = ReviewForm(request.POST), 400
        if form.is_valid():
            given = dict(form.cleaned_data)
            revision = given.pop("revision")
            try:
                made = service.record(
                    actor=request.actor,
                    model=model,
                    conclusion=service.ReviewConclusion(**given),
                    expected_revision=revision,
                )
            except (NotFoundError, PermissionDeniedError):
                raise
            except DomainError as refusal:
                if isinstance(refusal, StaleRevisionError):
                    model.refresh_from_db()
                    form, status = ReviewForm({**request.POST.dict(), "revision": model.revision}), 409
                    form.is_valid()
                form.take_refusal(refusal)
            else:
                messages.success(request, f"Review {made.number} is on record; the next is due {made.next_review}.")
                return redirect("web:model-reviews", model.slug)
    found = selectors.reviews_of(model)
    context = {
        "model": model,
        "tab": "reviews",
        "reviews": list(found[:SHOWN]),
        "may_review": may,
        "form": form,
        "latest_next": service.latest_next(model),
        "reminders": list(model.reminders.filter(due=model.next_review).select_related("person")[:SHOWN])
        if model.next_review is not None
        else [],
    }
    return render_page(request, "models/reviews.html", context, status=status)


@dataclass
class Span:
    """A section of the calendar."""

    title: str
    kind: str
    models: list[RegisteredModel] = field(default_factory=list)


@page_view()
def calendar(request: PageRequest) -> HttpResponse:
    """Show when models are due for review: overdue, within thirty days, later."""
    team, owner = request.GET.get("team", "")[:120], request.GET.get("owner", "")[:150]
    today = clock.now().date()
    wanted = request.person.username if owner == "@me" else owner
    found = selectors.calendar(request.actor, team=team, owner=wanted)
    rows = list(found[: LISTED + 1])
    spans = _spans(rows[:LISTED], today)
    teams = selectors.calendar(request.actor).exclude(team="").order_by("team").values_list("team", flat=True)
    context: dict[str, Any] = {
        "spans": spans,
        "more": len(rows) > LISTED,
        "team": team,
        "owner": owner,
        "teams": list(teams.distinct()[:LISTED]),
        "filtered": bool(team or owner),
        "overdue": len(spans[0].models),
    }
    return render_page(request, "reviews/calendar.html", context)


def _spans(rows: list[RegisteredModel], today: date) -> list[Span]:
    spans = [Span("Overdue", "bad"), Span("In the next 30 days", "warn"), Span("Later", "none")]
    for row in rows:
        assert row.next_review is not None  # the calendar holds those that have a day
        late, soon = row.next_review < today, row.next_review <= today + SOON
        spans[0 if late else 1 if soon else 2].models.append(row)
    return spans
