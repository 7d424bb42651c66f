"""Sign-in, sign-in links and sign-out."""

from __future__ import annotations

from django import forms
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from governance.interfaces.html import resending
from governance.interfaces.html.forms import PageForm
from governance.interfaces.web import sign_in_form
from governance.interfaces.web.sign_in_form import SignInForm
from governance.interfaces.web.views import PageRequest, page_view
from governance.services import accounts
from registry.exceptions import DomainError, InvalidStateError, PermissionDeniedError
from registry.services import sign_in as service

BACKEND = "registry.access.backend.RoleBackend"
"""Backend that restores the user from the session; the service checks the password."""


class LinkForm(PageForm):
    """The code of a sign-in link, and the new password."""

    code = forms.CharField(
        label="Code of the link",
        max_length=200,
        help_text="The text after # in your link; filled in automatically if scripts run.",
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
    """Set one's password with a sign-in link, whose code is in the URL fragment."""
    form = LinkForm(request.POST or None, auto_id="id_%s")
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                accounts.redeem_link(secret=form.cleaned_data["code"], password=form.cleaned_data["password"])
            except DomainError as refusal:
                form.take_refusal(refusal)
                status = (
                    429
                    if isinstance(refusal, InvalidStateError)
                    else 403
                    if isinstance(refusal, PermissionDeniedError)
                    else 400
                )
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
    """Show the sign-in page. The kept text of an expired session is passed through."""
    target = sign_in_form.safe_target(request, request.POST.get("next") or request.GET.get("next") or "")
    if request.method == "GET" and request.user.is_authenticated:
        return redirect(target)
    form = SignInForm(request.POST or None, auto_id="id_%s")
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                person = service.sign_in(username=form.cleaned_data["username"], password=form.cleaned_data["password"])
            except DomainError as refusal:
                form.take_refusal(refusal)
                status = 429 if isinstance(refusal, InvalidStateError) else 403
            else:
                login(request, person, backend=BACKEND)
                return redirect(sign_in_form.keep(request, target))
    return sign_in_form.ask(request, form, target, kept=sign_in_form.carried(request), status=status)


@page_view()
def send_again(request: PageRequest) -> HttpResponse:
    """Show the form that was sent after the session ended, to read and send again."""
    kept = resending.kept_for(request, request.GET.get("to", ""))
    if kept is None:
        return redirect("web:home")
    return render(request, "send_again.html", {"kept": kept, "back": resending.page_above(kept.path)})


@page_view("POST")
def sign_out(request: PageRequest) -> HttpResponse:
    """End the session. POST only, so that another page cannot sign the user out."""
    service.sign_out(actor=request.actor, person=request.person)
    logout(request)
    return redirect("web:sign-in")
