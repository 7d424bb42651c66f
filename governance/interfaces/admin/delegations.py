"""Delegations of decisions: officers read them and revoke one; people grant them on their own page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from audit.actor import Actor
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import AuditedModelAdmin
from governance.interfaces.admin.commands import ActionResult, AdminAction
from governance.interfaces.admin.filters import by_date
from governance.interfaces.admin.forms import ReasonForm
from governance.models import Delegation
from governance.selectors.delegations import scope_of, state_of
from governance.services import delegations
from registry.access import OrgPermission

_STATES = {
    "in_effect": ("In effect", "ok"),
    "planned": ("Planned", "wait"),
    "revoked": ("Revoked", "none"),
    "ended": ("Ended", "none"),
}


def _revoke(actor: Actor, row: Delegation, form: ReasonForm) -> ActionResult:
    made = delegations.revoke_delegation(actor=actor, uid=row.uid, reason=form.cleaned_data["reason"])
    return ActionResult(f"{made.delegate.name} no longer decides for {made.delegator.name}.", made)


class DelegationAdmin(AuditedModelAdmin):
    """Delegations of decisions, with their scope and period."""

    section, position, icon = "People and access", 4, "users"
    singular, plural = "delegation", "delegations"
    about = "Members of reviewer groups who let another person decide in their place for a period."
    object_type = "delegation"
    change_permission = OrgPermission.MANAGE_GROUPS
    commands = (
        AdminAction(
            "revoke",
            "Revoke",
            "The delegate stops deciding in the place of the delegator. Their decisions on open requests in that place "
            "are invalidated.",
            OrgPermission.MANAGE_GROUPS,
            _revoke,
            is_available=lambda row: state_of(row) in ("in_effect", "planned"),
            is_destructive=True,
        ),
    )

    list_display = ("pair", "scope", "begins", "ends", "state")
    list_display_links = ("pair",)
    list_filter = (by_date("valid_until", "day it ends"),)
    list_select_related = ("delegator", "delegate")
    search_fields = ("delegator__name", "delegator__username", "delegate__name", "delegate__username")
    search_help_text = "Name of one of the two people"
    autocomplete_fields = ("delegator", "delegate")
    ordering = ("-opened_at", "-pk")
    fieldsets = (
        (None, {"fields": ("giver", "receiver", "scope", "begins", "ends", "state", "why")}),
        ("Signature", {"fields": ("signed_name", "signed_meaning", "signed")}),
    )

    def name_of(self, row: Delegation) -> str:
        return str(row)

    @admin.display(description="delegate", ordering="delegate__name")
    def pair(self, row: Delegation) -> str:
        return str(row)

    @admin.display(description="delegator")
    def giver(self, row: Delegation) -> Any:
        return formatting.admin_link(row.delegator)

    @admin.display(description="delegate")
    def receiver(self, row: Delegation) -> Any:
        return formatting.admin_link(row.delegate)

    @admin.display(description="scope")
    def scope(self, row: Delegation) -> str:
        return scope_of(row, {})

    @admin.display(description="from", ordering="valid_from")
    def begins(self, row: Delegation) -> Any:
        return formatting.format_datetime(row.valid_from)

    @admin.display(description="until", ordering="valid_until")
    def ends(self, row: Delegation) -> Any:
        return formatting.format_datetime(row.valid_until)

    @admin.display(description="state")
    def state(self, row: Delegation) -> Any:
        return formatting.badge(*_STATES[state_of(row)])

    @admin.display(description="reason")
    def why(self, row: Delegation) -> str:
        return row.reason or formatting.NONE

    @admin.display(description="signed", ordering="opened_at")
    def signed(self, row: Delegation) -> Any:
        return formatting.format_datetime(row.opened_at)

    def _made_elsewhere(self) -> str:
        return "the delegator signs it on the page Delegations."
