"""Commands: the only way anything changes here. A page with a form, a reason, and one service call."""

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
from governance.interfaces.admin.permissions import actor_of, standing_of
from registry.access import OrgPermission
from registry.exceptions import DomainError, PermissionDeniedError

if TYPE_CHECKING:
    from governance.interfaces.admin.base import AuditedModelAdmin


@dataclass(frozen=True)
class ActionResult:
    """What a command did: a sentence, the row whose page comes next, and what deserves a second look."""

    sentence: str
    row: Model
    warnings: tuple[str, ...] = ()
    secret: str = ""
    """What is shown on the answer to this request alone, and kept nowhere."""


def _always(row: Any) -> bool:
    return True


def _nothing(row: Any) -> Mapping[str, Any]:
    return {}


def _no_warning(row: Any) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class AdminAction:
    """One thing that can be done to a row, or, as `adding` of an admin class, to make one.

    `name` is its part of the address; `label` stands on the button; `says` tells what will happen. `run` takes the
    actor, the row (None where one is made) and the valid form, calls the service, and tells what was done; what the
    service refuses comes back into the form. `warns` gives what the reader should know before they go on.
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
    """Show a command's form, or carry it out. Raises PermissionDeniedError for whoever may not."""
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    standing_of(request).require(command.permission)
    if (asked := reauthentication.require_recent_password(request)) is not None:
        return asked
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
    request: HttpRequest, rooms: AuditedModelAdmin, command: AdminAction, done: ActionResult
) -> HttpResponse:
    """The answer that shows a secret: not a redirect, because a message waits in a cookie or a session."""
    context = {
        **rooms.context_of(request),
        "title": command.label,
        "done": done,
        "back": rooms.page_of(request, done.row),
    }
    response = render(request, "admin/shown_once.html", context)
    add_never_cache_headers(response)
    return response


def _show(
    request: HttpRequest,
    rooms: AuditedModelAdmin,
    command: AdminAction,
    row: Model | None,
    form: ReasonForm,
    *,
    refusal: DomainError | None = None,
) -> HttpResponse:
    context = {
        **rooms.context_of(request),
        "title": command.label if row is None else f"{command.label}: {rooms.name_of(row)}",
        "command": command,
        "form": form,
        "warnings": command.get_warnings(row) if row is not None else (),
        "refusal": refusal,
        "row": row,
        "row_name": rooms.name_of(row) if row is not None else "",
        "back": rooms.page_of(request, row) if row is not None else rooms.list_url(),
    }
    status = 403 if isinstance(refusal, PermissionDeniedError) else 400 if form.is_bound else 200
    return render(request, "admin/command.html", context, status=status)
