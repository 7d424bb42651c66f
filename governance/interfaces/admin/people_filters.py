"""Filters of the list of accounts."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from registry import access
from registry.access import Role

ADMINISTERING = (Role.OFFICER, Role.ADMINISTRATOR, Role.AUDITOR)
"""The roles by which the list of accounts can be filtered."""


class StateFilter(admin.SimpleListFilter):
    """Filter by whether an account is active."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("active", "Active"), ("deactivated", "Deactivated"), ("locked", "Signing locked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() in ("active", "deactivated"):
            return queryset.filter(is_active=self.value() == "active")
        if self.value() == "locked":
            return queryset.filter(signing_locks__opened_at__isnull=False, signing_locks__closed_at__isnull=True)
        return queryset


class RoleFilter(admin.SimpleListFilter):
    """Filter by organisation role and superuser status."""

    title = "administering role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*((str(role), role.capitalize()) for role in ADMINISTERING), ("superuser", "Superuser")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() == "superuser":
            return queryset.filter(is_superuser=True)
        if self.value() in ADMINISTERING:
            grants = access.current_grants().filter(model__isnull=True, role=self.value())
            return queryset.filter(pk__in=grants.values("user_id"))
        return queryset
