"""The audit log as an admin list. The audit page has more functions, including verification."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import redirect
from django.urls import reverse

from audit import actions, clock
from audit.models import Event
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import READS, ActionLink, AuditedModelAdmin
from governance.interfaces.admin.permissions import actor_of
from governance.interfaces.html.event_labels import lines_of
from registry import selectors
from registry.access import OrgPermission

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

MAX_COUNTED = 10_000
"""Maximum number of events that the list counts and pages through. The audit page has no such limit."""


class ApproximateCounter(_Paginator):
    """Counts at most `MAX_COUNTED` rows: counting a log of millions of rows is slow."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:MAX_COUNTED].count())


class EventList(ChangeList):
    """Resolves the names of all people on a page at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        events = list(self.result_list)
        for event, line in zip(events, lines_of(actor_of(request), events), strict=True):
            event.line = line
        self.result_list = events


class ActionFilter(admin.SimpleListFilter):
    """Filter by action."""

    title = "what happened"
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(action), str(action)) for action in actions.all_actions()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        return queryset.filter(action=self.value()) if actions.is_registered(self.value() or "") else queryset


class SinceFilter(admin.SimpleListFilter):
    """Filter by time."""

    title = "time"
    parameter_name = "since"
    days: ClassVar[dict[str, int]] = {"1": 1, "7": 7, "30": 30, "365": 365}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "The last 24 hours"), ("7", "7 days"), ("30", "30 days"), ("365", "A year")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        days = self.days.get(self.value() or "")
        return queryset.filter(happened_at__gte=clock.now() - timedelta(days=days)) if days else queryset


class EventAdmin(AuditedModelAdmin):
    """Audit events. They cannot be added, changed or deleted."""

    section, position, icon = "Assurance", 1, "history"
    singular, plural = "audit event", "audit events"
    about = "What happened, newest first."
    view_permission = OrgPermission.READ_AUDIT

    list_display = ("moment", "actor_name", "sentence", "target", "note")
    list_display_links = ("moment",)
    list_filter = (SinceFilter, ActionFilter)
    search_fields = ("action",)  # searched by get_search_results()
    search_help_text = "An action (policy.published), an id (usr_…, tok_…, a uuid), or a user name, exactly"
    ordering = ("-id",)
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    paginator = ApproximateCounter
    fieldsets = ((None, {"fields": ("sentence",)}),)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return EventList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return events that match the term exactly. Each condition uses an index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        fits = Q(action=term) | Q(actor_id=term) | Q(thing_id=term)
        fits |= Q(actor_id__in=selectors.actor_ids(term))
        with suppress(ValueError):
            fits |= Q(event_id=uuid.UUID(term))
        return queryset.filter(fits), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Redirect to the event's page, which shows its exact bytes."""
        self._require_view(request)
        event = self._found(request, object_id)
        if request.method not in READS:
            return super().change_view(request, object_id, form_url, extra_context)
        return redirect("web:event", event.event_id)

    def list_links(self, request: HttpRequest) -> list[ActionLink]:
        return [ActionLink("Audit log page", reverse("web:audit"))]

    @admin.display(description="when", ordering="id")
    def moment(self, row: Event) -> Any:
        return formatting.format_datetime(row.happened_at)

    @admin.display(description="who")
    def actor_name(self, row: Event) -> str:
        actor = row.line.actor  # type: ignore[attr-defined]  # added to the row by the query or the list
        return f"{actor.name} by {actor.through}" if actor.through else str(actor.name)

    @admin.display(description="what")
    def sentence(self, row: Event) -> str:
        return row.sentence

    @admin.display(description="about")
    def target(self, row: Event) -> Any:
        label = row.line.target  # type: ignore[attr-defined]  # added to the row by the query or the list
        return formatting.page_link(label.url, label.label) if label.url else label.label

    @admin.display(description="summary")
    def note(self, row: Event) -> str:
        return str(row.line.note)  # type: ignore[attr-defined]  # added to the row by the query or the list

    def _made_elsewhere(self) -> str:
        return "events are recorded automatically."
