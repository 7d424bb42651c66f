"""Accounts: people and service accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from audit import clock
from audit.actor import Actor
from governance import selectors
from governance.gate.quorum import requests_without_quorum
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import ActionLink, AuditedModelAdmin, RelatedTable
from governance.interfaces.admin.commands import ActionResult, AdminAction
from governance.interfaces.admin.forms import ReasonForm
from governance.interfaces.admin.grants import where
from governance.interfaces.admin.memberships import span_of, state_of
from governance.interfaces.admin.people_filters import RoleFilter, StateFilter
from governance.interfaces.admin.people_forms import (
    AccountForm,
    DeactivateForm,
    HolderForm,
    LinkForm,
    NewAccountForm,
    PasswordForm,
    ReassignForm,
)
from governance.interfaces.admin.permissions import permissions_of
from governance.interfaces.admin.tokens import state_of as token_state_of
from governance.models import PromotionRequest
from governance.services import accounts
from registry import access
from registry import selectors as registry
from registry.access import OrgPermission
from registry.models import (
    AccountControl,
    Membership,
    RegisteredModel,
    User,
)
from registry.services import account_controls, handover, people, second_factors, signing_locks

SHOWN = 50
"""Maximum rows of each related table."""


def _hold(actor: Actor, row: User, form: HolderForm) -> ActionResult:
    given = form.cleaned_data
    account_controls.add_service_account_user(
        actor=actor,
        account=row,
        person=given["person"],
        owner=given["kind"] == AccountControl.Kind.OWNER,
        reason=given["reason"],
    )
    return ActionResult(f"{given['person']} is on record with {row}.", row)


def _release(actor: Actor, row: User, form: HolderForm) -> ActionResult:
    given = form.cleaned_data
    account_controls.remove_service_account_user(
        actor=actor,
        account=row,
        person=given["person"],
        owner=given["kind"] == AccountControl.Kind.OWNER,
        reason=given["reason"],
    )
    return ActionResult(f"{given['person']} no longer owns or uses {row}.", row)


def _register(actor: Actor, row: None, form: NewAccountForm) -> ActionResult:
    given = form.cleaned_data
    made = people.register_person(
        actor=actor,
        username=given["username"],
        name=given["name"],
        title=given["title"],
        email=given["email"],
        kind=given["kind"],
        password=given["password"] or None,
        reason=given["reason"],
    )
    return ActionResult(f"The account of {made.name} is created. Roles and groups are assigned separately.", made)


def _update(actor: Actor, row: User, form: AccountForm) -> ActionResult:
    given = form.cleaned_data
    changed = accounts.update_person(
        actor=actor,
        person=row,
        name=given["name"],
        title=given["title"],
        email=given["email"],
        reason=given["reason"],
    )
    same = (row.name, row.title, row.email) == (changed.name, changed.title, changed.email)
    return ActionResult("Nothing was changed." if same else f"{changed.name}: the record is updated.", row)


def _set_password(actor: Actor, row: User, form: PasswordForm) -> ActionResult:
    accounts.set_password(
        actor=actor, person=row, password=form.cleaned_data["password"], reason=form.cleaned_data["reason"]
    )
    return ActionResult(
        f"{row.name} has a new password, which signs nothing until they replace it by a sign-in link; wherever they "
        "were signed in, they are signed out.",
        row,
    )


def _issue_link(actor: Actor, row: User, form: LinkForm) -> ActionResult:
    given = form.cleaned_data
    _, secret = accounts.issue_link(actor=actor, person=row, way=given["way"], reason=given["reason"])
    if secret is None:
        return ActionResult(f"A link to set a password is mailed to {row.name}.", row)
    return ActionResult(
        f"Hand this link to {row.name}: it is shown this once, works once, and for a day. That it was shown to you is "
        "on record; the account does not approve what you ask for (SoD-7).",
        row,
        secret=accounts.address_of_link(secret),
    )


def _unlock(actor: Actor, row: User, form: ReasonForm) -> ActionResult:
    signing_locks.unlock(actor=actor, person=row, reason=form.cleaned_data["reason"])
    return ActionResult(f"{row.name} can sign again.", row)


def _reset_second_factor(actor: Actor, row: User, form: ReasonForm) -> ActionResult:
    second_factors.reset(actor=actor, person=row, reason=form.cleaned_data["reason"])
    return ActionResult(f"{row.name} has no second factor any more.", row)


def _deactivate(actor: Actor, row: User, form: DeactivateForm) -> ActionResult:
    given = form.cleaned_data
    to = given["reassign_to"]
    done = handover.deactivate(actor=actor, person=row, reason=given["reason"], reassign_to=to)
    groups = Membership.effective(clock.now()).filter(user=row).values_list("group__slug", flat=True)
    passed = f" {_passed(done)} now with {to}." if done is not None and done.count else ""
    left = selectors.leaving(row).sentences
    return ActionResult(f"{row.name}: the account is deactivated.{passed}", row, (*_short_groups(groups, None), *left))


def _reassign(actor: Actor, row: User, form: ReassignForm) -> ActionResult:
    given = form.cleaned_data
    done = handover.reassign(actor=actor, person=row, to=given["to"], reason=given["reason"])
    if not done.count:
        return ActionResult(f"{row.name} has no responsibilities; nothing was changed.", row)
    return ActionResult(f"{_passed(done)} now with {given['to']}.", row)


def _passed(done: handover.Handover) -> str:
    parts = [
        f"{len(done.owned)} owned model{'s' if len(done.owned) != 1 else ''}" if done.owned else "",
        f"{len(done.accountable)} as accountable executive" if done.accountable else "",
        f"{len(done.service_accounts)} service account{'s' if len(done.service_accounts) != 1 else ''}"
        if done.service_accounts
        else "",
    ]
    return "Reassigned: " + ", ".join(part for part in parts if part) + ","


def _reactivate(actor: Actor, row: User, form: ReasonForm) -> ActionResult:
    people.reactivate(actor=actor, person=row, reason=form.cleaned_data["reason"])
    return ActionResult(f"{row.name}: the account is reactivated, with the roles it had.", row)


def _before_deactivating(row: User) -> Sequence[str]:
    groups = Membership.effective(clock.now()).filter(user=row).values_list("group__slug", flat=True)
    return [*selectors.leaving(row).sentences, *_short_groups(groups, row)]


def _before_reassigning(row: User) -> Sequence[str]:
    found = selectors.leaving(row)
    return found.sentences if found.is_responsible else [f"{row.name} has no responsibilities."]


def _short_groups(groups: Any, leaving: User | None) -> list[str]:
    return [
        f"Without them, {slug} can no longer give the approvals that these open requests need: "
        f"{', '.join(str(request) for request in short)}. Add a member, withdraw the requests and open them again: "
        "members count for requests opened after they joined."
        for slug in groups
        if (short := requests_without_quorum(slug, leaving=leaving))
    ]


def _model(model: RegisteredModel) -> Any:
    return formatting.page_link(reverse("web:model", args=[model.slug]), model.slug)


def _request(request: PromotionRequest) -> Any:
    words = f"#{request.pk} {request.model.slug} v{request.version.number} → {request.target_name}"
    return formatting.page_link(reverse("web:promotion", args=[request.pk]), words)


class UserAdmin(AuditedModelAdmin):
    """People and service accounts."""

    section, position, icon = "People and access", 1, "user"
    singular, plural = "account", "accounts"
    about = "People who sign in, and service accounts of machines."
    object_type = "person"
    change_permission = OrgPermission.MANAGE_PEOPLE
    adding = AdminAction(
        "add",
        "Add an account",
        "An account can be used to sign in. Permissions are assigned as roles.",
        OrgPermission.MANAGE_PEOPLE,
        _register,
        NewAccountForm,
    )
    commands = (
        AdminAction(
            "edit",
            "Change the record",
            "The audit log keeps the earlier values; the person's id does not change.",
            OrgPermission.MANAGE_PEOPLE,
            _update,
            AccountForm,
            initial=lambda row: {"name": row.name, "title": row.title, "email": row.email},
        ),
        AdminAction(
            "password",
            "Set a password",
            "The old password stops working, every open session ends, and the new one signs nothing until replaced.",
            OrgPermission.MANAGE_PEOPLE,
            _set_password,
            PasswordForm,
            is_available=lambda row: row.kind == User.Kind.PERSON,
        ),
        AdminAction(
            "link",
            "Issue a sign-in link",
            "With the link the holder sets their own password, once, within a day. An earlier link becomes invalid.",
            OrgPermission.MANAGE_PEOPLE,
            _issue_link,
            LinkForm,
            is_available=lambda row: row.kind == User.Kind.PERSON and row.is_active,
        ),
        AdminAction(
            "unlock",
            "Unlock signing",
            "The account signs again. It was locked after repeated wrong passwords or codes; the audit log has each.",
            OrgPermission.MANAGE_PEOPLE,
            _unlock,
            is_available=signing_locks.is_locked,
        ),
        AdminAction(
            "second-factor",
            "Reset the second factor",
            "Device and recovery codes are lost: the person enrols again. Their password still protects the account.",
            OrgPermission.MANAGE_PEOPLE,
            _reset_second_factor,
            is_available=lambda row: second_factors.current(row) is not None,
            is_destructive=True,
        ),
        AdminAction(
            "holder",
            "Record an owner or user",
            "Owners and users of a service account cannot approve what it registers, adds or requests.",
            OrgPermission.MANAGE_PEOPLE,
            _hold,
            HolderForm,
            is_available=lambda row: row.kind == User.Kind.SERVICE,
        ),
        AdminAction(
            "release",
            "End an owner or user",
            "The person stays excluded from approving earlier actions of the account, not later ones.",
            OrgPermission.MANAGE_PEOPLE,
            _release,
            HolderForm,
            is_available=lambda row: row.kind == User.Kind.SERVICE,
        ),
        AdminAction(
            "deactivate",
            "Deactivate",
            "The account can no longer sign in, use tokens or decide. Roles, memberships and past actions are kept.",
            OrgPermission.MANAGE_PEOPLE,
            _deactivate,
            DeactivateForm,
            is_available=lambda row: row.is_active,
            get_warnings=_before_deactivating,
            is_destructive=True,
        ),
        AdminAction(
            "reassign",
            "Reassign responsibilities",
            "Models and service accounts that this account owns or is accountable for get another person.",
            OrgPermission.MANAGE_PEOPLE,
            _reassign,
            ReassignForm,
            is_available=lambda row: row.kind == User.Kind.PERSON,
            get_warnings=_before_reassigning,
        ),
        AdminAction(
            "reactivate",
            "Reactivate",
            "The account is active again, with the roles and memberships that have not ended.",
            OrgPermission.MANAGE_PEOPLE,
            _reactivate,
            is_available=lambda row: not row.is_active,
        ),
    )

    list_display = ("name", "user_name", "kind", "title", "address", "roles", "state")
    list_filter = ("kind", StateFilter, RoleFilter)
    search_fields = ("name", "username", "email", "title", "=uid")
    search_help_text = "Name, user name, e-mail address, job title, or the id the log uses (usr_…)"
    ordering = ("name", "pk")
    fieldsets = (
        (None, {"fields": ("name", "user_name", "kind", "title", "address")}),
        ("Status", {"fields": ("state", "administers", "created", "known_as")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        everywhere = access.current_grants().filter(model__isnull=True).order_by("role")
        return super().get_queryset(request).prefetch_related(Prefetch("grants", everywhere, to_attr="roles_held"))

    @admin.display(description="user name", ordering="username")
    def user_name(self, row: User) -> str:
        return row.username

    @admin.display(description="e-mail address", ordering="email")
    def address(self, row: User) -> str:
        return row.email or formatting.NONE

    @admin.display(description="roles")
    def roles(self, row: User) -> Any:
        """The organisation roles of the person; roles of their groups are shown on the record."""
        return formatting.tags(grant.role for grant in row.roles_held)  # type: ignore[attr-defined]  # added to the row by the query or the list

    @admin.display(description="state", ordering="is_active")
    def state(self, row: User) -> Any:
        return formatting.badge("Active", "ok") if row.is_active else formatting.badge("Deactivated", "none")

    @admin.display(description="superuser")
    def administers(self, row: User) -> str:
        return "yes: administers, and satisfies no approval (SoD-4)" if row.is_superuser else "no"

    @admin.display(description="since")
    def created(self, row: User) -> Any:
        return formatting.format_datetime(row.created_at)

    @admin.display(description="in the log as")
    def known_as(self, row: User) -> Any:
        return formatting.code(row.uid)

    def links(self, request: HttpRequest, row: User) -> list[ActionLink]:
        if not permissions_of(request).may(OrgPermission.READ_AUDIT):
            return []
        return [ActionLink("What they did", f"{reverse('web:audit')}?actor={row.uid}")]

    def panels(self, request: HttpRequest, row: User) -> list[RelatedTable]:
        now = clock.now()
        grants = (
            access.current_grants()
            .filter(user=row)
            .exclude(model__deleted_at__isnull=False)
            .select_related("model")
            .order_by("model__slug", "role")
        )
        memberships = registry.current_memberships(user=row)
        tokens = registry.tokens_of(row)
        mine = f"?user__id__exact={row.pk}"
        controls = registry.controls_of(row)
        left = selectors.leaving(row)
        return [
            RelatedTable(
                "Responsible for",
                ("What", "As"),
                [
                    *((_model(m), "owner") for m in left.owned[:SHOWN]),
                    *((_model(m), "accountable executive") for m in left.accountable[:SHOWN]),
                    *(
                        (formatting.admin_link(account), "owner of the service account")
                        for account in left.service_accounts[:SHOWN]
                    ),
                ],
                "Owns no model and no service account.",
            ),
            RelatedTable(
                "Requests that involve this account",
                ("Request", "Waits for"),
                [
                    *((_request(r), "their decision") for r in left.waiting[:SHOWN]),
                    *((_request(r), "what its policy requires; they opened it") for r in left.requested[:SHOWN]),
                ],
                "No open request waits for this account or was opened by it.",
            ),
            RelatedTable(
                "Role assignments",
                ("Role", "On", "Since", ""),
                [
                    (g.role, where(g), formatting.format_datetime(g.opened_at), formatting.admin_link(g, "Record"))
                    for g in grants[:SHOWN]
                ],
                "No role is assigned to this account itself.",
                ("All current and former roles", reverse("admin:registry_grant_changelist") + mine),
            ),
            RelatedTable(
                "Reviewer groups",
                ("Group", "Span", "State", ""),
                [
                    (
                        formatting.admin_link(m.group, m.group.name),
                        span_of(m),
                        state_of(m, now),
                        formatting.admin_link(m, "Record"),
                    )
                    for m in memberships[:SHOWN]
                ],
                "In no reviewer group.",
                ("All current and former memberships", reverse("admin:registry_membership_changelist") + mine),
            ),
            RelatedTable(
                "Who could act as this account",
                ("Person", "How", "Since", "Until"),
                [
                    (
                        formatting.admin_link(c.person),
                        f"{c.get_kind_display()}: {c.token}" if c.token is not None else c.get_kind_display(),
                        formatting.format_datetime(c.opened_at),
                        formatting.format_datetime(c.closed_at) if c.closed_at is not None else formatting.NONE,
                    )
                    for c in controls.order_by("-opened_at", "-pk")[:SHOWN]
                ],
                "Only its holder, as far as is recorded.",
            ),
            RelatedTable(
                "Access tokens",
                ("Token", "Scopes", "Expires", "State"),
                [
                    (
                        formatting.admin_link(t),
                        formatting.tags(t.scopes),
                        formatting.format_datetime(t.expires_at),
                        token_state_of(t, now),
                    )
                    for t in tokens[:SHOWN]
                ],
                "No token was ever issued for this account.",
                ("All its tokens", f"{reverse('admin:registry_accesstoken_changelist')}?person__id__exact={row.pk}"),
            ),
        ]  # fmt: skip
