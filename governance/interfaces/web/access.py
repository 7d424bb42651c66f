"""The access page of a model: permissions with their reasons, and granting and revoking roles."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from governance import selectors as gate
from governance.interfaces.html.event_labels import PROCESSES
from governance.interfaces.html.forms import DayField, PageForm
from governance.interfaces.html.labels import RIGHTS, ROLES_IN_WORDS
from governance.interfaces.web.access_requests import end_of
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.selectors import rights as request_rights
from registry import access, selectors
from registry.access import EffectivePermissions, Explanation, GrantPath, OrgPermission, Permission
from registry.exceptions import DomainError, FieldError, NotFoundError, PermissionDeniedError, ValidationFailedError
from registry.models import RegisteredModel, User
from registry.services import access_requests

LATEST = datetime.max.replace(year=9998, tzinfo=UTC)
SHORT = {"view": Permission.VIEW, "register": Permission.REGISTER_VERSION, "edit": Permission.EDIT}
SHORT |= {"request": Permission.REQUEST_PROMOTION, "decide": Permission.DECIDE, "grant": Permission.GRANT_ROLE}
"""Names of permissions in URLs."""


class GrantRoleForm(PageForm):
    """The role, its holder, its end and the reason."""

    role = forms.ChoiceField(
        choices=[(str(role), f"{role.capitalize()}: {ROLES_IN_WORDS[role]}") for role in access_requests.ROLES],
        widget=forms.RadioSelect,
    )
    subject = forms.CharField(
        label="To",
        max_length=150,
        help_text="User name of a person or service account, or the slug of a reviewer group.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    until = DayField(
        label="Until",
        required=False,
        help_text="The role ends automatically after that day. Empty: no end.",
    )
    reason = forms.CharField(label="Reason", max_length=5_000, help_text="Recorded with the event.")
    pointers = {"/expires_at": "until"}  # noqa: RUF012 (a table, never changed)


@dataclass(frozen=True)
class GrantPathStep:
    """One path of an explanation, with the names and events the page shows."""

    path: GrantPath
    given_by: str
    given_event: uuid.UUID | None
    added_by: str
    added_event: uuid.UUID | None


@dataclass(frozen=True)
class Cell:
    """One permission of one person."""

    heading: str
    explanation: Explanation
    steps: tuple[GrantPathStep, ...]


@dataclass(frozen=True)
class PersonRow:
    """One person of the permission matrix."""

    person: User
    cells: tuple[Cell, ...]


@page_view()
def model_access(request: PageRequest, slug: str) -> HttpResponse:
    """Show the access page: the matrix for users who may read it, otherwise the user's own permissions."""
    return _shown(request, selectors.model(request.actor, slug))


def _shown(
    request: PageRequest, model: RegisteredModel, *, form: GrantRoleForm | None = None, status: int = 200
) -> HttpResponse:
    reads = selectors.can_list_permissions(request.actor, model)
    username = request.GET.get("person", "").strip()
    if username and username != request.person.username and not reads:
        selectors.require_reading_rights(request.actor, model)
    holders = access.effective_permissions_on(model) if reads else []
    own = access.effective_permissions_of(request.person, model)
    writing = _Writing(request, [*holders, own], whole=_whole(request))
    gives = bool(access.check_permission(request.actor, Permission.GRANT_ROLE, model))
    grants = access.current_grants().filter(model=model).select_related("user", "group")
    context: dict[str, Any] = {
        "model": model,
        "reads": reads,
        "gives": gives,
        "headings": list(RIGHTS.values()),
        "lines": [writing.line(rights) for rights in holders],
        "own": writing.line(own),
        "worries": request_rights.warnings_on(model, holders) if reads else [],
        "grants": [(g, writing.name(g.granted_by)) for g in grants.order_by("role", "user__name", "group__name", "pk")]
        if reads
        else [],
        "form": form or GrantRoleForm(),
        "givers": list(access.users_who_can_grant(model, request.person)[:8]),
        "check": _check(request, model, username) if username else None,
        "checked": {
            "person": username,
            "right": request.GET.get("right", "decide"),
            "number": request.GET.get("number", ""),
        },
        "rights": [(short, RIGHTS[permission][1]) for short, permission in SHORT.items()],
    }
    return render_page(request, "access/model.html", context, status=status)


def _whole(request: PageRequest) -> bool:
    return bool(access.check_org_permission(request.actor, OrgPermission.READ_AUDIT))


class _Writing:
    """Builds the rows of the page from explanations. Names and events are queried once for all of them."""

    def __init__(self, request: PageRequest, rights: Iterable[EffectivePermissions], *, whole: bool) -> None:
        explanations = [e for r in rights for e in r.by_permission.values()]
        self._origins = request_rights.origins(explanations)
        self._whole = whole
        uids = {o.actor for o in self._origins.values()}
        uids |= {p.grant.granted_by for e in explanations for p in e.paths if p.grant is not None}
        self._people = selectors.account_names(uids)

    def line(self, rights: EffectivePermissions) -> PersonRow:
        return PersonRow(rights.person, tuple(self.cell(rights.by_permission[each]) for each in RIGHTS))

    def cell(self, explanation: Explanation) -> Cell:
        heading = RIGHTS[explanation.permission][0]
        return Cell(heading, explanation, tuple(self._step(path) for path in explanation.paths))

    def name(self, actor: str) -> str:
        if actor in self._people:
            return self._people[actor]
        return PROCESSES.get(actor, actor)

    def _step(self, path: GrantPath) -> GrantPathStep:
        given = self._origins.get(path.grant.uid) if path.grant is not None else None
        added = self._origins.get(path.membership.uid) if path.membership is not None else None
        # Events of groups and of the organisation need READ_AUDIT; events of the model are visible to its readers.
        opens = self._whole or not path.everywhere
        return GrantPathStep(
            path,
            self.name(given.actor) if given else "",
            given.event if given and opens else None,
            self.name(added.actor) if added else "",
            added.event if added and self._whole else None,
        )


@dataclass(frozen=True)
class PermissionCheck:
    """The result of a permission check, for the model or for one request."""

    person: User
    cell: Cell
    doing: str
    on_request: request_rights.OnRequest | None
    givers: tuple[User, ...]

    @property
    def allowed(self) -> bool:
        return self.on_request.allowed if self.on_request is not None else self.cell.explanation.allowed


def _check(request: PageRequest, model: RegisteredModel, name: str) -> PermissionCheck | str:
    """Return the result of the check, or a message about the invalid input."""
    person = selectors.account_by_username(name)
    if person is None:
        return f"There is no account with the user name “{name}”."
    number = request.GET.get("number", "").strip().lstrip("#")
    on_request = None
    permission = SHORT.get(request.GET.get("right", "decide"), Permission.DECIDE)
    if number:
        if not number.isdecimal() or len(number) > 9:
            return "Enter the number of a promotion request, such as #128."
        try:
            found = gate.get_request(request.actor, int(number))
        except NotFoundError as refusal:
            return refusal.detail
        if found.model_id != model.pk:
            return f"#{number} is a request for another model."
        permission = Permission.DECIDE
        on_request = request_rights.on_request(person, found)
    explanation = access.explain(person, permission, model)
    rights = EffectivePermissions(person, {permission: explanation})
    cell = _Writing(request, [rights], whole=_whole(request)).cell(explanation)
    givers = () if explanation.paths else tuple(access.users_who_can_grant(model, person)[:5])
    doing = f"decide on #{number}" if on_request is not None else f"{RIGHTS[permission][1]} {model.slug}"
    if on_request is None:
        doing = RIGHTS[permission][1]
    return PermissionCheck(person, cell, doing, on_request, givers)


@page_view("POST")
def give_role(request: PageRequest, slug: str) -> HttpResponse:
    """Grant a role on the model."""
    model = selectors.model(request.actor, slug)
    access.require_permission(request.actor, Permission.GRANT_ROLE, model)
    form = GrantRoleForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = access.grant_role(
                actor=request.actor,
                role=given["role"],
                model=model,
                reason=given["reason"],
                expires_at=end_of(given["until"], LATEST) if given["until"] else None,
                **_subject(given["subject"].strip()),
            )
        except PermissionDeniedError as refusal:
            if refusal.code != "self_grant":
                raise
            form.take_refusal(refusal)
        except DomainError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, f"{made.user or made.group} is {made.role} on {model.slug} now.")
            return redirect("web:model-access", model.slug)
    return _shown(request, model, form=form, status=400)


def _subject(name: str) -> dict[str, Any]:
    """Resolve the holder. User names and slugs share one field, so a name that is both is rejected."""
    user = selectors.account_by_username(name)
    group = selectors.reviewer_group(name)
    if user is not None and group is not None:
        raise ValidationFailedError(
            [
                FieldError(
                    "/subject",
                    "ambiguous",
                    f"“{name}” is both a person and a group: ask an administrator to assign the role.",
                )
            ]
        )
    if user is None and group is None:
        raise ValidationFailedError(
            [FieldError("/subject", "unknown_subject", f"There is no account and no group with the name “{name}”.")]
        )
    return {"user": user, "group": group}


@page_view("POST")
def revoke_role(request: PageRequest, slug: str, grant_id: uuid.UUID) -> HttpResponse:
    """Revoke a role on the model."""
    model = selectors.model(request.actor, slug)
    access.require_permission(request.actor, Permission.GRANT_ROLE, model)
    grant = access.grant_on(model, grant_id)
    if grant is None:
        raise NotFoundError("There is no such grant on this model.")
    access.revoke_role(actor=request.actor, grant=grant, reason=request.POST.get("reason", ""))
    messages.success(request, f"{grant.user or grant.group} is no longer {grant.role} by that grant.")
    return redirect("web:model-access", model.slug)
