"""Change proposals, read-only (they are signed on their own page), and the installation record."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from audit.actor import Actor
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import ActionLink, AuditedModelAdmin
from governance.interfaces.admin.commands import ActionResult, AdminAction
from governance.interfaces.admin.filters import by_date
from governance.interfaces.admin.forms import ReasonForm
from governance.selectors.change_proposals import content_of, warnings_of_change
from registry import selectors
from registry.access import OrgPermission
from registry.models import ChangeProposal, Instance
from registry.services import change_kinds, change_proposals, instance

SECTION = "Policies"


def proposed(proposal: ChangeProposal) -> ActionResult:
    """Build the result of an action that proposed a change, or made it in a single-officer installation."""
    if proposal.outcome == ChangeProposal.Outcome.CONFIRMED:
        alone = "This installation has a single officer: no second person signed."
        return ActionResult(f"In effect: {proposal.title}.", proposal, (alone, *warnings_of_change(proposal)))
    names = ", ".join(change_proposals.confirmers_of(proposal).order_by("name").values_list("name", flat=True)[:5])
    missing = () if names else ("No other officer can confirm it: appoint a second officer.",)
    return ActionResult(
        f"Proposed as {proposal}. It takes effect when it is confirmed by: {names or 'another officer'}.",
        proposal,
        (*missing, *warnings_of_change(proposal)),
    )


class ChangeProposalAdmin(AuditedModelAdmin):
    """Change proposals with their author and confirmer."""

    section, position, icon = SECTION, 0, "scale"
    singular, plural = "change proposal", "change proposals"
    about = "Changes of policies, roles and groups that take effect with a second person's signature."
    object_type = "change_proposal"
    list_display = ("number", "title", "kind_label", "state", "proposer", "proposed_at")
    list_display_links = ("number", "title")
    list_filter = ("outcome", "kind", by_date("opened_at", "day it was proposed"))
    list_select_related = ("proposed_by", "model")
    search_fields = ("title", "subject_id", "proposed_by__name")
    search_help_text = "Title, subject or proposer"
    ordering = ("-pk",)
    fieldsets = (
        (None, {"fields": ("title", "kind_label", "state", "proposer", "proposed_at", "reason", "expires")}),
        ("Answer", {"fields": ("answered_at", "answered_by", "comment")}),
        ("Signed content", {"fields": ("digest_whole", "content"), "classes": ("wide-field",)}),
    )

    def name_of(self, row: ChangeProposal) -> str:
        return f"{row}: {row.title}"

    @admin.display(description="number", ordering="pk")
    def number(self, row: ChangeProposal) -> str:
        return str(row)

    @admin.display(description="kind", ordering="kind")
    def kind_label(self, row: ChangeProposal) -> str:
        return change_kinds.kind_of(row).label

    @admin.display(description="state", ordering="outcome")
    def state(self, row: ChangeProposal) -> Any:
        tone = {"confirmed": "ok", "proposed": "wait"}.get(row.state, "none")
        word = "Confirmed by a single officer" if row.single_officer else row.state.capitalize()
        return formatting.badge(word, tone)

    @admin.display(description="proposed by", ordering="proposed_by__name")
    def proposer(self, row: ChangeProposal) -> Any:
        return formatting.admin_link(row.proposed_by)

    @admin.display(description="proposed", ordering="opened_at")
    def proposed_at(self, row: ChangeProposal) -> Any:
        return formatting.format_datetime(row.opened_at)

    @admin.display(description="expires")
    def expires(self, row: ChangeProposal) -> Any:
        return formatting.format_datetime(row.expires_at if row.closed_at is None else None)

    @admin.display(description="answered")
    def answered_at(self, row: ChangeProposal) -> Any:
        return formatting.format_datetime(row.closed_at)

    @admin.display(description="by")
    def answered_by(self, row: ChangeProposal) -> Any:
        person = selectors.account_by_uid(row.closed_by)
        return formatting.admin_link(person) if person is not None else (row.closed_by or formatting.NONE)

    @admin.display(description="SHA-256 of the signed content")
    def digest_whole(self, row: ChangeProposal) -> Any:
        return formatting.code(row.digest)

    @admin.display(description="content")
    def content(self, row: ChangeProposal) -> Any:
        return formatting.block(content_of(row))

    def links(self, request: HttpRequest, row: ChangeProposal) -> list[ActionLink]:
        return [ActionLink("Open the proposal to sign or withdraw it", reverse("web:change", args=[row.pk]))]

    def _made_elsewhere(self) -> str:
        return "propose the change where it is made: at the policy, the role, the group or the model."


def _confirm_setup(actor: Actor, row: Instance, form: ReasonForm) -> ActionResult:
    return proposed(instance.propose_setup_confirmation(actor=actor, reason=form.cleaned_data["reason"]))


def _end_single_officer(actor: Actor, row: Instance, form: ReasonForm) -> ActionResult:
    done = instance.end_single_officer(actor=actor, reason=form.cleaned_data["reason"])
    return ActionResult("Changes of governance now need two officers.", done)


class InstanceAdmin(AuditedModelAdmin):
    """The record of this installation."""

    section, position, icon = SECTION, 9, "gear"
    singular, plural = "installation", "installation"
    about = "Whether two officers confirmed the set-up, and whether a single officer can make changes alone."
    object_type = "instance"
    change_permission = OrgPermission.MANAGE_POLICIES
    commands = (
        AdminAction(
            "confirm-setup",
            "Confirm the set-up",
            "Proposes that the first officers, groups, questionnaire and policies are confirmed as they are now. A "
            "second officer confirms it.",
            OrgPermission.MANAGE_POLICIES,
            _confirm_setup,
            is_available=lambda row: row.setup_confirmed_at is None,
        ),
        AdminAction(
            "end-single-officer",
            "Require two officers",
            "Every change of governance will need a second officer.",
            OrgPermission.MANAGE_POLICIES,
            _end_single_officer,
            is_available=lambda row: row.single_officer,
        ),
    )
    list_display = ("name", "officers", "setup")
    fieldsets = ((None, {"fields": ("officers", "setup")}),)

    @admin.display(description="installation")
    def name(self, row: Instance) -> str:
        return "This installation"

    def name_of(self, row: Instance) -> str:
        return "This installation"

    @admin.display(description="changes of governance")
    def officers(self, row: Instance) -> Any:
        if row.single_officer:
            return formatting.badge("A single officer makes changes alone", "wait")
        return formatting.badge("Need two officers", "ok")

    @admin.display(description="set-up")
    def setup(self, row: Instance) -> Any:
        if row.setup_confirmed_at is None:
            return formatting.badge("Not confirmed by two officers", "wait")
        return formatting.format_datetime(row.setup_confirmed_at)

    def _made_elsewhere(self) -> str:
        return "it is recorded when the installation is initialised."
