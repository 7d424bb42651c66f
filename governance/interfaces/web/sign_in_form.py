"""The sign-in form, and the kept text of a form that was sent after the session ended."""

from __future__ import annotations

from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from governance.interfaces.html import resending
from governance.interfaces.html.forms import PageForm
from governance.interfaces.html.resending import KeptForm

FIELD = "kept"
"""Hidden field of the sign-in form with the kept text."""


class SignInForm(PageForm):
    """User name and password. Pasting and password managers are supported (WCAG 2.2, 3.3.8)."""

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


def ask(
    request: HttpRequest, form: SignInForm, target: str, *, kept: KeptForm | None = None, status: int = 200
) -> HttpResponse:
    """Show the sign-in page; `kept` is passed through until the user is back on the page."""
    return render(request, "sign_in.html", {"form": form, "next": target, "kept": kept}, status=status)


def ask_again(request: HttpRequest, target: str = "") -> HttpResponse:
    """Show the sign-in page after the session ended, and keep the submitted form.

    Args:
        request: the POST request.
        target: the page that fills its form with the kept text (`take_kept`). If empty, the text is shown on a page
            from which it can be sent again.
    """
    kept = resending.sent_with(request)
    if not target:
        target = f"{reverse('web:send-again')}?{urlencode({'to': kept.path})}" if kept else "/"
    return ask(request, SignInForm(auto_id="id_%s"), target, kept=kept, status=401)


def carried(request: HttpRequest) -> KeptForm | None:
    """The kept form in the submitted sign-in form."""
    return resending.read(request.POST.get(FIELD, "")) if request.method == "POST" else None


def keep(request: HttpRequest, target: str) -> str:
    """Move the kept form from the sign-in form to the session. Returns `target`."""
    kept = carried(request)
    if kept:
        resending.keep(request, kept)
    return target


def safe_target(request: HttpRequest, target: str) -> str:
    """Return `target` if it is a URL of this installation, otherwise the start page."""
    allowed = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if allowed and target.startswith("/") else "/"
