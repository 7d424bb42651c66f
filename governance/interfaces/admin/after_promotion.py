"""What happened to approvals after the promotion, and emergency changes, read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import ActionLink, AuditedModelAdmin
from governance.interfaces.admin.filters import by_choice, by_date
from governance.models import EmergencyChange, Impact


class ImpactAdmin(AuditedModelAdmin):
    """Causes that concern approvals."""

    section, position, icon = "Assurance", 2, "history"
    singular, plural = "impact", "impacts"
    about = "What changed in the basis of an approval after the promotion, and what the policy asks for it."
    object_type = "impact"
    model_path = "model"

    list_display = ("number", "place", "cause", "demand", "due", "recorded", "state_word")
    list_display_links = ("number",)
    list_filter = (
        by_choice("cause", "cause"),
        by_choice("consequence", "consequence"),
        ("settled_at", admin.EmptyFieldListFilter),
        by_date("recorded_at", "day it was recorded"),
    )
    list_select_related = ("model", "version", "request", "finding", "reapproval", "removal")
    search_fields = ("=id", "=request__id", "model__slug", "reference")
    search_help_text = "Number, request, model, or reference of the cause"
    autocomplete_fields = ("model", "request", "reapproval", "removal", "finding")
    ordering = ("-pk",)
    fieldsets = (
        (None, {"fields": ("number", "place", "approved_by", "cause", "detail", "recorded")}),
        ("What follows", {"fields": ("demand", "due", "opened", "state_word", "settled", "settlement")}),
    )

    def name_of(self, row: Impact) -> str:
        return f"Impact {row.pk}"

    @admin.display(description="number", ordering="pk")
    def number(self, row: Impact) -> str:
        return str(row.pk)

    @admin.display(description="approved in", ordering="model__slug")
    def place(self, row: Impact) -> Any:
        return formatting.place_link(row.model.slug, row.version.number, row.place)

    @admin.display(description="approved by the request")
    def approved_by(self, row: Impact) -> Any:
        return formatting.admin_link(row.request, f"#{row.request_id}")

    @admin.display(description="the policy asks", ordering="consequence")
    def demand(self, row: Impact) -> str:
        return row.get_consequence_display()

    @admin.display(description="opened for it")
    def opened(self, row: Impact) -> Any:
        if row.finding is not None:
            return formatting.admin_link(row.finding, f"Finding {row.finding_id}")
        request = row.removal or row.reapproval
        return formatting.admin_link(request, f"#{request.pk}") if request is not None else formatting.NONE

    @admin.display(description="recorded", ordering="recorded_at")
    def recorded(self, row: Impact) -> Any:
        return formatting.format_datetime(row.recorded_at)

    @admin.display(description="settled", ordering="settled_at")
    def settled(self, row: Impact) -> Any:
        return formatting.format_datetime(row.settled_at)

    @admin.display(description="state")
    def state_word(self, row: Impact) -> Any:
        if row.settled_at is not None:
            return formatting.badge("Settled", "none")
        return formatting.badge("Overdue", "bad") if row.overdue_at is not None else formatting.badge("Open", "wait")

    def list_links(self, request: HttpRequest) -> list[ActionLink]:
        return [ActionLink("The page of impacts", reverse("web:impacts"))]


class EmergencyChangeAdmin(AuditedModelAdmin):
    """Emergency changes and what they owe."""

    section, position, icon = "Assurance", 3, "alert"
    singular, plural = "emergency change", "emergency changes"
    about = "Changes that two people made without the ordinary approvals, and what is owed until it is repaid."
    object_type = "emergency"
    model_path = "request__model"

    list_display = ("number", "place", "incident", "began", "ends", "retrospective_due", "state_word")
    list_display_links = ("number",)
    list_filter = (("repaid_at", admin.EmptyFieldListFilter), by_date("signed_at", "day it was requested"))
    list_select_related = (
        "request__model",
        "request__version__model",
        "request__target_stage",
        "request__requested_by",
        "finding",
    )
    search_fields = ("=request__id", "incident", "request__model__slug")
    search_help_text = "Request, incident, or model"
    autocomplete_fields = ("request", "finding")
    ordering = ("-pk",)
    fieldsets = (
        (None, {"fields": ("number", "place", "incident", "hours", "confirming")}),
        ("Signature", {"fields": ("signed_name", "signed_meaning", "signed")}),
        ("What is owed", {"fields": ("began", "ends", "retrospective_due", "opened", "state_word", "repaid")}),
    )

    def name_of(self, row: EmergencyChange) -> str:
        return f"Emergency change #{row.request_id}"

    @admin.display(description="request", ordering="request__id")
    def number(self, row: EmergencyChange) -> str:
        return f"#{row.request_id}"

    @admin.display(description="version", ordering="request__model__slug")
    def place(self, row: EmergencyChange) -> Any:
        found = row.request
        return formatting.place_link(found.model.slug, found.version.number, found.target_name)

    @admin.display(description="confirmed by one of")
    def confirming(self, row: EmergencyChange) -> str:
        return row.request.confirming_group

    @admin.display(description="signed", ordering="signed_at")
    def signed(self, row: EmergencyChange) -> Any:
        return formatting.format_datetime(row.signed_at)

    @admin.display(description="carried out", ordering="began_at")
    def began(self, row: EmergencyChange) -> Any:
        return formatting.format_datetime(row.began_at)

    @admin.display(description="time ends", ordering="ends_at")
    def ends(self, row: EmergencyChange) -> Any:
        return formatting.format_datetime(row.ends_at)

    @admin.display(description="finding")
    def opened(self, row: EmergencyChange) -> Any:
        return formatting.admin_link(row.finding, f"Finding {row.finding_id}")

    @admin.display(description="repaid", ordering="repaid_at")
    def repaid(self, row: EmergencyChange) -> Any:
        return formatting.format_datetime(row.repaid_at)

    @admin.display(description="state")
    def state_word(self, row: EmergencyChange) -> Any:
        if row.repaid_at is not None:
            return formatting.badge("Repaid", "ok")
        if row.began_at is None:
            return formatting.badge("Not carried out", "none")
        return formatting.badge("Overdue", "bad") if row.overdue_at is not None else formatting.badge("Owed", "wait")

    def links(self, request: HttpRequest, row: EmergencyChange) -> list[ActionLink]:
        return [ActionLink("The request's page", reverse("web:promotion", args=[row.request_id]))]
