"""Delegations of the user's decisions: list, grant with a signature, revoke."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters

from audit import clock
from governance import selectors
from governance.interfaces.html.forms import DayField, PageForm
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import Delegation
from governance.services import delegations as service
from registry import selectors as registry
from registry.exceptions import DomainError, NotFoundError, PermissionDeniedError

SHOWN = 50


class DelegationForm(PageForm):
    """A new delegation, with the signature."""

    delegate = forms.CharField(
        label="To",
        max_length=150,
        help_text="User name of the person who decides in your place. They must be able to view the models.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    valid_from = DayField(label="From", required=False, help_text="Empty: from now on.")
    valid_until = DayField(
        label="Until", help_text=f"It ends automatically after that day; at most {service.LONGEST.days} days."
    )
    groups = forms.MultipleChoiceField(
        label="Your groups",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all your groups.",
    )
    models = forms.CharField(
        label="Only these models",
        required=False,
        max_length=5_000,
        help_text="Names separated by spaces; empty for all models.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    tiers = forms.TypedMultipleChoiceField(
        label="Only models of tier",
        required=False,
        coerce=int,
        choices=[(tier, f"Tier {tier}") for tier in service.TIERS],
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: every tier.",
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=5_000,
        help_text="Optional; recorded in the audit log.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        max_length=1024,
        help_text="Your signature: you delegate your decisions within this scope and period. With a second factor, add "
        "its code after the password.",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def offer(self, request: PageRequest) -> DelegationForm:
        """Offer the groups of the user, those of a membership that begins later included."""
        now = clock.now()
        held = [
            row.group
            for row in registry.current_memberships(user=request.person)
            if row.valid_until is None or row.valid_until > now
        ]
        self.fields["groups"].choices = [(group.slug, group.name) for group in held]  # type: ignore[attr-defined]  # a MultipleChoiceField
        return self


class RevokeForm(PageForm):
    """The reason for revoking a delegation."""

    reason = forms.CharField(
        label="Reason", required=False, max_length=5_000, help_text="Recorded in the audit log. Officers must give one."
    )


@sensitive_post_parameters("password")
@page_view("GET", "POST")
def delegation_list(request: PageRequest) -> HttpResponse:
    """List the delegations that the user gave and received, with a form for a new one."""
    form = DelegationForm(request.POST if request.method == "POST" else None).offer(request)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                made = _grant(request, form)
            except PermissionDeniedError:
                raise
            except DomainError as refusal:
                form.take_refusal(refusal)
            else:
                messages.success(request, f"Signed: {made.delegate.name} decides for you by your {made.title}.")
                return redirect("web:delegations")
    rows = selectors.delegation_rows(request.actor, selectors.delegations_of(request.person)[:SHOWN])
    context = {
        "form": form,
        "given": [row for row in rows if row.is_open and row.delegation.delegator_id == request.person.pk],
        "received": [row for row in rows if row.is_open and row.delegation.delegate_id == request.person.pk],
        "ended": [row for row in rows if not row.is_open],
        "reviews": bool(form.fields["groups"].choices),  # type: ignore[attr-defined]  # a MultipleChoiceField
        "longest": service.LONGEST.days,
    }
    return render_page(request, "profile/delegations.html", context, status=status)


def _grant(request: PageRequest, form: DelegationForm) -> Delegation:
    given = form.cleaned_data
    begins = given["valid_from"]
    return service.grant_delegation(
        actor=request.actor,
        delegate=given["delegate"],
        groups=given["groups"],
        models=given["models"].replace(",", " ").split(),
        tiers=given["tiers"],
        # Today has begun already: it means now.
        valid_from=_start_of(begins) if begins not in (None, timezone.localdate(clock.now())) else None,
        valid_until=_start_of(given["valid_until"] + timedelta(days=1)),
        reason=given["reason"],
        password=given["password"],
    )


def _start_of(day: date) -> datetime:
    """Return the beginning of a day in the user's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


@page_view("GET", "POST")
def revoke_delegation(request: PageRequest, uid: UUID) -> HttpResponse:
    """Confirm and revoke a delegation."""
    found = selectors.visible_delegations(request.actor).filter(uid=uid).first()
    if found is None:
        raise NotFoundError("There is no such delegation that you can see.")
    form = RevokeForm(request.POST if request.method == "POST" else None)
    status = 400 if request.method == "POST" else 200
    if request.method == "POST" and form.is_valid():
        try:
            service.revoke_delegation(actor=request.actor, uid=uid, reason=form.cleaned_data["reason"])
        except PermissionDeniedError:
            raise
        except DomainError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, f"{found.delegate.name} no longer decides for {found.delegator.name}.")
            return redirect("web:delegations")
    (row,) = selectors.delegation_rows(request.actor, [found])
    return render_page(request, "profile/revoke_delegation.html", {"row": row, "form": form}, status=status)
