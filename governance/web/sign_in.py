"""Signing in and out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from governance.services import accounts
from governance.web.forms import PageForm
from governance.web.page import PageRequest, page
from registry.exceptions import NotNow, NotPermitted, Refusal
from registry.services import sign_in as service

BACKEND = "django.contrib.auth.backends.ModelBackend"
"""What restores the person from the session; the password itself is checked by the service alone."""

KEPT = "kept_text"
"""Session key of what somebody had written when their session ended."""
MAX_KEPT = 12_000


class SignInForm(PageForm):
    """A name and a password. Pasting and password managers are welcome (WCAG 2.2, 3.3.8)."""

    username = forms.CharField(
        label="User name",
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label="Password",
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class LinkForm(PageForm):
    """The code of a sign-in link, and the password the holder chooses."""

    code = forms.CharField(
        label="Code of the link",
        max_length=200,
        help_text="What stands behind the # of your link; it is filled in where the browser runs scripts.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "data-from-fragment": ""}),
    )
    password = forms.CharField(
        label="New password",
        max_length=1024,
        strip=False,
        help_text="At least 12 characters, not a common one, not like your name. It is also your signature.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "POST"])
def link(request: HttpRequest) -> HttpResponse:
    """Set one's own password by a sign-in link, whose code is in the fragment of its address."""
    form = LinkForm(request.POST or None, auto_id="id_%s")
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                accounts.redeem_link(secret=form.cleaned_data["code"], password=form.cleaned_data["password"])
            except Refusal as refusal:
                form.take_refusal(refusal)
                status = 429 if isinstance(refusal, NotNow) else 403 if isinstance(refusal, NotPermitted) else 400
            else:
                logout(request)
                return render(request, "sign_in_link.html", {"done": True})
    response = render(request, "sign_in_link.html", {"form": form}, status=status)
    response["Referrer-Policy"] = "no-referrer"
    return response


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page. A text that was being written when a session ended is carried through and given back."""
    target = safe_target(request, request.POST.get("next") or request.GET.get("next") or "")
    if request.method == "GET" and request.user.is_authenticated:
        return redirect(target)
    form = SignInForm(request.POST or None, auto_id="id_%s")
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                person = service.sign_in(username=form.cleaned_data["username"], password=form.cleaned_data["password"])
            except Refusal as refusal:
                form.take_refusal(refusal)
                status = 429 if isinstance(refusal, NotNow) else 403
            else:
                login(request, person, backend=BACKEND)
                if kept := _kept(request):
                    request.session[KEPT] = {"path": target, **kept}
                return redirect(target)
    return ask(request, form, target, kept=_kept(request), status=status)


def ask(
    request: HttpRequest, form: SignInForm, target: str, *, kept: dict[str, str] | None = None, status: int = 200
) -> HttpResponse:
    """Draw the sign-in page; `kept` is text to hold on to until the reader is back where they wrote it."""
    return render(request, "sign_in.html", {"form": form, "next": target, "kept": kept or {}}, status=status)


def ask_again(request: HttpRequest, target: str) -> HttpResponse:
    """The session ended while somebody was writing: sign in here, and the text is where it was."""
    kept = {name: request.POST.get(name, "")[:MAX_KEPT] for name in ("outcome", "comment")}
    return ask(request, SignInForm(auto_id="id_%s"), target, kept=kept, status=401)


def take_kept(request: HttpRequest) -> dict[str, Any]:
    """What was kept for this page, once."""
    kept = request.session.get(KEPT)
    if not isinstance(kept, dict) or kept.get("path") != request.path:
        return {}
    del request.session[KEPT]
    return kept


@page("POST")
def sign_out(request: PageRequest) -> HttpResponse:
    """End the session. By POST only: a link or an image on another page must not sign anybody out."""
    service.sign_out(actor=request.actor, person=request.person)
    logout(request)
    return redirect("web:sign-in")


def safe_target(request: HttpRequest, target: str) -> str:
    """An address of this installation, or the start page."""
    allowed = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if allowed and target.startswith("/") else "/"


def _kept(request: HttpRequest) -> dict[str, str]:
    if request.method != "POST" or not request.POST.get("kept_comment"):
        return {}
    return {name: request.POST.get(f"kept_{name}", "")[:MAX_KEPT] for name in ("outcome", "comment")}
