"""Reviewer groups, which policies refer to."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from audit import clock
from audit.actor import Actor
from governance.gate.quorum import requests_without_quorum
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import AuditedModelAdmin, RelatedTable
from governance.interfaces.admin.commands import ActionResult, AdminAction
from governance.interfaces.admin.forms import ReasonForm
from governance.interfaces.admin.grants import where
from governance.interfaces.admin.memberships import MemberForm, add_member, span_of, state_of
from registry import access, selectors
from registry.access import OrgPermission
from registry.models import ReviewerGroup
from registry.services import groups, people

SHOWN = 200


class NewGroupForm(ReasonForm):
    """Slug and name of a new group."""

    slug = forms.CharField(
        label="Slug",
        max_length=80,
        help_text="The name used in policies: lower-case letters, digits and hyphens. It cannot be changed.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    name = forms.CharField(label="Name", max_length=150)
    description = forms.CharField(
        label="Description", required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 3})
    )


class GroupForm(ReasonForm):
    """Name and description of a group."""

    name = forms.CharField(label="Name", max_length=150)
    description = forms.CharField(
        label="Description", required=False, max_length=5_000, widget=forms.Textarea(attrs={"rows": 3})
    )


class JoinForm(MemberForm):
    """A new member, the period of the membership, and whether they are a deputy, in the group of the page."""

    group = None  # type: ignore[assignment]  # None removes the field of the parent form


def _create(actor: Actor, row: None, form: NewGroupForm) -> ActionResult:
    given = form.cleaned_data
    made = people.create_group(
        actor=actor,
        slug=given["slug"],
        name=given["name"],
        description=given["description"],
        reason=given["reason"],
    )
    return ActionResult(f"{made.name} is created and has no members yet.", made)


def _update(actor: Actor, row: ReviewerGroup, form: GroupForm) -> ActionResult:
    given = form.cleaned_data
    changed = groups.update_group(
        actor=actor, group=row, name=given["name"], description=given["description"], reason=given["reason"]
    )
    same = (row.name, row.description) == (changed.name, changed.description)
    return ActionResult("Nothing was changed." if same else f"{changed.name}: the record is updated.", row)


class ReviewerGroupAdmin(AuditedModelAdmin):
    """Reviewer groups."""

    section, position, icon = "People and access", 2, "users"
    singular, plural = "reviewer group", "reviewer groups"
    about = "Used in policy approvals, such as “two of risk-team”."
    object_type = "group"
    change_permission = OrgPermission.MANAGE_GROUPS
    adding = AdminAction(
        "add",
        "Add a group",
        "Policies can refer to the group once it exists; members are added separately.",
        OrgPermission.MANAGE_GROUPS,
        _create,
        NewGroupForm,
    )
    commands = (
        AdminAction(
            "join",
            "Add a member",
            "A member may decide if a policy requires this group and a role permits it.",
            OrgPermission.MANAGE_GROUPS,
            add_member,
            JoinForm,
        ),
        AdminAction(
            "edit",
            "Change the record",
            "The slug cannot be changed, because policies refer to it.",
            OrgPermission.MANAGE_GROUPS,
            _update,
            GroupForm,
            initial=lambda row: {"name": row.name, "description": row.description},
        ),
    )

    list_display = ("name", "called", "members", "purpose")
    search_fields = ("name", "slug", "description")
    search_help_text = "Name, slug or description"
    ordering = ("name",)
    fieldsets = ((None, {"fields": ("name", "called", "purpose", "quorum", "created")}),)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        now = clock.now()
        holds = (
            Q(memberships__closed_at__isnull=True, memberships__valid_from__lte=now)
            & (Q(memberships__valid_until__isnull=True) | Q(memberships__valid_until__gt=now))
        )  # fmt: skip
        rows: QuerySet[Any] = super().get_queryset(request).annotate(held=Count("memberships", filter=holds))
        return rows

    @admin.display(description="slug", ordering="slug")
    def called(self, row: ReviewerGroup) -> Any:
        return formatting.code(row.slug)

    @admin.display(description="members now", ordering="held")
    def members(self, row: ReviewerGroup) -> int:
        return int(row.held)  # type: ignore[attr-defined]  # added to the row by the query or the list

    @admin.display(description="description")
    def purpose(self, row: ReviewerGroup) -> str:
        return row.description or formatting.NONE

    @admin.display(description="quorum")
    def quorum(self, row: ReviewerGroup) -> Any:
        """Whether the group has enough members for the open requests that need it."""
        short = requests_without_quorum(row.slug)
        if not short:
            return "enough members for every open request that requires it"
        return formatting.badge(f"too few members for {', '.join(str(request) for request in short)}", "bad")

    @admin.display(description="since")
    def created(self, row: ReviewerGroup) -> Any:
        return formatting.format_datetime(row.created_at)

    def panels(self, request: HttpRequest, row: ReviewerGroup) -> list[RelatedTable]:
        now = clock.now()
        memberships = selectors.current_memberships(group=row)
        grants = (
            access.current_grants()
            .filter(group=row)
            .exclude(model__deleted_at__isnull=False)
            .select_related("model")
            .order_by("model__slug", "role")
        )
        own = f"?group__id__exact={row.pk}"
        return [
            RelatedTable(
                "Members",
                ("Person", "Job title", "Span", "State", ""),
                [
                    (
                        formatting.admin_link(m.user),
                        m.user.title,
                        span_of(m),
                        state_of(m, now) if m.user.is_active else formatting.badge("Account deactivated", "none"),
                        formatting.admin_link(m, "Record"),
                    )
                    for m in memberships[:SHOWN]
                ],
                "No members: a request that requires this group cannot be approved.",
                ("All current and former members", reverse("admin:registry_membership_changelist") + own),
            ),
            RelatedTable(
                "Roles given to this group",
                ("Role", "On", "Since", ""),
                [
                    (g.role, where(g), formatting.format_datetime(g.opened_at), formatting.admin_link(g, "Record"))
                    for g in grants[:SHOWN]
                ],
                "No role: members can decide only with a role of their own.",
                ("All current and former roles", reverse("admin:registry_grant_changelist") + own),
            ),
        ]
