"""Questionnaires, risk assessments and periodic reviews, read-only. New questionnaires are proposed here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from audit.actor import Actor
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import ActionLink, AuditedModelAdmin
from governance.interfaces.admin.change_proposals import proposed
from governance.interfaces.admin.commands import ActionResult, AdminAction
from governance.interfaces.admin.filters import by_date
from governance.interfaces.admin.forms import ReasonForm
from governance.interfaces.admin.lifecycle import SECTION
from governance.interfaces.admin.policies import MAX_SOURCE, PolicyForm
from governance.interfaces.html.templatetags import ui
from registry import selectors
from registry.access import OrgPermission
from registry.models import Assessment, PeriodicReview, QuestionnaireRevision
from registry.services import questionnaires


class QuestionnaireForm(PolicyForm):
    """The YAML of a questionnaire."""

    source = forms.CharField(
        label="Questionnaire (YAML)",
        strip=False,
        max_length=MAX_SOURCE,
        widget=forms.Textarea(attrs={"rows": 28, "class": "code", "spellcheck": "false", "wrap": "off"}),
        help_text="Answers go from the least to the most risky, points never decrease, and rules only make a tier "
        "stricter. Models keep their tiers until they are assessed again.",
    )


def _propose(actor: Actor, row: QuestionnaireRevision | None, form: ReasonForm) -> ActionResult:
    given = form.cleaned_data
    return proposed(questionnaires.propose(actor=actor, source=given["source"], reason=given["reason"]))


class QuestionnaireAdmin(AuditedModelAdmin):
    """Revisions of the risk questionnaire."""

    section, position, icon = "Policies", 3, "list"
    singular, plural = "questionnaire revision", "questionnaire revisions"
    about = "The questions that determine the risk tier and review interval. Immutable once published."
    object_type = "questionnaire"
    change_permission = OrgPermission.MANAGE_POLICIES
    adding = AdminAction(
        "add",
        "Propose a questionnaire",
        "It comes into force when a second officer confirms the proposal; assessments made before keep the revision "
        "they answered.",
        OrgPermission.MANAGE_POLICIES,
        _propose,
        QuestionnaireForm,
    )
    commands = (
        AdminAction(
            "publish",
            "Propose a revision of this",
            "The revision comes into force when a second officer confirms the proposal; this one stays on record.",
            OrgPermission.MANAGE_POLICIES,
            _propose,
            QuestionnaireForm,
            initial=lambda row: {"source": row.source},
        ),
    )
    list_display = ("revision", "title", "published", "digest_short")
    search_fields = ("title", "digest__startswith", "source")
    search_help_text = "Title, the beginning of a digest, or words of the YAML"
    ordering = ("-number",)
    fieldsets = (
        (None, {"fields": ("revision", "title", "published", "by", "digest_short")}),
        ("As published", {"fields": ("yaml",), "classes": ("wide-field",)}),
    )

    def name_of(self, row: QuestionnaireRevision) -> str:
        return f"{row.title}, revision {row.number}"

    @admin.display(description="revision", ordering="number")
    def revision(self, row: QuestionnaireRevision) -> str:
        return f"revision {row.number}"

    @admin.display(description="published", ordering="published_at")
    def published(self, row: QuestionnaireRevision) -> Any:
        return formatting.format_datetime(row.published_at)

    @admin.display(description="published by")
    def by(self, row: QuestionnaireRevision) -> Any:
        person = selectors.account_by_uid(row.published_by)
        return formatting.admin_link(person) if person is not None else formatting.code(row.published_by)

    @admin.display(description="digest", ordering="digest")
    def digest_short(self, row: QuestionnaireRevision) -> Any:
        return formatting.code(row.digest[:12])

    @admin.display(description="YAML")
    def yaml(self, row: QuestionnaireRevision) -> Any:
        return formatting.block(row.source)


class AssessmentAdmin(AuditedModelAdmin):
    """Risk assessments of models."""

    section, position, icon = SECTION, 5, "scale"
    singular, plural = "risk assessment", "risk assessments"
    about = "Tiers of models, with assessor and answers."
    object_type = "assessment"

    list_display = ("called", "given", "computed", "assessor", "assessed")
    list_filter = ("tier", by_date("assessed_at", "day it was assessed"))
    list_select_related = ("model", "assessor", "questionnaire")
    search_fields = ("model__slug", "assessor__name")
    search_help_text = "Model or assessor"
    ordering = ("-assessed_at", "-pk")
    fieldsets = (
        (None, {"fields": ("called", "given", "computed", "points", "questionnaire_link", "assessor", "assessed")}),
        ("Why", {"fields": ("override_reason", "rationale"), "classes": ("wide-field",)}),
    )

    def name_of(self, row: Assessment) -> str:
        return f"{row.model.slug}, assessment {row.number}"

    @admin.display(description="assessment", ordering="model__slug")
    def called(self, row: Assessment) -> str:
        return f"{row.model.slug} {row.number}"

    @admin.display(description="tier", ordering="tier")
    def given(self, row: Assessment) -> Any:
        return ui.tier(row.tier)

    @admin.display(description="computed", ordering="computed_tier")
    def computed(self, row: Assessment) -> Any:
        return ui.tier(row.computed_tier)

    @admin.display(description="questionnaire")
    def questionnaire_link(self, row: Assessment) -> Any:
        return formatting.admin_link(row.questionnaire, f"revision {row.questionnaire.number}")

    @admin.display(description="assessed", ordering="assessed_at")
    def assessed(self, row: Assessment) -> Any:
        return formatting.format_datetime(row.assessed_at)

    def links(self, request: HttpRequest, row: Assessment) -> list[ActionLink]:
        return [ActionLink("Why this tier", reverse("web:risk", args=[row.model.slug]))]

    def _made_elsewhere(self) -> str:
        return "assess the model on its page or through the API."


class PeriodicReviewAdmin(AuditedModelAdmin):
    """Periodic reviews of models."""

    section, position, icon = SECTION, 6, "calendar"
    singular, plural = "periodic review", "periodic reviews"
    about = "Who reviewed which model, with what outcome, and when the next review is due."
    object_type = "review"

    list_display = ("called", "outcome", "reviewer", "reviewed", "next_review")
    list_filter = ("outcome", by_date("reviewed_at", "day it was recorded"))
    list_select_related = ("model", "reviewer")
    search_fields = ("model__slug", "reviewer__name")
    search_help_text = "Model or reviewer"
    ordering = ("-reviewed_at", "-pk")
    fieldsets = (
        (None, {"fields": ("called", "outcome", "reviewer", "reviewed", "due", "next_review")}),
        ("Findings", {"fields": ("findings", "conditions"), "classes": ("wide-field",)}),
    )

    def name_of(self, row: PeriodicReview) -> str:
        return f"{row.model.slug}, review {row.number}"

    @admin.display(description="review", ordering="model__slug")
    def called(self, row: PeriodicReview) -> str:
        return f"{row.model.slug} {row.number}"

    @admin.display(description="recorded", ordering="reviewed_at")
    def reviewed(self, row: PeriodicReview) -> Any:
        return formatting.format_datetime(row.reviewed_at)

    def links(self, request: HttpRequest, row: PeriodicReview) -> list[ActionLink]:
        return [ActionLink("The model's reviews", reverse("web:model-reviews", args=[row.model.slug]))]

    def _made_elsewhere(self) -> str:
        return "record it on the model's page."
