"""Access requests: create, answer, withdraw and list."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from audit import clock
from governance.interfaces.html.forms import DayField, PageForm
from governance.interfaces.html.labels import ROLES_IN_WORDS
from governance.interfaces.web import pagination
from governance.interfaces.web.views import PageRequest, page_view, render_page
from registry import access, selectors
from registry.exceptions import DomainError, PermissionDeniedError, ValidationFailedError
from registry.models import AccessRequest, User
from registry.services import access_requests as service

SIZE = 50


class AskForm(PageForm):
    """A new access request."""

    model = forms.CharField(
        label="Model",
        max_length=200,
        help_text="Its exact name. Whether the model exists is not disclosed here.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    role = forms.ChoiceField(
        label="Role",
        choices=[(str(role), f"{role.capitalize()}: {ROLES_IN_WORDS[role]}") for role in service.ROLES],
        widget=forms.RadioSelect,
    )
    purpose = forms.CharField(
        label="What you need it for",
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Recorded in the audit log of the model, where everyone who can see the model can read it.",
    )
    until = DayField(
        label="Until",
        help_text=f"The role ends automatically after that day; at most {service.LONGEST.days} days from now.",
    )


class GrantForm(PageForm):
    """The end of the granted role, and a note to the requester."""

    until = DayField(
        label="Until",
        help_text="You may choose an earlier end than requested.",
    )
    reason = forms.CharField(label="Note", required=False, max_length=5_000)


class DenyForm(PageForm):
    """The reason for a denial."""

    reason = forms.CharField(
        label="Reason",
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="The requester reads it. A denial discloses that this model exists; no answer does not.",
    )


def end_of(day: date, latest: datetime) -> datetime:
    """The end of a day in the user's time zone, at most `latest`."""
    if timezone.localtime(latest).date() == day:
        return latest
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


def last_day(moment: datetime) -> date:
    """The last day, in the user's time zone, on which a role with this end is valid."""
    return timezone.localtime(moment - timedelta(microseconds=1)).date()


@page_view()
def access_requests(request: PageRequest) -> HttpResponse:
    """List the requests that the user can answer, the user's own, and, for readers of the audit log, all others."""
    cut = pagination.paginate(selectors.access_requests(request.actor), ("-pk",), request.GET)
    context = {
        "to_answer": list(selectors.access_requests_to_answer(request.actor)[:SIZE]),
        "rows": cut.rows,
        "page": cut,
    }
    return render_page(request, "access/requests.html", context)


@page_view("GET", "POST")
def ask(request: PageRequest) -> HttpResponse:
    """Create an access request. The response is the same whether or not the model exists."""
    if request.person.kind != User.Kind.PERSON:
        raise PermissionDeniedError("A service account cannot request roles.", code="person_required")
    status = 200
    if request.method == "POST":
        form = AskForm(request.POST)
        status = 400
        if form.is_valid():
            given = form.cleaned_data
            form.pointers = {"/slug": "model"}
            try:
                made = service.create_access_request(
                    actor=request.actor,
                    slug=given["model"].strip(),
                    role=given["role"],
                    purpose=given["purpose"],
                    until=end_of(given["until"], clock.now() + service.LONGEST),
                )
            except DomainError as refusal:
                form.take_refusal(refusal)
            else:
                messages.success(request, "Your request is sent. Owners of the model are notified.")
                return redirect("web:access-request", made.pk)
    else:
        role = request.GET.get("role", "")
        form = AskForm(
            initial={
                "model": request.GET.get("model", "")[:200],
                "role": role if role in service.ROLES else str(access.Role.VIEWER),
                "until": last_day(clock.now() + service.USUAL),
            }
        )
    return render_page(
        request, "access/ask.html", {"form": form, "patience": service.ANSWER_DEADLINE.days}, status=status
    )


@page_view()
def access_request(request: PageRequest, number: int) -> HttpResponse:
    """Show a request with its answer, or with the forms to answer it."""
    return _shown(request, selectors.access_request(request.actor, number))


def _shown(
    request: PageRequest,
    found: AccessRequest,
    *,
    granting: GrantForm | None = None,
    denying: DenyForm | None = None,
    status: int = 200,
) -> HttpResponse:
    own = found.person_id == request.person.pk
    model = found.model
    visible = model is not None and bool(access.check_permission(request.actor, access.Permission.VIEW, model))
    answers = (
        found.closed_at is None
        and not own
        and model is not None
        and bool(access.check_permission(request.actor, access.Permission.GRANT_ROLE, model))
    )
    context: dict[str, Any] = {
        "access_request": found,
        "own": own,
        "visible": visible,
        "in_words": ROLES_IN_WORDS[access.Role(found.role)],
        "answers": answers,
        "granting": granting or GrantForm(initial={"until": last_day(found.until)}, prefix="grant"),
        "denying": denying or DenyForm(prefix="deny"),
        "answered_by": selectors.account_by_uid(found.answered_by),
        "lapses_at": min(found.opened_at + service.ANSWER_DEADLINE, found.until),
        "last_day": last_day(found.until),
        "grant": getattr(found, "grant", None),
        "events": visible or not own,
    }
    return render_page(request, "access/request.html", context, status=status)


@page_view("POST")
def grant(request: PageRequest, number: int) -> HttpResponse:
    """Grant a request, until the requested or an earlier end."""
    found = selectors.access_request(request.actor, number)
    form = GrantForm(request.POST, prefix="grant")
    if form.is_valid():
        given = form.cleaned_data
        try:
            service.grant(
                actor=request.actor,
                request=found,
                until=end_of(given["until"], found.until),
                reason=given["reason"].strip() or None,
            )
        except ValidationFailedError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, f"{found.person} is {found.role} on {found.slug} now.")
            return redirect("web:access-request", found.pk)
    return _shown(request, selectors.access_request(request.actor, number), granting=form, status=400)


@page_view("POST")
def deny(request: PageRequest, number: int) -> HttpResponse:
    """Deny a request, with a reason."""
    found = selectors.access_request(request.actor, number)
    form = DenyForm(request.POST, prefix="deny")
    if form.is_valid():
        try:
            service.deny(actor=request.actor, request=found, reason=form.cleaned_data["reason"])
        except ValidationFailedError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, "Denied; the requester sees the reason.")
            return redirect("web:access-request", found.pk)
    return _shown(request, selectors.access_request(request.actor, number), denying=form, status=400)


@page_view("POST")
def withdraw(request: PageRequest, number: int) -> HttpResponse:
    """Withdraw one's own request."""
    found = selectors.access_request(request.actor, number)
    service.withdraw(actor=request.actor, request=found)
    messages.success(request, "Withdrawn.")
    return redirect("web:access-request", found.pk)
