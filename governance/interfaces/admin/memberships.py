"""Memberships of reviewer groups, with their periods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from audit import clock
from audit.actor import Actor
from governance.gate.quorum import requests_without_quorum
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import AuditedModelAdmin
from governance.interfaces.admin.change_proposals import proposed
from governance.interfaces.admin.commands import ActionResult, AdminAction
from governance.interfaces.admin.filters import by_relation
from governance.interfaces.admin.forms import AutocompleteField, ReasonForm
from governance.interfaces.html.forms import MomentField
from registry.access import OrgPermission
from registry.models import ChangeProposal, Membership, User
from registry.services import governing, people


class MemberForm(ReasonForm):
    """The member, the group and the period. `row` is the group if it is given."""

    group = AutocompleteField(Membership._meta.get_field("group"), label="Reviewer group")
    user = AutocompleteField(Membership._meta.get_field("user"), label="Person")
    valid_from = MomentField(
        label="From", required=False, help_text="Empty: from now on. In the time zone shown at the top of the page."
    )
    valid_until = MomentField(label="Until", required=False, help_text="Empty: no end.")
    deputy = forms.BooleanField(
        label="Deputy",
        required=False,
        help_text="Decides as every member; a policy can inform deputies when the others do not decide in time.",
    )


def add_member(actor: Actor, row: Any, form: Any) -> ActionResult:
    """Add a person to a group; `row` is the group if the form has no group field."""
    given = form.cleaned_data
    made = governing.add_member(
        actor=actor,
        group=given.get("group") or row,
        user=given["user"],
        valid_from=given["valid_from"],
        valid_until=given["valid_until"],
        deputy=given["deputy"],
        reason=given["reason"],
    )
    if isinstance(made, ChangeProposal):
        return proposed(made)
    return ActionResult(f"{made.user} is added to {made.group.name}.", row if row is not None else made)


def _end(actor: Actor, row: Membership, form: ReasonForm) -> ActionResult:
    people.remove_member(actor=actor, group=row.group, user=row.user, reason=form.cleaned_data["reason"])
    return ActionResult(f"{row.user} is no longer in {row.group.name}.", row.group, tuple(_short(row, None)))


def _before_ending(row: Membership) -> Sequence[str]:
    return _short(row, row.user)


def _short(row: Membership, leaving: User | None) -> list[str]:
    short = requests_without_quorum(row.group.slug, leaving=leaving)
    if not short:
        return []
    counted = "1 open request" if len(short) == 1 else f"{len(short)} open requests"
    named = ", ".join(str(request) for request in short)
    return [f"{counted} can no longer reach quorum without more members in {row.group.name}: {named}."]


def span_of(row: Membership) -> str:
    """The planned period of a membership."""
    since = formatting.format_datetime(row.valid_from)
    if row.valid_until is None:
        return format_html("from {}", since)
    return format_html("{} to {}", since, formatting.format_datetime(row.valid_until))


def state_of(row: Membership, now: datetime) -> str:
    """The state of a membership."""
    if row.closed_at is not None:
        return formatting.badge("Ended", "none")
    if row.valid_until is not None and row.valid_until <= now:
        return formatting.badge("Expired", "none")
    return formatting.badge("Not yet in force", "wait") if row.valid_from > now else formatting.badge("In force", "ok")


class StateFilter(admin.SimpleListFilter):
    """Filter by whether a membership is in force."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("holds", "In force"), ("to_come", "Not yet in force"), ("ended", "Ended or expired")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        now = clock.now()
        over = Q(closed_at__isnull=False) | Q(valid_until__lte=now)
        by_state = {"holds": ~over & Q(valid_from__lte=now), "to_come": ~over & Q(valid_from__gt=now), "ended": over}
        chosen = by_state.get(self.value() or "")
        return queryset.filter(chosen) if chosen is not None else queryset


class MembershipAdmin(AuditedModelAdmin):
    """Memberships of reviewer groups, with start and end."""

    section, position, icon = "People and access", 3, "calendar"
    singular, plural = "membership", "group memberships"
    about = "Members of reviewer groups, with start and end."
    object_type = "membership"
    change_permission = OrgPermission.MANAGE_GROUPS
    adding = AdminAction(
        "add",
        "Add a member",
        "A member of a reviewer group may decide if a policy requires the group and a role permits it. If a policy "
        "requires it, the membership takes effect when a second officer confirms it.",
        OrgPermission.MANAGE_GROUPS,
        add_member,
        MemberForm,
    )
    commands = (
        AdminAction(
            "end",
            "End the membership",
            "The person no longer counts for this group. Earlier decisions do not change.",
            OrgPermission.MANAGE_GROUPS,
            _end,
            is_available=lambda row: row.closed_at is None,
            get_warnings=_before_ending,
            is_destructive=True,
        ),
    )

    list_display = ("member", "of", "deputy", "begins", "ends", "state")
    list_display_links = ("member",)
    list_filter = (StateFilter, by_relation("group", "group"))
    list_select_related = ("group", "user")
    search_fields = ("user__name", "user__username", "group__name", "group__slug")
    search_help_text = "Person or group"
    autocomplete_fields = ("group", "user")
    ordering = ("-opened_at", "-pk")
    fieldsets = ((None, {"fields": ("person", "of", "deputy", "begins", "ends", "state", "entered", "closed")}),)

    def name_of(self, row: Membership) -> str:
        return f"{row.user} in {row.group.name}"

    @admin.display(description="member", ordering="user__name")
    def member(self, row: Membership) -> str:
        return str(row.user)

    @admin.display(description="person")
    def person(self, row: Membership) -> Any:
        return formatting.admin_link(row.user)

    @admin.display(description="group", ordering="group__name")
    def of(self, row: Membership) -> Any:
        return formatting.admin_link(row.group, row.group.name)

    @admin.display(description="from", ordering="valid_from")
    def begins(self, row: Membership) -> Any:
        return formatting.format_datetime(row.valid_from)

    @admin.display(description="until", ordering="valid_until")
    def ends(self, row: Membership) -> Any:
        return formatting.format_datetime(row.valid_until)

    @admin.display(description="state")
    def state(self, row: Membership) -> Any:
        return state_of(row, clock.now())

    @admin.display(description="entered")
    def entered(self, row: Membership) -> Any:
        return formatting.format_datetime(row.opened_at)

    @admin.display(description="ended")
    def closed(self, row: Membership) -> Any:
        return formatting.format_datetime(row.closed_at)
