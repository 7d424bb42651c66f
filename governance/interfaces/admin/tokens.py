"""Access tokens: holder, scopes and validity. Secrets are not stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from audit import clock
from audit.actor import Actor
from audit.recorder import ObjectRef
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import AuditedModelAdmin
from governance.interfaces.admin.commands import ActionResult, AdminAction
from governance.interfaces.admin.filters import by_choice
from governance.interfaces.admin.forms import ReasonForm
from registry.access import OrgPermission
from registry.models import AccessToken
from registry.services import tokens


def _revoke(actor: Actor, row: AccessToken, form: ReasonForm) -> ActionResult:
    tokens.revoke(actor=actor, token=row, reason=form.cleaned_data["reason"])
    return ActionResult(f"The token {row.name} of {row.person} stopped working.", row)


def state_of(row: AccessToken, now: datetime) -> Any:
    """The state of a token."""
    if row.revoked_at is not None:
        return formatting.badge("Revoked", "none")
    return formatting.badge("Valid", "ok") if row.expires_at > now else formatting.badge("Expired", "none")


class StateFilter(admin.SimpleListFilter):
    """Filter by whether a token is valid."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("works", "Valid"), ("expired", "Expired"), ("revoked", "Revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        now = clock.now()
        by_state = {
            "works": Q(revoked_at__isnull=True, expires_at__gt=now),
            "expired": Q(revoked_at__isnull=True, expires_at__lte=now),
            "revoked": Q(revoked_at__isnull=False),
        }
        chosen = by_state.get(self.value() or "")
        return queryset.filter(chosen) if chosen is not None else queryset


class AccessTokenAdmin(AuditedModelAdmin):
    """Access tokens."""

    section, position, icon = "People and access", 5, "key"
    singular, plural = "access token", "access tokens"
    about = "Credentials of machines, each with the person responsible."
    object_type = "token"
    change_permission = OrgPermission.MANAGE_PEOPLE
    commands = (
        AdminAction(
            "revoke",
            "Revoke",
            "The token stops working at once and cannot be restored.",
            OrgPermission.MANAGE_PEOPLE,
            _revoke,
            is_available=lambda row: row.revoked_at is None,
            is_destructive=True,
        ),
    )

    list_display = ("name", "begins", "owner", "may", "only_models", "expires", "used", "state")
    list_filter = (StateFilter, by_choice("person__kind", "kind of account"))
    list_select_related = ("person", "use")
    search_fields = ("name", "prefix", "person__name", "person__username", "=uid")
    search_help_text = "Name, beginning (cs_…), person, or the id the log uses (tok_…)"
    ordering = ("-created_at", "-pk")
    fieldsets = (
        (None, {"fields": ("name", "owner", "begins", "may", "only_models", "only_checks")}),
        ("Validity", {"fields": ("issued", "expires", "revoked", "used", "from_address", "state", "known_as")}),
    )

    def object_ref(self, row: AccessToken) -> ObjectRef:
        return ObjectRef("token", row.uid)

    @admin.display(description="begins with", ordering="prefix")
    def begins(self, row: AccessToken) -> Any:
        return formatting.code(f"{row.prefix}…")

    @admin.display(description="acts for", ordering="person__name")
    def owner(self, row: AccessToken) -> Any:
        return formatting.admin_link(row.person)

    @admin.display(description="scopes")
    def may(self, row: AccessToken) -> Any:
        return formatting.tags(row.scopes)

    @admin.display(description="models")
    def only_models(self, row: AccessToken) -> Any:
        return formatting.tags(row.model_slugs) if row.model_slugs is not None else "all models its person may access"

    @admin.display(description="reports results of")
    def only_checks(self, row: AccessToken) -> Any:
        return formatting.tags(row.check_names) if row.check_names else formatting.NONE

    @admin.display(description="issued", ordering="created_at")
    def issued(self, row: AccessToken) -> Any:
        return formatting.format_datetime(row.created_at)

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, row: AccessToken) -> Any:
        return formatting.format_datetime(row.expires_at)

    @admin.display(description="revoked", ordering="revoked_at")
    def revoked(self, row: AccessToken) -> Any:
        return formatting.format_datetime(row.revoked_at)

    @admin.display(description="last used", ordering="use__last_used_at")
    def used(self, row: AccessToken) -> Any:
        return formatting.format_datetime(row.use.last_used_at) if hasattr(row, "use") else "never"

    @admin.display(description="last used from")
    def from_address(self, row: AccessToken) -> Any:
        return formatting.code(row.use.last_address or "") if hasattr(row, "use") else formatting.NONE

    @admin.display(description="state")
    def state(self, row: AccessToken) -> Any:
        return state_of(row, clock.now())

    @admin.display(description="in the log as")
    def known_as(self, row: AccessToken) -> Any:
        return formatting.code(row.uid)

    def _made_elsewhere(self) -> str:
        return "people issue their own tokens in their profile, so that only they see the secret."
