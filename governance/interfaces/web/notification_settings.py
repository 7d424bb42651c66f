"""Settings of notifications: reasons, channels, the digest, and the deliveries of the user."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from governance.interfaces.html.forms import PageForm
from governance.interfaces.web.display_preferences import zones
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.notifications import channels, delivering, preferences
from governance.notifications.reasons import MAIL, MODE_LABELS, Reason
from registry import access
from registry.exceptions import DomainError

SHOWN_DELIVERIES = 100


class ChannelForm(PageForm):
    """A new channel."""

    kind = forms.ChoiceField(label="Kind", choices=channels.KINDS)
    name = forms.CharField(label="Name", max_length=63, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    url = forms.CharField(
        label="Address",
        max_length=2000,
        help_text="The address of the incoming webhook: https://…",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "inputmode": "url"}),
    )
    group = forms.ChoiceField(
        label="For",
        required=False,
        help_text="A channel of a group receives that a review of the group is requested.",
    )

    def __init__(self, *args: Any, groups: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if groups:
            named = [(group.slug, f"the reviewer group {group.name}") for group in groups]
            self.fields["group"].choices = [("", "me"), *named]  # type: ignore[attr-defined]  # a ChoiceField
        else:
            del self.fields["group"]


@dataclass(frozen=True)
class Cell:
    """The choice of one reason and channel: name of its field, its value, and whether it is fixed."""

    field: str
    channel: str
    value: str
    fixed: bool


@dataclass(frozen=True)
class SettingRow:
    """One reason with its choices."""

    reason: Reason
    cells: tuple[Cell, ...]


@page_view("GET", "POST")
def settings(request: PageRequest) -> HttpResponse:
    """Show the settings; a POST stores them."""
    problem = ""
    if request.method == "POST":
        try:
            preferences.save_preferences(
                actor=request.actor,
                choices=_choices(request),
                digest_hour=_hour(request.POST.get("digest_hour", "")),
                zone=request.POST.get("zone", "").replace("\x00", ""),
            )
        except DomainError as refusal:
            problem = " ".join(fault.detail for fault in getattr(refusal, "errors", ())) or refusal.detail
        else:
            messages.success(request, "Settings of notifications saved.")
            return redirect("web:notification-settings")
    return _settings(request, problem=problem, status=400 if problem else 200)


@page_view("POST")
def add_channel(request: PageRequest) -> HttpResponse:
    """Add a channel. Its secret is shown once, in the response."""
    form = ChannelForm(request.POST, groups=channels.changeable_groups(request.actor))
    if not form.is_valid():
        return _settings(request, form=form, status=400)
    slug = form.cleaned_data.get("group", "")
    group = next((group for group in channels.changeable_groups(request.actor) if group.slug == slug), None)
    try:
        made = channels.add_channel(
            actor=request.actor,
            kind=form.cleaned_data["kind"],
            name=form.cleaned_data["name"],
            url=form.cleaned_data["url"],
            group=group,
        )
    except DomainError as refusal:
        form.take_refusal(refusal)
        return _settings(request, form=form, status=400)
    return _settings(request, made=made, status=201)


@page_view("POST")
def change_channel(request: PageRequest, uid: UUID) -> HttpResponse:
    """Send a test message to a channel, or remove it."""
    if request.POST.get("do") == "test":
        problem = channels.send_test(actor=request.actor, uid=uid)
        if problem:
            messages.error(request, f"The test message was not accepted: {problem}")
        else:
            messages.success(request, "The test message was accepted.")
    elif request.POST.get("do") == "remove":
        channels.remove_channel(actor=request.actor, uid=uid)
        messages.success(request, "The channel is removed.")
    else:
        messages.error(request, "Choose one of the buttons of the page.")
    return redirect("web:notification-settings")


@page_view("GET")
def deliveries(request: PageRequest) -> HttpResponse:
    """Show the latest deliveries of the user, or for those who may manage webhooks all of them."""
    everyones = request.GET.get("of") == "all"
    found = delivering.all_deliveries(request.actor) if everyones else delivering.deliveries_of(request.actor)
    context = {
        "deliveries": delivering.delivery_rows(request.actor, found[:SHOWN_DELIVERIES]),
        "most": SHOWN_DELIVERIES,
        "everyones": everyones,
        "may_see_all": bool(access.check_org_permission(request.actor, access.OrgPermission.MANAGE_WEBHOOKS)),
    }
    return render_page(request, "notifications/deliveries.html", context)


@page_view("POST")
def send_again(request: PageRequest, uid: UUID) -> HttpResponse:
    """Send a delivery once more."""
    delivering.send_again(actor=request.actor, uid=uid)
    messages.success(request, "It is sent again.")
    everyones = "?of=all" if request.POST.get("of") == "all" else ""
    return redirect(reverse("web:notification-deliveries") + everyones)


def _settings(
    request: PageRequest, *, form: ChannelForm | None = None, made: Any = None, problem: str = "", status: int = 200
) -> HttpResponse:
    groups = channels.changeable_groups(request.actor)
    own = list(channels.own_channels(request.actor))
    chosen = preferences.get_preferences(request.actor)
    context = {
        "rows": [
            SettingRow(
                row.reason,
                tuple(
                    Cell(f"mode-{row.reason.slug}-{key}", key, str(mode), row.reason.fixed and key == MAIL)
                    for key, mode in row.modes.items()
                ),
            )
            for row in preferences.list_settings(request.actor)
        ],
        "channels": own,
        "group_channels": channels.group_channels(request.actor) if groups else (),
        "modes": [(str(mode), label) for mode, label in MODE_LABELS.items()],
        "hours": range(24),
        "zones": zones(),
        "chosen": chosen,
        "form": form or ChannelForm(groups=groups),
        "made": made,
        "problem": problem,
        "mail_address": request.person.email,
    }
    return render_page(request, "notifications/settings.html", context, status=status)


def _choices(request: PageRequest) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for field, value in request.POST.items():
        kind, _, rest = field.partition("-")
        if kind == "mode":
            slug, _, channel = rest.partition("-")
            found.setdefault(slug, {})[channel] = str(value)
    return found


def _hour(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 2 else -1
