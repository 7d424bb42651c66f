"""Findings and waivers, read-only: people change them on their pages, with their signature where one is needed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from audit import clock
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import ActionLink, AuditedModelAdmin
from governance.interfaces.admin.filters import by_choice, by_date, by_relation
from governance.models import Finding, Waiver

_FINDING_STATES = {
    "open": ("Open", "wait"),
    "acknowledged": ("Acknowledged", "info"),
    "closure_proposed": ("Closure proposed", "info"),
    "closed": ("Closed", "none"),
}
_WAIVER_STATES = {"in_force": ("In force", "wait"), "revoked": ("Revoked", "none"), "expired": ("Expired", "none")}


class FindingAdmin(AuditedModelAdmin):
    """The register of findings."""

    section, position, icon = "Assurance", 0, "alert"
    singular, plural = "finding", "findings"
    about = "What is wrong with a model, who corrects it, until when, and what it blocks."
    object_type = "finding"
    model_path = "model"

    list_display = ("number", "place", "name", "severity", "origin", "holder", "due_on", "state_word")
    list_display_links = ("number",)
    list_filter = (
        by_choice("severity", "severity"),
        by_choice("source", "source"),
        by_relation("owner", "owner"),
        by_date("closed_at", "day it was closed"),
        ("closed_at", admin.EmptyFieldListFilter),
        by_date("opened_at", "day it was opened"),
    )
    list_select_related = ("model__owner", "version", "owner", "request", "closed_by", "proposed_by")
    search_fields = ("=id", "model__slug", "title", "owner__name", "owner__username")
    search_help_text = "Number, model, words of the title, or owner"
    autocomplete_fields = ("model", "owner", "request")
    ordering = ("-pk",)
    fieldsets = (
        (None, {"fields": ("number", "place", "name", "severity", "origin", "holder", "due_on", "state_word")}),
        ("What it blocks", {"fields": ("blocked",)}),
        ("Closure", {"fields": ("evidence", "proposer", "closer", "closed")}),
    )

    def name_of(self, row: Finding) -> str:
        return f"Finding {row.pk}"

    @admin.display(description="number", ordering="pk")
    def number(self, row: Finding) -> str:
        return str(row.pk)

    @admin.display(description="on", ordering="model__slug")
    def place(self, row: Finding) -> Any:
        return formatting.place_link(row.model.slug, row.version.number if row.version is not None else None)

    @admin.display(description="finding")
    def name(self, row: Finding) -> str:
        return row.words

    @admin.display(description="source", ordering="source")
    def origin(self, row: Finding) -> str:
        return row.get_source_display()

    @admin.display(description="owner")
    def holder(self, row: Finding) -> str:
        return row.responsible.name if row.responsible is not None else formatting.NONE

    @admin.display(description="due", ordering="due")
    def due_on(self, row: Finding) -> Any:
        if row.due is None:
            return formatting.NONE
        day = row.due.isoformat()
        return formatting.badge(f"{day}, late", "bad") if row.is_late(clock.now().date()) else day

    @admin.display(description="state")
    def state_word(self, row: Finding) -> Any:
        return formatting.badge(*_FINDING_STATES[row.state])

    @admin.display(description="targets")
    def blocked(self, row: Finding) -> Any:
        return formatting.tags(row.blocks)

    @admin.display(description="evidence of closure")
    def evidence(self, row: Finding) -> Any:
        return formatting.block(row.closure_evidence)

    @admin.display(description="proposed by")
    def proposer(self, row: Finding) -> str:
        return row.proposed_by.name if row.proposed_by is not None else formatting.NONE

    @admin.display(description="closed by")
    def closer(self, row: Finding) -> str:
        return row.closed_by.name if row.closed_by is not None else formatting.NONE

    @admin.display(description="closed", ordering="closed_at")
    def closed(self, row: Finding) -> Any:
        return formatting.format_datetime(row.closed_at)

    def list_links(self, request: HttpRequest) -> list[ActionLink]:
        return [ActionLink("The page Findings", reverse("web:findings"))]

    def links(self, request: HttpRequest, row: Finding) -> list[ActionLink]:
        return [ActionLink("The finding on its page", reverse("web:finding", args=[row.pk]))]


class WaiverAdmin(AuditedModelAdmin):
    """Waivers of checks, with their signature."""

    section, position, icon = "Assurance", 1, "waive"
    singular, plural = "waiver", "waivers"
    about = "Signed acceptances that a required check of a version is not satisfied, for a limited time."
    object_type = "waiver"
    model_path = "model"

    list_display = ("number", "place", "check_name", "who", "granted", "ends", "state_word")
    list_display_links = ("number",)
    list_filter = (
        by_relation("accepted_by", "risk accepted by"),
        by_choice("end", "end"),
        ("ended_at", admin.EmptyFieldListFilter),
        by_date("valid_until", "day it ends"),
    )
    list_select_related = ("model", "version", "request", "accepted_by", "ended_by")
    search_fields = ("=id", "=request__id", "model__slug", "check_slug", "accepted_by__name", "accepted_by__username")
    search_help_text = "Number, request, model, check, or person"
    autocomplete_fields = ("model", "accepted_by", "request")
    ordering = ("-pk",)
    fieldsets = (
        (None, {"fields": ("number", "place", "requested_for", "check_name", "finding_codes", "why", "compensation")}),
        ("Signature", {"fields": ("who", "signed_name", "signed_meaning", "granted", "ends")}),
        ("End", {"fields": ("state_word", "ended", "end_reason")}),
    )

    def name_of(self, row: Waiver) -> str:
        return f"Waiver {row.pk}"

    @admin.display(description="number", ordering="pk")
    def number(self, row: Waiver) -> str:
        return str(row.pk)

    @admin.display(description="version", ordering="model__slug")
    def place(self, row: Waiver) -> Any:
        return formatting.place_link(row.model.slug, row.version.number)

    @admin.display(description="request")
    def requested_for(self, row: Waiver) -> Any:
        return formatting.admin_link(row.request, f"#{row.request_id}")

    @admin.display(description="check", ordering="check_slug")
    def check_name(self, row: Waiver) -> Any:
        return formatting.code(row.check_slug)

    @admin.display(description="codes")
    def finding_codes(self, row: Waiver) -> Any:
        return formatting.tags(row.codes)

    @admin.display(description="reason")
    def why(self, row: Waiver) -> str:
        return row.reason

    @admin.display(description="compensating control")
    def compensation(self, row: Waiver) -> str:
        return row.control

    @admin.display(description="risk accepted by", ordering="accepted_by__name")
    def who(self, row: Waiver) -> str:
        return row.accepted_by.name

    @admin.display(description="granted", ordering="granted_at")
    def granted(self, row: Waiver) -> Any:
        return formatting.format_datetime(row.granted_at)

    @admin.display(description="ends", ordering="valid_until")
    def ends(self, row: Waiver) -> Any:
        return formatting.format_datetime(row.valid_until)

    @admin.display(description="ended", ordering="ended_at")
    def ended(self, row: Waiver) -> Any:
        return formatting.format_datetime(row.ended_at)

    @admin.display(description="state")
    def state_word(self, row: Waiver) -> Any:
        return formatting.badge(*_WAIVER_STATES[row.state_at(clock.now())])

    def list_links(self, request: HttpRequest) -> list[ActionLink]:
        return [ActionLink("The page Waivers", reverse("web:waivers"))]

    def links(self, request: HttpRequest, row: Waiver) -> list[ActionLink]:
        return [ActionLink("The waiver on its page", reverse("web:waiver", args=[row.pk]))]
