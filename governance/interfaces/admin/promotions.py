"""Promotion requests, check runs and decisions, read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import ActionLink, AuditedModelAdmin, RelatedTable
from governance.interfaces.admin.filters import by_choice, by_date, by_relation
from governance.interfaces.html import labels
from governance.interfaces.html.templatetags import ui
from governance.models import CheckRun, Decision, PromotionRequest
from registry.models import ModelVersion


def page_of(number: int) -> str:
    """The URL of a promotion request's page."""
    return reverse("web:promotion", args=[number])


def version_link(version: ModelVersion) -> Any:
    """A link to a version's page."""
    url = reverse("web:version", args=[version.model.slug, version.number])
    return formatting.page_link(url, f"{version.model.slug} v{version.number}")


def conclusion_of(run: CheckRun) -> Any:
    """The conclusion or the status of a run."""
    look = labels.CHECK.get(run.conclusion or run.status, labels.UNKNOWN)
    kind = {"ok": "ok", "bad": "bad", "warn": "wait", "wait": "wait", "run": "info"}.get(look.kind, "none")
    return formatting.badge(look.word, kind)


class PromotionRequestAdmin(AuditedModelAdmin):
    """Promotion requests."""

    section, position, icon = "Promotions", 1, "promote"
    singular, plural = "promotion request", "promotion requests"
    about = "Requested promotions and their state."
    object_type = "promotion"
    model_path = "model"

    list_display = ("number", "version_link", "target", "state_word", "requester", "requested", "under")
    list_display_links = ("number",)
    list_filter = (
        "state",
        by_choice("kind", "kind"),
        by_relation("target_stage", "requested stage"),
        by_choice("model__risk_tier", "risk tier"),
        by_date("created_at", "day it was requested"),
    )
    list_select_related = ("version__model", "target_stage", "requested_by", "policy_revision__policy")
    search_fields = (
        "=id",
        "model__slug",
        "model__title",
        "requested_by__name",
        "requested_by__username",
        "target_alias",
    )
    search_help_text = "Number, model, requester, or alias"
    autocomplete_fields = ("model", "requested_by", "policy_revision")
    fieldsets = (
        (None, {"fields": ("number", "version_link", "target", "state_word", "reason")}),
        ("Requested", {"fields": ("requester", "token", "requested", "expires", "closed")}),
        ("Bound to", {"fields": ("under", "fingerprint_code", "packet_code", "revision")}),
    )

    def name_of(self, row: PromotionRequest) -> str:
        return f"Promotion request #{row.pk}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PromotionRequest]:
        return super().get_queryset(request).prefetch_related("policies__policy_revision__policy")

    @admin.display(description="request", ordering="pk")
    def number(self, row: PromotionRequest) -> str:
        return f"#{row.pk}"

    @admin.display(description="version", ordering="model__slug")
    def version_link(self, row: PromotionRequest) -> Any:
        return version_link(row.version)

    @admin.display(description="into")
    def target(self, row: PromotionRequest) -> str:
        return row.target_name

    @admin.display(description="state", ordering="state")
    def state_word(self, row: PromotionRequest) -> Any:
        return ui.state_line(row.state)

    @admin.display(description="requested by", ordering="requested_by__name")
    def requester(self, row: PromotionRequest) -> Any:
        return formatting.admin_link(row.requested_by)

    @admin.display(description="with the token")
    def token(self, row: PromotionRequest) -> Any:
        return formatting.admin_link(row.requested_with)

    @admin.display(description="requested", ordering="created_at")
    def requested(self, row: PromotionRequest) -> Any:
        return formatting.format_datetime(row.created_at)

    @admin.display(description="expires")
    def expires(self, row: PromotionRequest) -> Any:
        return formatting.format_datetime(row.expires_at)

    @admin.display(description="closed")
    def closed(self, row: PromotionRequest) -> Any:
        return formatting.format_datetime(row.closed_at)

    @admin.display(description="under the policy")
    def under(self, row: PromotionRequest) -> Any:
        if row.policy_revision is None:
            return "none: ungoverned transition"
        shown = [(formatting.admin_link(bound.policy_revision), bound.get_basis_display()) for bound in row.governing]
        return format_html_join(mark_safe("<br>"), '<span class="in-text">{} ({})</span>', shown)

    @admin.display(description="fingerprint of the version")
    def fingerprint_code(self, row: PromotionRequest) -> Any:
        return formatting.code(row.fingerprint)

    @admin.display(description="evidence package")
    def packet_code(self, row: PromotionRequest) -> Any:
        return formatting.code(row.packet_digest)

    def list_links(self, request: HttpRequest) -> list[ActionLink]:
        return [ActionLink("The page of requests", reverse("web:promotions"))]

    def links(self, request: HttpRequest, row: PromotionRequest) -> list[ActionLink]:
        return [ActionLink("The request's page", page_of(row.pk))]

    def panels(self, request: HttpRequest, row: PromotionRequest) -> list[RelatedTable]:
        runs = row.check_runs.order_by("check_slug", "-pk")[:100]
        decisions = row.decisions.select_related("person", "on_behalf_of", "delegation").order_by("-signed_at")[:100]
        return [
            RelatedTable(
                "Check runs",
                ("Check", "Attempt", "Result", "Completed", ""),
                [
                    (
                        r.check_slug,
                        r.attempt,
                        conclusion_of(r),
                        formatting.format_datetime(r.completed_at),
                        formatting.admin_link(r, "Record"),
                    )
                    for r in runs
                ],
                "No check was required.",
            ),
            RelatedTable(
                "Decisions",
                ("Who", "Decision", "Signed", "State", ""),
                [
                    (
                        d.signer,
                        d.get_outcome_display(),
                        formatting.format_datetime(d.signed_at),
                        decision_badge(d),
                        formatting.admin_link(d, "Record"),
                    )
                    for d in decisions
                ],
                "No decision recorded.",
            ),
        ]

    def _made_elsewhere(self) -> str:
        return "request it on the version's page or through the API."


class CheckRunAdmin(AuditedModelAdmin):
    """Attempts of checks."""

    section, position, icon = "Promotions", 2, "check"
    singular, plural = "check run", "check runs"
    about = "Each attempt of each check, with its findings."
    object_type = "check_run"
    model_path = "version__model"

    list_display = ("check_name", "on", "of_request", "mode", "result", "completed")
    list_display_links = ("check_name",)
    list_filter = ("status", "conclusion", "mode", by_date("created_at", "day it was queued"))
    list_select_related = ("version__model", "request")
    search_fields = ("check_slug", "version__model__slug", "=request__id", "summary")
    search_help_text = "Check, model, number of the request, or words of the summary"
    autocomplete_fields = ("request",)
    ordering = ("-pk",)
    fieldsets = (
        (None, {"fields": ("check_name", "check_version", "on", "of_request", "mode", "attempt", "result", "summary")}),
        ("Times", {"fields": ("created", "claimed", "completed")}),
        ("Inputs", {"fields": ("inputs", "with_params", "under_conditions")}),
        ("Findings", {"fields": ("found", "measured")}),
    )

    def name_of(self, row: CheckRun) -> str:
        return f"{row.check_slug} on #{row.request_id}, attempt {row.attempt}"

    @admin.display(description="check", ordering="check_slug")
    def check_name(self, row: CheckRun) -> str:
        return row.check_slug

    @admin.display(description="version", ordering="version__model__slug")
    def on(self, row: CheckRun) -> Any:
        return version_link(row.version)

    @admin.display(description="request", ordering="request")
    def of_request(self, row: CheckRun) -> Any:
        return formatting.page_link(page_of(row.request_id), f"#{row.request_id}")

    @admin.display(description="result", ordering="conclusion")
    def result(self, row: CheckRun) -> Any:
        return conclusion_of(row)

    @admin.display(description="queued")
    def created(self, row: CheckRun) -> Any:
        return formatting.format_datetime(row.created_at)

    @admin.display(description="taken up")
    def claimed(self, row: CheckRun) -> Any:
        return formatting.format_datetime(row.claimed_at)

    @admin.display(description="completed", ordering="completed_at")
    def completed(self, row: CheckRun) -> Any:
        return formatting.format_datetime(row.completed_at)

    @admin.display(description="digest of the inputs")
    def inputs(self, row: CheckRun) -> Any:
        return formatting.code(row.inputs_digest)

    @admin.display(description="parameters")
    def with_params(self, row: CheckRun) -> Any:
        return formatting.json_block(row.params)

    @admin.display(description="conditions")
    def under_conditions(self, row: CheckRun) -> Any:
        return formatting.json_block(row.conditions)

    @admin.display(description="findings")
    def found(self, row: CheckRun) -> Any:
        return formatting.json_block(row.findings)

    @admin.display(description="measures")
    def measured(self, row: CheckRun) -> Any:
        return formatting.json_block(row.measures)

    def links(self, request: HttpRequest, row: CheckRun) -> list[ActionLink]:
        return [ActionLink("The request's page", page_of(row.request_id))]


def decision_badge(row: Decision) -> Any:
    """Whether a decision is still valid."""
    if row.ending is not None:
        return formatting.badge(f"Objection {row.ending.kind}", "none")
    return formatting.badge("Valid", "ok") if row.lapsed_at is None else formatting.badge("Invalidated", "none")


class ValidityFilter(admin.SimpleListFilter):
    """Filter by whether a decision is still valid."""

    title = "state"
    parameter_name = "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("stands", "Valid"), ("lapsed", "Invalidated")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any] | None:
        if self.value() in ("stands", "lapsed"):
            return queryset.filter(lapsed_at__isnull=self.value() == "stands")
        return queryset


class DecisionAdmin(AuditedModelAdmin):
    """Decisions on promotion requests, with their signatures."""

    section, position, icon = "Promotions", 3, "pen"
    singular, plural = "decision", "decisions"
    about = "Decisions and the evidence package each signed. Never edited; invalidated when the evidence changes."
    object_type = "decision"
    model_path = "request__model"

    list_display = ("who", "outcome_label", "about_request", "signed", "validity")
    list_display_links = ("who",)
    list_filter = (by_choice("outcome", "decision"), ValidityFilter, by_date("signed_at", "day it was signed"))
    list_select_related = ("person", "request")
    search_fields = ("signed_name", "person__username", "=request__id", "packet_digest__startswith", "comment")
    search_help_text = "Person, number of the request, the beginning of a packet's digest, or words of the comment"
    autocomplete_fields = ("request", "person")
    ordering = ("-signed_at", "-pk")
    fieldsets = (
        (None, {"fields": ("person_link", "outcome_label", "about_request", "comment", "validity", "lapsed")}),
        (
            "Signature",
            {"fields": ("signed_name", "signed_meaning", "signed_method", "signed", "packet", "in_groups")},
        ),
    )

    def name_of(self, row: Decision) -> str:
        return f"{row.get_outcome_display()}: {row.signed_name} on #{row.request_id}"

    @admin.display(description="who", ordering="signed_name")
    def who(self, row: Decision) -> str:
        return row.signed_name

    @admin.display(description="person")
    def person_link(self, row: Decision) -> Any:
        return formatting.admin_link(row.person)

    @admin.display(description="decision", ordering="outcome")
    def outcome_label(self, row: Decision) -> str:
        return str(row.get_outcome_display())

    @admin.display(description="request", ordering="request")
    def about_request(self, row: Decision) -> Any:
        return formatting.page_link(page_of(row.request_id), f"#{row.request_id}")

    @admin.display(description="signed", ordering="signed_at")
    def signed(self, row: Decision) -> Any:
        return formatting.format_datetime(row.signed_at)

    @admin.display(description="state", ordering="lapsed_at")
    def validity(self, row: Decision) -> Any:
        return decision_badge(row)

    @admin.display(description="lapsed")
    def lapsed(self, row: Decision) -> Any:
        return formatting.format_datetime(row.lapsed_at)

    @admin.display(description="packet that was signed")
    def packet(self, row: Decision) -> Any:
        return formatting.page_link(reverse("web:packet", args=[row.request_id, row.packet_digest]), row.packet_digest)

    @admin.display(description="groups at that time")
    def in_groups(self, row: Decision) -> Any:
        return formatting.tags(row.groups)

    def links(self, request: HttpRequest, row: Decision) -> list[ActionLink]:
        return [ActionLink("The request's page", page_of(row.request_id))]
