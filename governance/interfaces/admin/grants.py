"""Roles of people and groups, on one model or in the whole organisation."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from audit import clock
from audit.actor import Actor
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import ActionLink, AuditedModelAdmin
from governance.interfaces.admin.change_proposals import proposed
from governance.interfaces.admin.commands import ActionResult, AdminAction
from governance.interfaces.admin.forms import AutocompleteField, ReasonForm
from governance.interfaces.html.forms import MomentField
from governance.interfaces.html.labels import ROLES_IN_WORDS
from registry import access, selectors
from registry.access import OrgPermission, Role
from registry.models import ChangeProposal, Grant, active_grants_q
from registry.services import governing


class GrantForm(ReasonForm):
    """The role, its holder and its scope."""

    role = forms.ChoiceField(
        label="Role", choices=[(str(role), f"{role.capitalize()}: {words}") for role, words in ROLES_IN_WORDS.items()]
    )
    user = AutocompleteField(
        Grant._meta.get_field("user"), label="Person", required=False, help_text="Either a person or a group."
    )
    group = AutocompleteField(Grant._meta.get_field("group"), label="Reviewer group", required=False)
    model = AutocompleteField(
        Grant._meta.get_field("model"),
        label="On the model",
        required=False,
        help_text="Empty: on every model, in the whole organisation.",
    )
    expires_at = MomentField(
        label="Until",
        required=False,
        help_text="Empty: no end. The role expires automatically at this time.",
    )
    pointers = {"/subject": "user"}  # noqa: RUF012 (a table, never changed)


def _give(actor: Actor, row: None, form: GrantForm) -> ActionResult:
    given = form.cleaned_data
    made = governing.give_role(
        actor=actor,
        role=given["role"],
        user=given["user"],
        group=given["group"],
        model=given["model"],
        expires_at=given["expires_at"],
        reason=given["reason"],
    )
    if isinstance(made, ChangeProposal):
        return proposed(made)
    return ActionResult(f"{made.user or made.group} is {made.role} {_on(made)} now.", made)


def _revoke(actor: Actor, row: Grant, form: ReasonForm) -> ActionResult:
    access.revoke_role(actor=actor, grant=row, reason=form.cleaned_data["reason"])
    return ActionResult(f"{row.user or row.group} is no longer {row.role} {_on(row)} by this grant.", row)


def _over(row: Grant) -> bool:
    return row.closed_at is not None or (row.expires_at is not None and row.expires_at <= clock.now())


def _on(row: Grant) -> str:
    return f"on {row.model.slug}" if row.model is not None else "in the whole organisation"


def where(row: Grant) -> Any:
    """The model as a link to its record, or “the whole organisation”."""
    return formatting.admin_link(row.model, row.model.slug) if row.model is not None else "the whole organisation"


class StateFilter(admin.SimpleListFilter):
    """Filter by whether a role is in force."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("held", "Held"), ("over", "Revoked or ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        holding = active_grants_q(clock.now())
        chosen = {"held": holding, "over": ~holding}.get(self.value() or "")
        return queryset.filter(chosen) if chosen is not None else queryset


class PlaceFilter(admin.SimpleListFilter):
    """Filter by scope."""

    title = "place"
    parameter_name = "place"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("organisation", "The whole organisation"), ("model", "One model")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() in ("organisation", "model"):
            return queryset.filter(model__isnull=self.value() == "organisation")
        return queryset


class RoleFilter(admin.SimpleListFilter):
    """Filter by role."""

    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(role), role.capitalize()) for role in Role]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        return queryset.filter(role=self.value()) if self.value() in set(Role) else queryset


class GrantAdmin(AuditedModelAdmin):
    """Grants of roles."""

    section, position, icon = "People and access", 4, "shield"
    singular, plural = "role", "roles given"
    about = "Roles on one model or in the whole organisation."
    object_type = "grant"
    model_path = "model"
    change_permission = OrgPermission.MANAGE_PEOPLE
    adding = AdminAction(
        "add",
        "Give a role",
        "You cannot give a role to yourself, directly or through a group you belong to. The roles officer and "
        "administrator take effect when a second officer confirms them.",
        OrgPermission.MANAGE_PEOPLE,
        _give,
        GrantForm,
    )
    commands = (
        AdminAction(
            "revoke",
            "Revoke",
            "The permissions of this role end at once; permissions from other roles remain.",
            OrgPermission.MANAGE_PEOPLE,
            _revoke,
            is_available=lambda row: not _over(row),
            is_destructive=True,
        ),
    )

    list_display = ("role", "to", "place", "given", "ends", "state")
    list_display_links = ("role",)
    list_filter = (StateFilter, RoleFilter, PlaceFilter)
    list_select_related = ("user", "group", "model")
    search_fields = ("user__name", "user__username", "group__name", "group__slug", "model__slug", "=role")
    search_help_text = "Person, group, model or role"
    autocomplete_fields = ("user", "group", "model")
    ordering = ("-opened_at", "-pk")
    fieldsets = ((None, {"fields": ("role", "to", "place", "given", "by", "ends", "ended", "state")}),)

    def name_of(self, row: Grant) -> str:
        return f"{row.role}, {row.user or row.group}, {_on(row)}"

    @admin.display(description="given to")
    def to(self, row: Grant) -> Any:
        return formatting.admin_link(row.user or row.group)

    @admin.display(description="on", ordering="model__slug")
    def place(self, row: Grant) -> Any:
        return where(row)

    @admin.display(description="since", ordering="opened_at")
    def given(self, row: Grant) -> Any:
        return formatting.format_datetime(row.opened_at)

    @admin.display(description="until", ordering="expires_at")
    def ends(self, row: Grant) -> Any:
        return formatting.format_datetime(row.expires_at)

    @admin.display(description="closed", ordering="closed_at")
    def ended(self, row: Grant) -> Any:
        return formatting.format_datetime(row.closed_at)

    @admin.display(description="given by")
    def by(self, row: Grant) -> Any:
        giver = selectors.account_by_uid(row.granted_by)
        return formatting.admin_link(giver) if giver is not None else formatting.code(row.granted_by)

    @admin.display(description="state")
    def state(self, row: Grant) -> Any:
        if not _over(row):
            return formatting.badge("Held", "ok")
        ended = row.expires_at is not None and (row.closed_at is None or row.closed_at >= row.expires_at)
        return formatting.badge("Ended" if ended else "Revoked", "none")

    def links(self, request: HttpRequest, row: Grant) -> list[ActionLink]:
        if row.model is None:
            return []
        return [ActionLink(f"The model {row.model.slug}", reverse("web:model", args=[row.model.slug]))]
