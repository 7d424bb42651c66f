"""Waivers: the list, a waiver, and the form to waive a check of a request."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters

from audit import clock
from audit import selectors as log
from audit.recorder import ObjectRef
from governance import selectors as governance
from governance.interfaces.html import errors
from governance.interfaces.html.event_labels import lines_of
from governance.interfaces.html.forms import DayField, PageForm
from governance.interfaces.web import list_filters, pagination, sign_in_form
from governance.interfaces.web.markdown import to_html
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import PromotionRequest, Waiver
from governance.services import waivers as service
from registry.exceptions import DomainError, NotFoundError, ValidationFailedError

EVENTS_SHOWN = 50
STATES = {"": "in force", "ended": "ended", "any": "any"}
_Text = {"rows": 4}


class WaiverForm(PageForm):
    """A waiver of a check."""

    reason = forms.CharField(
        label="Why the check is not satisfied, and why that is acceptable for this time",
        max_length=service.MAX_TEXT,
        widget=forms.Textarea(attrs=_Text),
        help_text=f"At least {service.MIN_TEXT} characters; approvers read it.",
    )
    control = forms.CharField(
        label="What limits the risk meanwhile (compensating control)",
        max_length=service.MAX_TEXT,
        widget=forms.Textarea(attrs=_Text),
    )
    codes = forms.MultipleChoiceField(
        label="Only these findings of the check",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: the whole check.",
    )
    until = DayField(label="Valid until the end of (UTC)")
    inputs_digest = forms.CharField(widget=forms.HiddenInput, required=False)
    password = forms.CharField(
        label="Password",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        help_text=f"Makes this your signature: “{service.MEANING}”",
    )

    def __init__(self, *args: Any, found: service.WaivableCheck, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes, until = self.fields["codes"], self.fields["until"]
        assert isinstance(codes, forms.MultipleChoiceField)
        codes.choices = [(code, code) for code in found.codes]
        if len(found.codes) < 2:
            del self.fields["codes"]
        until.help_text = f"At the latest {found.latest_day}. A longer time is another waiver."


class RevocationForm(PageForm):
    """Why a waiver is revoked."""

    reason = forms.CharField(label="Reason", max_length=5_000, widget=forms.Textarea(attrs=_Text))


@page_view()
def waiver_list(request: PageRequest) -> HttpResponse:
    """List the waivers of visible models, the one that ends next first."""
    filters = list_filters.given(request.GET, ("state", "model", "check"))
    rows = governance.filtered_waivers(governance.visible_waivers(request.actor), filters)
    cut = pagination.paginate(rows, ("valid_until", "pk"), request.GET)
    now = clock.now()
    context = {
        "rows": [(row, row.state_at(now)) for row in cut.rows],
        "page": cut,
        "filters": filters,
        "filtered": bool(filters),
        "states": STATES,
    }
    return render_page(request, "waivers/list.html", context, part="results")


@page_view()
def waiver(request: PageRequest, number: int) -> HttpResponse:
    """Show a waiver, its events, and the form to revoke it."""
    return _page(request, governance.waiver(request.actor, number), RevocationForm())


@page_view("POST")
def revoke(request: PageRequest, number: int) -> HttpResponse:
    """Revoke a waiver."""
    found = governance.waiver(request.actor, number)
    form = RevocationForm(request.POST)
    if form.is_valid():
        try:
            service.revoke(actor=request.actor, waiver=found, reason=form.cleaned_data["reason"])
        except ValidationFailedError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, f"Waiver {number} is revoked. The requests of the version are evaluated again.")
            return redirect("web:waiver", number)
    return _page(request, found, form, status=400)


def _page(request: PageRequest, found: Waiver, form: RevocationForm, status: int = 200) -> HttpResponse:
    events = list(log.events_for_object(ObjectRef("waiver", str(found.uid)))[:EVENTS_SHOWN])
    state = found.state_at(clock.now())
    context = {
        "w": found,
        "state": state,
        "reason": to_html(found.reason),
        "control": to_html(found.control),
        "lines": lines_of(request.actor, events),
        "may_revoke": state == "in_force" and service.may_revoke(actor=request.actor, waiver=found),
        "form": form,
    }
    return render_page(request, "waivers/waiver.html", context, status=status)


def _ask_again(request: HttpRequest, number: int, check_slug: str) -> HttpResponse:
    return sign_in_form.ask_again(request, f"/promotions/{number}/waive/{check_slug}/")


@sensitive_post_parameters("password")
@page_view("GET", "POST", signed_out=_ask_again)
def grant(request: PageRequest, number: int, check_slug: str) -> HttpResponse:
    """Waive a check of a request. The page says who can if the reader cannot."""
    promotion = governance.get_request(request.actor, number)
    found = service.waivable_check(promotion, check_slug)
    if request.method == "GET":
        initial = {"inputs_digest": found.run.inputs_digest if found.run is not None else ""}
        return _form(request, promotion, found, WaiverForm(found=found, initial=initial))
    form = WaiverForm(request.POST, found=found)
    if not form.is_valid():
        return _form(request, promotion, found, form, status=400)
    given = dict(form.cleaned_data)
    try:
        made = service.grant(
            actor=request.actor,
            request=promotion,
            check=check_slug,
            signature=service.WaiverSignature(given.pop("password")),
            **given,
        )
    except NotFoundError:
        raise
    except DomainError as refusal:
        form.take_refusal(refusal)
        return _form(request, promotion, found, form, status=errors.kind_of(refusal).status)
    messages.success(request, f"Signed: {check_slug} is waived until {made.valid_until:%Y-%m-%d %H:%M} UTC.")
    return redirect("web:promotion", number)


def _form(
    request: PageRequest, promotion: PromotionRequest, found: service.WaivableCheck, form: WaiverForm, status: int = 200
) -> HttpResponse:
    reader = next((one for one in found.people if one.uid == request.person.uid), None)
    context = {
        "r": promotion,
        "found": found,
        "form": form,
        "may": reader is not None and reader.excluded is None and not found.obstacle,
        "excluded": reader.excluded if reader is not None else None,
    }
    return render_page(request, "waivers/grant.html", context, status=status)
