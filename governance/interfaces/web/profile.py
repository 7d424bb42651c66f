"""The user's own pages: display, password, access tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from audit import clock
from governance.interfaces.html.forms import PageForm
from governance.interfaces.web.display_preferences import THEMES, DisplayPreferences, remember, zones
from governance.interfaces.web.sign_in_form import safe_target
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.services import accounts
from registry import access, selectors
from registry.exceptions import DomainError, NotFoundError
from registry.models import Membership
from registry.services import people, second_factors, sign_in, tokens
from registry.services.account_controls import has_own_password

LIFETIMES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year"}
SCOPES_IN_WORDS = {
    "models:read": "see models, versions, promotion requests",
    "models:write": "register models and change their records",
    "versions:write": "register versions, upload files, add metrics, cards and evidence",
    "checks:write": "report results of the checks named below",
    "signals:write": "report production signals",
    "promotions:write": "request a promotion, withdraw a request",
    "promotions:execute": "execute a request that is ready",
    "comments:write": "comment on requests and versions",
    "notifications:write": "mark notifications as read and change their settings",
    "audit:read": "read the audit log, as far as you may yourself",
    "webhooks:admin": "set up webhooks",
}


class DisplayForm(PageForm):
    """Theme, time zone and shortcuts of this browser."""

    theme = forms.ChoiceField(
        label="Theme", choices=[(key, word.capitalize()) for key, (word, _) in THEMES.items()], widget=forms.RadioSelect
    )
    zone = forms.ChoiceField(
        label="Time zone",
        help_text="Times are shown in this zone; records keep UTC.",
        choices=lambda: [(z, z) for z in zones()],
    )
    shortcuts = forms.BooleanField(
        label="Single-key shortcuts",
        required=False,
        help_text="Switch them off if you use speech input or a screen reader that needs the keys.",
    )


class PasswordForm(PageForm):
    """A new password, with the current one."""

    current = forms.CharField(
        label="Current password",
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    password = forms.CharField(
        label="New password",
        strip=False,
        max_length=1024,
        help_text="At least 12 characters, not a common one, not like your name.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class RevokeForm(PageForm):
    """The reason for revoking a token."""

    reason = forms.CharField(
        label="Reason", required=False, max_length=5_000, help_text="Optional; recorded in the audit log."
    )


class TokenForm(PageForm):
    """Scopes, models and lifetime of a new token."""

    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="Where it will be used: “retail-credit CI”.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label="What it may do",
        choices=[(scope, f"{scope}: {SCOPES_IN_WORDS[scope]}") for scope in access.SCOPES],
        widget=forms.CheckboxSelectMultiple,
        help_text="At most your own permissions. Tokens cannot decide: a decision needs a person and a password.",
    )
    models = forms.CharField(
        label="Only these models",
        required=False,
        help_text="Names separated by spaces; empty for every model you may see.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    checks = forms.CharField(
        label="Only the results of these checks",
        required=False,
        help_text="With checks:write: names of checks that policies require from outside, separated by spaces.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    lifetime = forms.ChoiceField(label="Valid for", choices=list(LIFETIMES.items()), initial="90")

    def clean_checks(self) -> list[str]:
        """Return the names. The scope without a name permits nothing, so it is an omission."""
        names: list[str] = self.cleaned_data["checks"].replace(",", " ").split()
        if access.REPORT_SCOPE in self.cleaned_data.get("scopes", ()) and not names:
            raise forms.ValidationError("Name the checks whose results the token may report: “acme.robustness”.")
        return names

    pointers = {"/expires_at": "lifetime", "/model_slugs": "models", "/check_names": "checks"}  # noqa: RUF012  # never changed


@page_view("GET")
def profile(request: PageRequest) -> HttpResponse:
    """Show the user's roles and groups, and the display and password forms."""
    return _profile(request)


def _profile(request: PageRequest, *, password: PasswordForm | None = None, status: int = 200) -> HttpResponse:
    now = clock.now()
    memberships = Membership.effective(now).filter(user=request.person).select_related("group").order_by("group__name")
    grants = (
        access.current_grants()
        .filter(user=request.person)
        .exclude(model__deleted_at__isnull=False)
        .select_related("model")
        .order_by("model__slug", "role")
    )
    through = (
        access.current_grants()
        .filter(group__in=memberships.values("group_id"))
        .exclude(model__deleted_at__isnull=False)
        .select_related("model", "group")
        .order_by("model__slug", "role")
    )
    reader: DisplayPreferences = request.reader
    context = {
        "display": DisplayForm(
            initial={"theme": reader.theme, "zone": reader.zone_name, "shortcuts": reader.shortcuts}
        ),
        "password": password or PasswordForm(),
        "own_password": has_own_password(request.person),
        "factor": second_factors.current(request.person),
        "security": accounts.security_events(request.person),
        "memberships": memberships,
        "grants": [*grants[:100], *through[:100]],
        "access_requests": selectors.own_access_requests(request.actor)[:20],
    }
    return render_page(request, "profile/profile.html", context, status=status)


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Store the theme and return. Public, because the sign-in page has the same button."""
    chosen = request.POST.get("theme", "auto")
    response = redirect(safe_target(request, request.POST.get("next", "")))
    if chosen in THEMES:
        remember(response, secure=settings.SESSION_COOKIE_SECURE, theme=chosen)
    return response


@page_view("POST")
def display(request: PageRequest) -> HttpResponse:
    """Store the display preferences of this browser."""
    form = DisplayForm(request.POST)
    response = redirect("web:profile")
    if form.is_valid():
        remember(
            response,
            secure=settings.SESSION_COOKIE_SECURE,
            theme=form.cleaned_data["theme"],
            zone=form.cleaned_data["zone"],
            shortcuts="on" if form.cleaned_data["shortcuts"] else "off",
        )
        messages.success(request, "Display settings saved in this browser.")
    else:
        messages.error(request, "Choose a theme and a time zone from the lists.")
    return response


@sensitive_post_parameters()
@page_view("POST")
def password(request: PageRequest) -> HttpResponse:
    """Change the user's own password."""
    form = PasswordForm(request.POST)
    if form.is_valid():
        try:
            sign_in.reauthenticate(request.person, form.cleaned_data["current"], pointer="/current", signing=False)
            changed = people.set_password(
                actor=request.actor, person=request.person, password=form.cleaned_data["password"]
            )
        except DomainError as refusal:
            form.take_refusal(refusal)
        else:
            update_session_auth_hash(request, changed)
            messages.success(request, "Password changed. Other browsers are signed out.")
            return redirect("web:profile")
    return _profile(request, password=form, status=400)


@page_view("GET", "POST")
def token_list(request: PageRequest) -> HttpResponse:
    """List the user's tokens, with a form for a new one. Its secret is shown once, in the response to the POST."""
    form = TokenForm(request.POST or None)
    made: dict[str, Any] | None = None
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                made = _issue(request, form)
            except DomainError as refusal:
                form.take_refusal(refusal)
            else:
                form, status = TokenForm(), 201
    found = selectors.tokens_of(request.person)
    now = clock.now()
    context = {
        "form": form,
        "made": made,
        "live": [t for t in found if t.revoked_at is None and t.expires_at > now],
        "ended": [t for t in found if t.revoked_at is not None or t.expires_at <= now],
    }
    return render_page(request, "profile/tokens.html", context, status=status)


def _issue(request: PageRequest, form: TokenForm) -> dict[str, Any]:
    slugs = form.cleaned_data["models"].replace(",", " ").split()
    token, secret = tokens.issue(
        actor=request.actor,
        person=request.person,
        name=form.cleaned_data["name"],
        scopes=form.cleaned_data["scopes"],
        expires_at=clock.now() + timedelta(days=int(form.cleaned_data["lifetime"])),
        model_slugs=slugs or None,
        check_names=form.cleaned_data["checks"],
    )
    return {"token": token, "secret": secret}


@page_view("GET", "POST")
def revoke_token(request: PageRequest, uid: str) -> HttpResponse:
    """Confirm and revoke a token."""
    token = selectors.tokens_of(request.person).filter(uid=uid).first()
    if token is None:
        raise NotFoundError("You have no such token.")
    form = RevokeForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return render_page(request, "profile/revoke_token.html", {"token": token, "form": form})
    if form.is_valid():
        try:
            reason = form.cleaned_data["reason"] or "revoked by its owner"
            tokens.revoke(actor=request.actor, token=token, reason=reason)
        except DomainError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, f"Token {token.name} is revoked and no longer works.")
            return redirect("web:tokens")
    return render_page(request, "profile/revoke_token.html", {"token": token, "form": form}, status=400)
