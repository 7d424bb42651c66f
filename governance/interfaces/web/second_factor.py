"""The second factor of the user's own account: enrolment of an authenticator app, recovery codes, removal."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters

from governance.interfaces.html.forms import PageForm
from governance.interfaces.web.views import PageRequest, page_view, render_page
from registry import totp
from registry.exceptions import DomainError, ValidationFailedError
from registry.services import passkeys, second_factors, sign_in

_CODE: dict[str, Any] = {"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}


class EnrolForm(PageForm):
    """The password, and a first code of the authenticator app."""

    ticket = forms.CharField(widget=forms.HiddenInput, max_length=500)
    code = forms.CharField(label="Code that the app shows now", max_length=20, widget=forms.TextInput(attrs=_CODE))
    password = forms.CharField(
        label="Your password",
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class RemoveForm(PageForm):
    """The password and a code, to remove the second factor."""

    password = forms.CharField(
        label="Your password",
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    code = forms.CharField(label="Code, or a recovery code", max_length=40, widget=forms.TextInput(attrs=_CODE))


@sensitive_post_parameters()
@page_view("GET", "POST")
def second_factor(request: PageRequest) -> HttpResponse:
    """Show the second factor, or enrol one. The recovery codes are shown once, in the response to the POST."""
    if request.method != "POST":
        return _show(request)
    form = EnrolForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            sign_in.reauthenticate(request.person, given["password"], pointer="/password", signing=False)
            codes = second_factors.enrol(
                actor=request.actor, person=request.person, ticket=given["ticket"], code=given["code"]
            )
        except DomainError as refusal:
            form.take_refusal(refusal)
        else:
            return _show(request, codes=codes, status=201)
    return _show(request, form, status=400)


@sensitive_post_parameters()
@page_view("POST")
def remove(request: PageRequest) -> HttpResponse:
    """Remove the second factor."""
    form = RemoveForm(request.POST, prefix="remove")
    if form.is_valid():
        given = form.cleaned_data
        try:
            sign_in.reauthenticate(
                request.person, f"{given['password']}{given['code'].strip()}", pointer="/password", signing=False
            )
            second_factors.remove(actor=request.actor, person=request.person)
        except DomainError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, "The second factor is removed.")
            return redirect("web:second-factor")
    return _show(request, removing=form, status=400)


@sensitive_post_parameters("password")
@page_view("POST")
def enrol_passkey(request: PageRequest) -> HttpResponse:
    """Enrol a passkey that the browser has made."""
    name = request.POST.get("name", "")
    try:
        sign_in.reauthenticate(request.person, request.POST.get("password", ""), pointer="/password", signing=False)
        made = passkeys.enrol(
            actor=request.actor,
            person=request.person,
            ticket=request.POST.get("passkey-ticket", ""),
            response=request.POST.get("passkey-response", ""),
            name=name,
        )
    except DomainError as refusal:
        return _show(request, passkey_error=_words(refusal), passkey_name=name, status=400)
    messages.success(request, f"The passkey {made.name} is enrolled.")
    return redirect("web:second-factor")


@page_view("POST")
def rename_passkey(request: PageRequest, number: int) -> HttpResponse:
    """Rename a passkey."""
    try:
        passkeys.rename(actor=request.actor, person=request.person, key=number, name=request.POST.get("name", ""))
    except ValidationFailedError as refusal:
        return _show(request, passkey_error=_words(refusal), status=400)
    return redirect("web:second-factor")


@sensitive_post_parameters("password")
@page_view("POST")
def remove_passkey(request: PageRequest, number: int) -> HttpResponse:
    """Remove a passkey, with the password."""
    try:
        sign_in.reauthenticate(request.person, request.POST.get("password", ""), pointer="/password", signing=False)
        passkeys.remove(actor=request.actor, person=request.person, key=number)
    except ValidationFailedError as refusal:
        return _show(request, passkey_error=_words(refusal), status=400)
    messages.success(request, "The passkey is removed.")
    return redirect("web:second-factor")


def _words(refusal: DomainError) -> str:
    if isinstance(refusal, ValidationFailedError):
        return " ".join(error.detail for error in refusal.errors)
    return refusal.detail


def _show(
    request: PageRequest,
    form: EnrolForm | None = None,
    *,
    removing: RemoveForm | None = None,
    codes: tuple[str, ...] = (),
    passkey_error: str = "",
    passkey_name: str = "",
    status: int = 200,
) -> HttpResponse:
    factor = second_factors.current(request.person)
    origin = passkeys.relying_party()[1]
    context: dict[str, Any] = {
        "passkeys": passkeys.passkeys_of(request.person),
        "offer": passkeys.begin_enrolment(request.person),
        "origin": origin,
        "is_other_origin": origin != f"{request.scheme}://{request.get_host()}",
        "passkey_error": passkey_error,
        "passkey_name": passkey_name,
        "factor": factor,
        "codes": codes,
        "left": len(factor.recovery_codes) if factor is not None else 0,
        "removing": removing or RemoveForm(prefix="remove"),
        "required": settings.COUNTERSIGN_REQUIRE_SECOND_FACTOR,
    }
    if factor is None:
        offered = _offered(request, form)
        form = form or EnrolForm(initial={"ticket": offered.ticket})
        context |= {
            "form": form,
            "key": offered.base32,
            "address": totp.provisioning_address(
                offered.secret, account=request.person.username, issuer=request.get_host()
            ),
        }
    return render_page(request, "profile/second_factor.html", context, status=status)


def _offered(request: PageRequest, form: EnrolForm | None) -> second_factors.Enrolment:
    """The enrolment of the form that was sent, or a new one where that has expired."""
    if form is not None and form.is_bound:
        try:
            return second_factors.resume(request.person, str(form.data.get("ticket", "")))
        except DomainError:
            fresh = second_factors.begin(request.person)
            form.data = {**dict(form.data.items()), "ticket": fresh.ticket}
            return fresh
    return second_factors.begin(request.person)
