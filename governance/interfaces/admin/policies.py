"""Policies and their published revisions. A change is a new revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join

from audit.actor import Actor
from governance import selectors
from governance.gate import gate_inputs
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import AuditedModelAdmin, RelatedTable
from governance.interfaces.admin.change_proposals import proposed
from governance.interfaces.admin.commands import ActionResult, AdminAction
from governance.interfaces.admin.filters import by_date, by_relation
from governance.interfaces.admin.forms import ReasonForm
from governance.interfaces.html.forms import MomentField
from governance.models import Policy, PolicyRevision
from governance.policies import PolicyDocument, describe_models
from governance.services import policies, policy_terms
from governance.services.policy_template import template
from registry import selectors as registry
from registry.access import OrgPermission
from registry.document_faults import with_places
from registry.exceptions import DomainError, FieldError, ValidationFailedError

MAX_SOURCE = 256 * 1024


def _start() -> MomentField:
    return MomentField(
        label="From",
        required=False,
        help_text="Empty: when the second officer confirms it. In your time zone, at most a year ahead.",
    )


class RetirementForm(ReasonForm):
    """From when on a policy is retired."""

    in_force_from = _start()


class PolicyForm(ReasonForm):
    """The YAML of a policy."""

    in_force_from = _start()

    source = forms.CharField(
        label="Policy (YAML)",
        strip=False,
        max_length=MAX_SOURCE,
        widget=forms.Textarea(attrs={"rows": 28, "class": "code", "spellcheck": "false", "wrap": "off"}),
        help_text="Checked against the schema, the installed checks, the stages and the reviewer groups before it is "
        "published. Open requests keep the revision they were made under.",
    )

    def clean_source(self) -> str:
        """Undo the line endings that the browser inserted."""
        return str(self.cleaned_data["source"]).replace("\r\n", "\n")

    def take_refusal(self, refusal: DomainError) -> None:
        """Show every validation error at the source; its text names line and field."""
        if not isinstance(refusal, ValidationFailedError):
            super().take_refusal(refusal)
            return
        for fault in refusal.errors:
            if fault.pointer in ("/reason", "/in_force_from"):
                self.add_error(fault.pointer[1:], fault.detail)
            else:
                self.add_error("source", fault.detail[:1].upper() + fault.detail[1:])


def _propose(actor: Actor, row: Policy | None, form: PolicyForm) -> ActionResult:
    source, reason, start = (form.cleaned_data[name] for name in ("source", "reason", "in_force_from"))
    if row is not None:
        _refuse_another(row, policies.read(source), source)
    return proposed(policies.propose(actor=actor, source=source, reason=reason, in_force_from=start))


def _retire(actor: Actor, row: Policy, form: RetirementForm) -> ActionResult:
    given = {name: form.cleaned_data[name] for name in ("reason", "in_force_from")}
    return proposed(policy_terms.propose_retirement(actor=actor, slug=row.slug, **given))


def _retirement_warnings(row: Policy) -> Sequence[str]:
    found = selectors.policy_page(row.slug).in_force
    return selectors.retirement_impact(found).in_words if found is not None else ()


def _cancel(actor: Actor, row: Policy, form: ReasonForm) -> ActionResult:
    term = policy_terms.cancel_scheduled(actor=actor, slug=row.slug, reason=form.cleaned_data["reason"])
    return ActionResult(f"Cancelled: {term}.", row)


def _is_in_force(row: Policy) -> bool:
    return selectors.terms_of(row).current_revision is not None


def _is_scheduled(row: Policy) -> bool:
    return selectors.terms_of(row).scheduled is not None


def _refuse_another(row: Policy, document: PolicyDocument, source: str) -> None:
    """Require that a revision keeps the policy's slug. Raises ValidationFailedError."""
    if document.slug != row.slug:
        rule = f"This page proposes the next revision of {row.slug}; propose another policy from the list."
        raise ValidationFailedError(with_places([FieldError("/slug", "another_policy", rule)], source))


def _terms(row: Policy) -> selectors.PolicyTerms:
    """Return the terms of a row, read once for each instance."""
    if not hasattr(row, "_terms_shown"):
        row._terms_shown = selectors.terms_of(row)  # type: ignore[attr-defined]  # kept on the row for its columns
    return cast("selectors.PolicyTerms", row._terms_shown)  # type: ignore[attr-defined]  # as above


def _revision(row: Policy) -> PolicyRevision | None:
    current = _terms(row).current
    return current.revision if current is not None else None


class PolicyAdmin(AuditedModelAdmin):
    """Policies, with the revision in force."""

    section, position, icon = "Policies", 1, "scale"
    singular, plural = "policy", "policies"
    about = "The requirements for a version to enter a stage."
    object_type = "policy"
    change_permission = OrgPermission.MANAGE_POLICIES
    adding = AdminAction(
        "add",
        "Propose a policy",
        "The policy comes into force when a second officer confirms the proposal.",
        OrgPermission.MANAGE_POLICIES,
        _propose,
        PolicyForm,
        initial=lambda row: {"source": template()},
    )
    commands = (
        AdminAction(
            "publish",
            "Propose a revision",
            "The revision comes into force when a second officer confirms the proposal; until then this one is in "
            "force. What was in force stays on record.",
            OrgPermission.MANAGE_POLICIES,
            _propose,
            PolicyForm,
            initial=lambda row: {"source": row.latest.source if row.latest is not None else ""},
        ),
        AdminAction(
            "retire",
            "Propose to retire it",
            "The policy is retired when a second officer confirms the proposal, or at the time that you name. Open "
            "requests keep it.",
            OrgPermission.MANAGE_POLICIES,
            _retire,
            RetirementForm,
            is_available=_is_in_force,
            get_warnings=_retirement_warnings,
            is_destructive=True,
        ),
        AdminAction(
            "cancel",
            "Cancel the scheduled change",
            "What is in force stays in force.",
            OrgPermission.MANAGE_POLICIES,
            _cancel,
            is_available=_is_scheduled,
        ),
    )

    list_display = ("title", "called", "revision", "since", "next_change", "covers", "tier_rule")
    search_fields = ("title", "slug")
    search_help_text = "Title or slug"
    fieldsets = (
        (None, {"fields": ("title", "called", "revision", "since", "next_change", "covers", "tier_rule")}),
        ("In force, as published", {"fields": ("source",), "classes": ("wide-field",)}),
    )

    @admin.display(description="slug", ordering="slug")
    def called(self, row: Policy) -> Any:
        return formatting.code(row.slug)

    @admin.display(description="in force")
    def revision(self, row: Policy) -> Any:
        """The revision in force, or that the policy is retired."""
        terms = _terms(row)
        if terms.current is None or terms.current.revision is None:
            return formatting.badge("Retired", "none") if terms.retired else formatting.NONE
        return formatting.admin_link(terms.current.revision, f"revision {terms.current.revision.number}")

    @admin.display(description="since")
    def since(self, row: Policy) -> Any:
        current = _terms(row).current
        return formatting.format_datetime(current.starts_at if current is not None else None)

    @admin.display(description="scheduled")
    def next_change(self, row: Policy) -> Any:
        """The change that was confirmed and has not begun."""
        term = _terms(row).scheduled
        return str(term) if term is not None else formatting.NONE

    @admin.display(description="covers")
    def covers(self, row: Policy) -> Any:
        """The targets and the models of the revision in force."""
        current = _revision(row)
        if current is None:
            return formatting.NONE
        found = current.document.get("applies_to", {})
        left = [f"from {slug}" for slug in found.get("from", ())]
        targets = [*left, *found.get("stages", ()), *(f"@{alias}" for alias in found.get("aliases", ()))]
        return formatting.tags([*targets, describe_models(gate_inputs.parse_revision(current).applies_to)])

    @admin.display(description="risk tier")
    def tier_rule(self, row: Policy) -> Any:
        """Whether the model's risk tier must have been assessed with the questionnaire."""
        current = _revision(row)
        if current is None:
            return formatting.NONE
        if gate_inputs.parse_revision(current).requires_assessed_tier:
            return formatting.badge("Assessed", "ok")
        return formatting.badge("Declared accepted", "wait")

    @admin.display(description="YAML")
    def source(self, row: Policy) -> Any:
        current = _revision(row)
        return formatting.block(current.source if current is not None else "")

    def panels(self, request: HttpRequest, row: Policy) -> list[RelatedTable]:
        revisions = row.revisions.select_related("term").order_by("-number")[:50]
        uids = {uid for r in revisions for uid in (r.published_by, r.confirmed_by)}
        names = registry.account_names(uids)
        current = _revision(row)
        document = gate_inputs.parse_revision(current) if current is not None else None
        warnings = (*selectors.warnings_of(document), *selectors.setup_gaps(document)) if document is not None else ()
        return [
            *(
                [RelatedTable("Warnings", ("",), [(formatting.badge(words, "wait"),) for words in warnings], "")]
                if warnings
                else []
            ),
            _paths_panel(
                "Where it applies", selectors.paths(row.slug), "It currently applies to no path of the lifecycle."
            ),
            _paths_panel("Paths that need attention", [p for p in selectors.paths() if p.gaps], "There is no gap."),
            RelatedTable(
                "Revisions",
                ("Revision", "In force from", "Proposed by", "Confirmed by", "Digest"),
                [
                    (
                        formatting.admin_link(r, f"revision {r.number}"),
                        formatting.format_datetime(r.term.starts_at),
                        names.get(r.published_by, r.published_by),
                        confirmation_of(r, names),
                        formatting.code(r.digest[:12]),
                    )
                    for r in revisions
                ],
                "No revision was published.",
            ),
        ]


def confirmation_of(revision: PolicyRevision, names: Mapping[str, str]) -> str:
    """Return the name of the officer who confirmed a revision, or why there was no second person."""
    without = {"setup": "Set-up, without a second officer", "single_officer": "Single officer, without a second one"}
    return without.get(revision.confirmation) or names.get(revision.confirmed_by, revision.confirmed_by)


def _paths_panel(title: str, rows: Sequence[selectors.PathRequirements], empty: str) -> RelatedTable:
    return RelatedTable(
        title,
        ("Path", "Tiers", "Policies", "Checks", "Approvals", ""),
        [
            (
                row.words,
                ", ".join(map(str, row.tiers)),
                ", ".join(f"{p.slug} v{p.revision} ({p.basis.replace('_', ' ')})" for p in row.policies)
                or formatting.NONE,
                ", ".join(row.checks) or formatting.NONE,
                ", ".join(row.approvals) or formatting.NONE,
                "; ".join(row.gaps),
            )
            for row in rows
        ],
        empty,
    )


class PolicyRevisionAdmin(AuditedModelAdmin):
    """Published policy revisions."""

    section, position, icon = "Policies", 2, "file"
    singular, plural = "policy revision", "policy revisions"
    about = "The published text of each policy. Immutable: the database rejects changes."
    object_type = "policy_revision"

    list_display = ("revision", "of", "state", "published", "digest_short")
    list_display_links = ("revision",)
    list_filter = (by_relation("policy", "policy"), by_date("published_at", "day it was published"))
    list_select_related = ("policy", "term")
    search_fields = ("policy__title", "policy__slug", "digest__startswith", "source")
    search_help_text = "Policy, the beginning of a digest, or words of the YAML"
    autocomplete_fields = ("policy",)
    ordering = ("-published_at", "-pk")
    fieldsets = (
        (None, {"fields": ("of", "number", "state", "published", "by", "second", "digest_whole", "used_by")}),
        ("As published", {"fields": ("yaml",), "classes": ("wide-field",)}),
    )

    def name_of(self, row: PolicyRevision) -> str:
        return f"{row.policy.title}, revision {row.number}"

    @admin.display(description="revision", ordering="number")
    def revision(self, row: PolicyRevision) -> str:
        return f"{row.policy.slug} v{row.number}"

    @admin.display(description="policy", ordering="policy__title")
    def of(self, row: PolicyRevision) -> Any:
        return formatting.admin_link(row.policy)

    @admin.display(description="state")
    def state(self, row: PolicyRevision) -> Any:
        if row.term.closed_at is not None:
            return formatting.badge("Cancelled", "none")
        terms = _terms(row.policy)
        if terms.current_revision == row.pk:
            return formatting.badge("In force", "ok")
        is_scheduled = terms.scheduled is not None and terms.scheduled.revision_id == row.pk
        return formatting.badge("Scheduled", "wait") if is_scheduled else formatting.badge("Superseded", "none")

    @admin.display(description="published", ordering="published_at")
    def published(self, row: PolicyRevision) -> Any:
        return formatting.format_datetime(row.published_at)

    @admin.display(description="confirmed by")
    def second(self, row: PolicyRevision) -> str:
        names = registry.account_names([row.confirmed_by])
        return confirmation_of(row, names)

    @admin.display(description="proposed by")
    def by(self, row: PolicyRevision) -> Any:
        person = registry.account_by_uid(row.published_by)
        return formatting.admin_link(person) if person is not None else formatting.code(row.published_by)

    @admin.display(description="digest", ordering="digest")
    def digest_short(self, row: PolicyRevision) -> Any:
        return formatting.code(row.digest[:12])

    @admin.display(description="SHA-256 of the document")
    def digest_whole(self, row: PolicyRevision) -> Any:
        return formatting.code(row.digest)

    @admin.display(description="requests made under it")
    def used_by(self, row: PolicyRevision) -> Any:
        numbers = list(row.requests.order_by("-pk").values_list("pk", flat=True)[:20])
        links = ((reverse("web:promotion", args=[number]), number) for number in numbers)
        return format_html_join(", ", '<a href="{}">#{}</a>', links) or formatting.NONE

    @admin.display(description="YAML")
    def yaml(self, row: PolicyRevision) -> Any:
        return formatting.block(row.source)

    def _made_elsewhere(self) -> str:
        return "propose it from its policy."
