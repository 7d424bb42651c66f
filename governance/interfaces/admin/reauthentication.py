"""Password confirmation before changes, so that an unattended browser session cannot change anything."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.debug import sensitive_post_parameters

from audit import clock
from governance.interfaces.admin.permissions import person_of
from governance.interfaces.html.forms import PageForm
from registry.exceptions import DomainError, InvalidStateError
from registry.services import sign_in

SESSION_KEY = "admin_confirmed"
PREFIX = "confirm"
FIELD = f"{PREFIX}-password"


class ConfirmForm(PageForm):
    """The password of the signed-in person."""

    password = forms.CharField(
        label="Your password",
        max_length=1024,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


def minutes() -> int:
    """Minutes for which a confirmation is valid."""
    return int(settings.COUNTERSIGN_ADMIN_CONFIRMED_SECONDS) // 60


def confirmed(request: HttpRequest) -> bool:
    """Whether the person confirmed the password in this session recently enough."""
    kept = request.session.get(SESSION_KEY)
    if not isinstance(kept, dict) or kept.get("person") != person_of(request).uid:
        return False
    age = clock.now() - datetime.fromisoformat(str(kept["at"]))
    return timedelta(0) <= age < timedelta(seconds=settings.COUNTERSIGN_ADMIN_CONFIRMED_SECONDS)


def require_recent_password(request: HttpRequest) -> HttpResponse | None:
    """Return the page that asks for the password; None if the password was confirmed recently.

    A submitted form is kept: the page contains its fields, except passwords, and submits them together with the
    password to the same URL.
    """
    if confirmed(request):
        return None
    if request.method in ("GET", "HEAD"):
        return redirect(f"{reverse('admin:confirm')}?{urlencode({'next': request.get_full_path()})}")
    form = ConfirmForm(request.POST if FIELD in request.POST else None, prefix=PREFIX)
    if FIELD in request.POST and _confirm(request, form):
        return None
    carried = [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken" and "password" not in name.lower()
    ]
    return _ask(request, form, request.get_full_path(), carried=carried)


@sensitive_post_parameters(FIELD)
def confirm_page(request: HttpRequest) -> HttpResponse:
    """Ask for the password, then redirect to the page that required it."""
    target = _safe(request, request.POST.get("next") or request.GET.get("next") or "")
    if confirmed(request) and request.method in ("GET", "HEAD"):
        return redirect(target)
    form = ConfirmForm(request.POST if request.method == "POST" else None, prefix=PREFIX)
    if request.method == "POST" and _confirm(request, form):
        return redirect(target)
    return _ask(request, form, reverse("admin:confirm"), carried=[("next", target)])


def _confirm(request: HttpRequest, form: ConfirmForm) -> bool:
    if not form.is_valid():
        return False
    person = person_of(request)
    try:
        sign_in.reauthenticate_to_administer(person, form.cleaned_data["password"], pointer="/password")
    except DomainError as refusal:
        form.take_refusal(refusal)
        form.too_many = isinstance(refusal, InvalidStateError)  # type: ignore[attr-defined]  # read by the template
        return False
    request.session.cycle_key()  # new session key, because the session has more privileges now
    request.session[SESSION_KEY] = {"person": person.uid, "at": clock.now().isoformat()}
    return True


def _ask(request: HttpRequest, form: ConfirmForm, action: str, *, carried: list[tuple[str, str]]) -> HttpResponse:
    from governance.interfaces.admin.site import site  # noqa: PLC0415 - the site has this page among its addresses

    context: dict[str, Any] = {
        **site.each_context(request),
        "title": "Confirm your password",
        "form": form,
        "action": action,
        "carried": carried,
        "minutes": minutes(),
        "kept": bool(carried) and action != reverse("admin:confirm"),
    }
    status = 200
    if form.is_bound or context["kept"]:
        status = 429 if getattr(form, "too_many", False) else 403
    return render(request, "admin/confirm.html", context, status=status)


def _safe(request: HttpRequest, target: str) -> str:
    index = reverse("admin:index")
    allowed = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if allowed and target.startswith(index) else index
