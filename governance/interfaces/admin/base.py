"""Base class of the model admins: read-only pages, changes by `AdminAction` only, no deletion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, update_wrapper
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, quote, unquote
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import URLPattern, path, reverse

from audit import selectors as log
from audit.recorder import ObjectRef
from governance.interfaces.admin.commands import AdminAction, action_view
from governance.interfaces.admin.history import entries_of
from governance.interfaces.admin.permissions import actor_of, permissions_of
from registry import access
from registry.access import OrgPermission
from registry.exceptions import NotFoundError, PermissionDeniedError

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
else:
    _ModelAdmin = admin.ModelAdmin

READS = ("GET", "HEAD")
HISTORY_PAGE = 50


@dataclass(frozen=True)
class RelatedTable:
    """A table of related rows below a record. Cells are text or safe HTML; `more` is a link text and its URL."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    empty: str
    more: tuple[str, str] | None = None


@dataclass(frozen=True)
class ActionLink:
    """A link or button on a record's page."""

    label: str
    url: str
    grave: bool = False


class AuditedModelAdmin(_ModelAdmin):
    """Base class of all model admins.

    A record's page is read-only and accepts no POST. Changes are made by an `AdminAction` with a reason, through the
    service that the pages and the API use. There is no direct save, no deletion and no bulk action. The history is that
    of the audit log.
    """

    section: ClassVar[str]
    singular: ClassVar[str]
    plural: ClassVar[str]
    about: ClassVar[str] = ""
    icon: ClassVar[str] = "list"
    position: ClassVar[int] = 0

    object_type: ClassVar[str] = ""
    """Type of such a row in the audit log; empty if it has no history of its own."""
    view_permission: ClassVar[OrgPermission | None] = None
    """Permission to view; None: everyone with access to the site."""
    change_permission: ClassVar[OrgPermission | None] = None
    """Permission to change; None: no one changes it here."""
    model_path: ClassVar[str] = ""
    """Lookup path to the registered model; rows of models that the user may not see are left out."""
    adding: ClassVar[AdminAction | None] = None
    commands: ClassVar[tuple[AdminAction, ...]] = ()

    actions = None
    show_facets = admin.ShowFacets.ALLOW
    list_per_page = 50
    list_max_show_all = 0
    view_on_site = False
    empty_value_display = "–"

    # --- who may ---

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        permissions = permissions_of(request)
        return permissions.has_site_access and (
            self.view_permission is None or bool(permissions.may(self.view_permission))
        )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.adding is not None and bool(permissions_of(request).may(self.adding.permission))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.change_permission is not None and bool(permissions_of(request).may(self.change_permission))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Always False: governed rows are closed by an event and never deleted."""
        return False

    def _require_view(self, request: HttpRequest) -> None:
        if self.view_permission is not None:
            permissions_of(request).require(self.view_permission)

    # --- what is there ---

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows the user may see."""
        rows = super().get_queryset(request)
        if not self.model_path:
            return rows
        visible = access.visible_models(actor_of(request)).values("pk")
        seen = Q(**{f"{self.model_path}__in": visible})
        if self.model_path != "pk" and self.opts.get_field(self.model_path.partition("__")[0]).null:
            seen |= Q(**{f"{self.model_path}__isnull": True})
        return rows.filter(seen)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return flatten_fieldsets(self.get_fieldsets(request, obj))

    def name_of(self, row: Any) -> str:
        """The name of the row in headings."""
        return str(row)

    def panels(self, request: HttpRequest, row: Any) -> Sequence[RelatedTable]:
        """Tables of related rows."""
        return ()

    def links(self, request: HttpRequest, row: Any) -> Sequence[ActionLink]:
        """Links to the record outside the admin site."""
        return ()

    def list_links(self, request: HttpRequest) -> Sequence[ActionLink]:
        """Links to the same list outside the admin site."""
        return ()

    # --- pages ---

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the list. POST is not allowed: there are no bulk actions."""
        if request.method not in READS:
            return HttpResponseNotAllowed(READS)
        self._require_view(request)
        added = self.adding if self.has_add_permission(request) else None
        context = {
            **self._words(),
            "title": self._plural(),
            "adding": added,
            "list_links": self.list_links(request),
            **(extra_context or {}),
        }
        return super().changelist_view(request, context)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None) -> Any:
        """Create a row with the `adding` action. Raises PermissionDeniedError."""
        if self.adding is None:
            self._require_view(request)
            raise PermissionDeniedError(
                f"No {self.singular} can be added here: {self._made_elsewhere()}", code="not_added_here"
            )
        return action_view(request, self, self.adding)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Show a record: read-only fields, related rows and available actions."""
        if request.method not in READS:
            return HttpResponseNotAllowed(READS)
        self._require_view(request)
        row = self._found(request, object_id)
        context = {
            **self._words(),
            "title": self.name_of(row),
            "row_name": self.name_of(row),
            "buttons": self._buttons(request, row),
            "links": self.links(request, row),
            "panels": self.panels(request, row),
            "history_url": self._url("history", row) if self.object_type else "",
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> Any:
        """Always raises PermissionDeniedError."""
        self._require_view(request)
        raise PermissionDeniedError(
            "Records are never deleted. Deactivate, revoke or end the record instead.",
            code="never_deleted",
        )

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the audit events of the record."""
        if request.method not in READS:
            return HttpResponseNotAllowed(READS)
        self._require_view(request)
        row = self._found(request, object_id)
        events = log.events_for_object(self.object_ref(row)) if self.object_type else log.no_events()
        whole = bool(permissions_of(request).may(OrgPermission.READ_AUDIT))
        if not whole and not self.has_change_permission(request):
            events = events.filter(stream_id__startswith="model:")
        page = Paginator(events, HISTORY_PAGE).get_page(request.GET.get("p"))
        context = {
            **self.context_of(request),
            "title": f"History: {self.name_of(row)}",
            "entries": entries_of(actor_of(request), list(page.object_list)),
            "page": page,
            "whole": whole,
            "row_name": self.name_of(row),
            "back": self._url("change", row),
        }
        return render(request, "admin/object_history.html", context)

    def command_view(self, request: HttpRequest, object_id: str, command: AdminAction) -> HttpResponse:
        """Run an action on a record."""
        self._require_view(request)
        return action_view(request, self, command, self._found(request, object_id))

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{command.name}/",
                self.admin_site.admin_view(_named(partial(self.command_view, command=command), self.command_view)),
                name=self._route(command.name),
            )
            for command in self.commands
        ]
        return [*own, *super().get_urls()]

    # --- addresses and words ---

    def object_ref(self, row: Any) -> ObjectRef:
        """The row's reference in the audit log."""
        return ObjectRef(self.object_type, str(row.uid))

    def page_of(self, request: HttpRequest, row: Any) -> str:
        """The URL of a record's page; the row may belong to another model admin."""
        opts = row._meta
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[quote(row.pk)])

    def list_url(self, query: str = "") -> str:
        """The URL of the list."""
        return reverse(f"admin:{self._route('changelist')}") + query

    def context_of(self, request: HttpRequest) -> dict[str, Any]:
        """Template context of every page of this model admin."""
        return {**self.admin_site.each_context(request), "opts": self.opts, **self._words()}

    def _words(self) -> dict[str, Any]:
        return {"singular": self.singular, "plural": self._plural(), "about": self.about, "list_url": self.list_url()}

    def _plural(self) -> str:
        return self.plural[:1].upper() + self.plural[1:]

    def _made_elsewhere(self) -> str:
        return "it is created by actions on the pages and through the API."

    def _buttons(self, request: HttpRequest, row: Any) -> list[ActionLink]:
        return [
            ActionLink(command.label, self._url(command.name, row), command.is_destructive)
            for command in self.commands
            if command.is_available(row) and permissions_of(request).may(command.permission)
        ]

    def _found(self, request: HttpRequest, object_id: str) -> Any:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise NotFoundError(f"There is no {self.singular} at this URL that you may see.")
        return row

    def _route(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def _url(self, name: str, row: Any) -> str:
        return reverse(f"admin:{self._route(name)}", args=[quote(row.pk)])

    # --- what Django would do by itself, and never does here ---

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Always raises: rows change through a service that records an event."""
        raise PermissionDeniedError(
            "Records are changed only by actions that record an event: use the record's actions.", code="no_bare_save"
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Always raises."""
        raise PermissionDeniedError("Records are never deleted.", code="never_deleted")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Always raises."""
        raise PermissionDeniedError("Records are never deleted.", code="never_deleted")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Disabled: the audit log has it; Django's log is not used."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Disabled: the audit log has it; Django's log is not used."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Disabled: the audit log has it; Django's log is not used."""


def _named(view: Callable[..., HttpResponse], after: Callable[..., Any]) -> Callable[..., HttpResponse]:
    return update_wrapper(view, after)
