"""The form that signs somebody in, and the text it carries that they were writing when their session ended."""

from __future__ import annotations

from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from governance.interfaces.web import resending
from governance.interfaces.web.forms import PageForm
from governance.interfaces.web.resending import KeptForm

FIELD = "kept"
"""The field of the sign-in form that carries it."""


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


def ask(
    request: HttpRequest, form: SignInForm, target: str, *, kept: KeptForm | None = None, status: int = 200
) -> HttpResponse:
    """Show the sign-in page; `kept` is carried along until the reader is back where they wrote it."""
    return render(request, "sign_in.html", {"form": form, "next": target, "kept": kept}, status=status)


def ask_again(request: HttpRequest, target: str = "") -> HttpResponse:
    """The session ended while somebody was writing: sign in here, and nothing is lost.

    Args:
        target: the page that takes the text back (`take_kept`). Left out, the text is shown to be sent again.
    """
    kept = resending.sent_with(request)
    if not target:
        target = f"{reverse('web:send-again')}?{urlencode({'to': kept.path})}" if kept else "/"
    return ask(request, SignInForm(auto_id="id_%s"), target, kept=kept, status=401)


def carried(request: HttpRequest) -> KeptForm | None:
    """What the sign-in form carries."""
    return resending.read(request.POST.get(FIELD, "")) if request.method == "POST" else None


def keep(request: HttpRequest, target: str) -> str:
    """Put what the sign-in form carries into the session. Returns where to go now, which is `target`."""
    kept = carried(request)
    if kept:
        resending.keep(request, kept)
    return target


def safe_target(request: HttpRequest, target: str) -> str:
    """Return an address of this installation: `target`, or the start page."""
    allowed = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if allowed and target.startswith("/") else "/"
