"""Admin actions: a page with a form, a reason, and one service call. No other code changes data here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers

from audit.actor import Actor
from governance.interfaces.admin import reauthentication
from governance.interfaces.admin.forms import ReasonForm
from governance.interfaces.admin.permissions import actor_of, permissions_of
from registry.access import OrgPermission
from registry.exceptions import DomainError, PermissionDeniedError

if TYPE_CHECKING:
    from governance.interfaces.admin.base import AuditedModelAdmin


@dataclass(frozen=True)
class ActionResult:
    """The result of an action: a message, the row to show next, and warnings."""

    sentence: str
    row: Model
    warnings: tuple[str, ...] = ()
    secret: str = ""
    """Shown in the response to this request only, and not stored."""


def _always(row: Any) -> bool:
    return True


def _nothing(row: Any) -> Mapping[str, Any]:
    return {}


def _no_warning(row: Any) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class AdminAction:
    """An action on a row, or, as `adding` of a model admin, the action that creates one.

    Args:
        name: its part of the URL.
        label: text of the button.
        help_text: describes the effect.
        permission: required organisation permission.
        run: takes the actor, the row (None if one is created) and the valid form, and calls the service. Domain
            errors are shown in the form.
        form: form class.
        is_available: whether the action applies to a row.
        initial: initial form data for a row.
        get_warnings: warnings shown before the action.
        is_destructive: shown as a destructive action.
    """

    name: str
    label: str
    help_text: str
    permission: OrgPermission
    run: Callable[[Actor, Any, Any], ActionResult]
    form: type[ReasonForm] = ReasonForm
    is_available: Callable[[Any], bool] = field(default=_always)
    initial: Callable[[Any], Mapping[str, Any]] = field(default=_nothing)
    get_warnings: Callable[[Any], Sequence[str]] = field(default=_no_warning)
    is_destructive: bool = False


def action_view(
    request: HttpRequest, model_admin: AuditedModelAdmin, command: AdminAction, row: Model | None = None
) -> HttpResponse:
    """Show the form of an action, or run it.

    Args:
        request: GET shows the form, POST runs the action.
        model_admin: the model admin of the row.
        command: the action.
        row: the record; None if one is created.

    Returns:
        The form page, the page with a one-time secret, or a redirect to the record.

    Raises:
        PermissionDeniedError: the user lacks the permission of the action.
    """
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    permissions_of(request).require(command.permission)
    if (confirmation := reauthentication.require_recent_password(request)) is not None:
        return confirmation
    actor = actor_of(request)
    if request.method != "POST":
        form = command.form(actor=actor, row=row, initial=dict(command.initial(row)))
        return _show(request, model_admin, command, row, form)
    form = command.form(request.POST, actor=actor, row=row)
    if form.is_valid():
        try:
            done = command.run(actor, row, form)
        except DomainError as refusal:
            form.take_refusal(refusal)
            return _show(request, model_admin, command, row, form, refusal=refusal)
        if done.secret:
            return _show_once(request, model_admin, command, done)
        messages.success(request, done.sentence)
        for warning in done.warnings:
            messages.warning(request, warning)
        return redirect(model_admin.page_of(request, done.row))
    return _show(request, model_admin, command, row, form)


def _show_once(
    request: HttpRequest, model_admin: AuditedModelAdmin, command: AdminAction, done: ActionResult
) -> HttpResponse:
    """Show a secret once. Not by redirect: a message would be stored in a cookie or session."""
    context = {
        **model_admin.context_of(request),
        "title": command.label,
        "done": done,
        "back": model_admin.page_of(request, done.row),
    }
    response = render(request, "admin/shown_once.html", context)
    add_never_cache_headers(response)
    return response


def _show(
    request: HttpRequest,
    model_admin: AuditedModelAdmin,
    command: AdminAction,
    row: Model | None,
    form: ReasonForm,
    *,
    refusal: DomainError | None = None,
) -> HttpResponse:
    context = {
        **model_admin.context_of(request),
        "title": command.label if row is None else f"{command.label}: {model_admin.name_of(row)}",
        "command": command,
        "form": form,
        "warnings": command.get_warnings(row) if row is not None else (),
        "refusal": refusal,
        "row": row,
        "row_name": model_admin.name_of(row) if row is not None else "",
        "back": model_admin.page_of(request, row) if row is not None else model_admin.list_url(),
    }
    status = 403 if isinstance(refusal, PermissionDeniedError) else 400 if form.is_bound else 200
    return render(request, "admin/command.html", context, status=status)
