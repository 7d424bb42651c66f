"""Comments on promotion requests and versions, read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join

from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import ActionLink, AuditedModelAdmin
from governance.interfaces.admin.filters import by_date, by_relation
from governance.models import Comment, CommentRevision


class CommentAdmin(AuditedModelAdmin):
    """Comments with every revision of their texts."""

    section, position, icon = "Promotions", 4, "comment"
    singular, plural = "comment", "comments"
    about = "Comments on requests and versions. Edits keep the earlier texts; withdrawn comments stay in the record."
    object_type = "comment"
    model_path = "thread__model"

    list_display = ("number", "place", "who", "beginning", "posted", "validity")
    list_display_links = ("number",)
    list_filter = (by_relation("author", "author"), by_date("posted_at", "day it was posted"))
    list_select_related = ("thread__version__model", "thread__request", "author", "posted_with")
    search_fields = ("=id", "author__username", "author__name", "=thread__request__id", "revisions__text")
    search_help_text = "Author, number of the request, or words of the text"
    ordering = ("-pk",)
    fieldsets = ((None, {"fields": ("number", "place", "who", "through", "posted", "validity", "texts")}),)

    def name_of(self, row: Comment) -> str:
        return f"comment {row.pk}"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("revisions")

    @admin.display(description="number", ordering="pk")
    def number(self, row: Comment) -> str:
        return str(row.pk)

    @admin.display(description="on")
    def place(self, row: Comment) -> Any:
        thread = row.thread
        version = f"{thread.version.model.slug} v{thread.version.number}"
        name = f"#{thread.request_id}" if thread.request_id is not None else version
        return formatting.page_link(reverse("web:comment", args=[row.pk]), name)

    @admin.display(description="author", ordering="author__name")
    def who(self, row: Comment) -> str:
        return str(row.author)

    @admin.display(description="through")
    def through(self, row: Comment) -> str:
        return row.posted_with.name if row.posted_with is not None else ""

    @admin.display(description="text")
    def beginning(self, row: Comment) -> str:
        text = " ".join(self._revisions(row)[-1].text.split())
        return text if len(text) <= _BEGINNING else f"{text[:_BEGINNING]}…"

    @admin.display(description="posted", ordering="posted_at")
    def posted(self, row: Comment) -> Any:
        return formatting.format_datetime(row.posted_at)

    @admin.display(description="state", ordering="withdrawn_at")
    def validity(self, row: Comment) -> Any:
        if row.withdrawn_at is not None:
            return formatting.badge("Withdrawn", "none")
        return formatting.badge("Edited", "info") if len(self._revisions(row)) > 1 else formatting.badge("Posted", "ok")

    @admin.display(description="texts, newest first")
    def texts(self, row: Comment) -> Any:
        found = [(formatting.format_datetime(one.written_at), one.text) for one in reversed(self._revisions(row))]
        return format_html_join("", "<p>{}</p><pre>{}</pre>", found)

    def links(self, request: HttpRequest, row: Comment) -> list[ActionLink]:
        return [ActionLink("The comment on its page", reverse("web:comment", args=[row.pk]))]

    @staticmethod
    def _revisions(row: Comment) -> list[CommentRevision]:
        return list(row.revisions.all())


_BEGINNING = 90
