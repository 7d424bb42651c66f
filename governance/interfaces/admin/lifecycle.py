"""Models, stages, allowed transitions and protected aliases."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from audit.actor import Actor
from audit.recorder import ObjectRef
from governance.interfaces.admin import formatting
from governance.interfaces.admin.base import ActionLink, AuditedModelAdmin, RelatedTable
from governance.interfaces.admin.change_proposals import proposed
from governance.interfaces.admin.commands import ActionResult, AdminAction
from governance.interfaces.admin.forms import ReasonForm
from governance.interfaces.html.templatetags import ui
from registry import access, selectors
from registry.access import OrgPermission
from registry.models import ChangeProposal, ProtectedAlias, RegisteredModel, Stage, StageMove
from registry.services import lifecycle

SECTION = "Catalogue and lifecycle"
SHOWN = 100


class RegisteredModelAdmin(AuditedModelAdmin):
    """Registered models, and who holds roles on them."""

    section, position, icon = SECTION, 1, "cube"
    singular, plural = "registered model", "registered models"
    about = "Every registered model, its owner, and who holds a role on it."
    object_type = "model"
    model_path = "pk"

    list_display = ("slug", "title", "tier", "owner_link", "status", "created")
    list_filter = ("risk_tier", "status")
    list_select_related = ("owner",)
    search_fields = ("slug", "title", "team", "owner__name")
    search_help_text = "Name, title, team or owner"
    autocomplete_fields = ("owner",)
    ordering = ("slug",)
    fieldsets = ((None, {"fields": ("slug", "title", "tier", "owner_link", "team", "purpose", "status", "created")}),)

    def name_of(self, row: RegisteredModel) -> str:
        return row.slug

    @admin.display(description="risk tier", ordering="risk_tier")
    def tier(self, row: RegisteredModel) -> Any:
        return ui.tier(row.risk_tier)

    @admin.display(description="owner", ordering="owner__name")
    def owner_link(self, row: RegisteredModel) -> Any:
        return formatting.admin_link(row.owner)

    @admin.display(description="registered", ordering="created_at")
    def created(self, row: RegisteredModel) -> Any:
        return formatting.format_datetime(row.created_at)

    def links(self, request: HttpRequest, row: RegisteredModel) -> list[ActionLink]:
        return [ActionLink("The model's page", reverse("web:model", args=[row.slug]))]

    def panels(self, request: HttpRequest, row: RegisteredModel) -> list[RelatedTable]:
        grants = access.current_grants().filter(model=row).select_related("user", "group").order_by("role", "pk")
        return [
            RelatedTable(
                "Roles on this model",
                ("Role", "Given to", "Since", ""),
                [
                    (
                        g.role,
                        formatting.admin_link(g.user or g.group),
                        formatting.format_datetime(g.opened_at),
                        formatting.admin_link(g, "Record"),
                    )
                    for g in grants[:SHOWN]
                ],
                "No role is assigned on this model itself; organisation-wide roles apply as well.",
                ("All role assignments", reverse("admin:registry_grant_changelist") + f"?model__id__exact={row.pk}"),
            )
        ]  # fmt: skip

    def _made_elsewhere(self) -> str:
        return "register it on the pages or through the API."


class StageAdmin(AuditedModelAdmin):
    """The stages of the lifecycle."""

    section, position, icon = SECTION, 2, "list"
    singular, plural = "stage", "stages"
    about = "The stages of the lifecycle, and which of them are protected."
    object_type = "stage"

    list_display = ("name", "called", "position", "rules")
    search_fields = ("name", "slug")
    ordering = ("position",)
    fieldsets = ((None, {"fields": ("name", "called", "position", "rules", "leads_to")}),)

    def object_ref(self, row: Stage) -> ObjectRef:
        return ObjectRef("stage", row.slug)

    @admin.display(description="slug", ordering="slug")
    def called(self, row: Stage) -> Any:
        return formatting.code(row.slug)

    @admin.display(description="rules")
    def rules(self, row: Stage) -> Any:
        """The special rules of the stage, as text."""
        marks = {
            "initial stage of every version": row.initial,
            "one version of a model at a time": row.exclusive,
            "entered by a promotion request only": row.protected,
            "left by a promotion request only": row.protected_exit,
        }
        return formatting.tags(word for word, so in marks.items() if so)

    @admin.display(description="leads to")
    def leads_to(self, row: Stage) -> Any:
        return formatting.tags(row.moves_out.order_by("target__position").values_list("target__name", flat=True))

    def _made_elsewhere(self) -> str:
        return "the lifecycle is set when an installation is initialised."


class StageTransitionAdmin(AuditedModelAdmin):
    """The allowed transitions between stages."""

    section, position, icon = SECTION, 3, "arrow"
    singular, plural = "allowed transition", "allowed transitions"
    about = "From which stage to which stage a version may move."
    object_type = "stage"

    list_display = ("move", "source", "target")
    list_filter = ("source", "target")
    list_select_related = ("source", "target")
    search_fields = ("source__name", "target__name")
    autocomplete_fields = ("source", "target")
    ordering = ("source__position", "target__position")
    fieldsets = ((None, {"fields": ("source", "target")}),)

    def object_ref(self, row: StageMove) -> ObjectRef:
        return ObjectRef("stage", row.source.slug)

    @admin.display(description="move")
    def move(self, row: StageMove) -> str:
        return str(row)

    def _made_elsewhere(self) -> str:
        return "the lifecycle is set when an installation is initialised."


class AliasForm(ReasonForm):
    """The stage that a protected alias represents."""

    stage = forms.ChoiceField(
        label="Represents",
        required=False,
        help_text="Pointing the alias at a version in another stage also requires what entering this stage requires.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        protected = selectors.stages().filter(protected=True)
        choice: Any = self.fields["stage"]
        choice.choices = [("", "no stage"), *((stage.slug, stage.name) for stage in protected)]


class NewAliasForm(AliasForm):
    """The name of an alias to protect."""

    name = forms.CharField(
        label="Alias",
        max_length=255,
        help_text="Letters, digits, - and _; protected on every model.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )

    field_order = ("name", "stage")


def _protect(actor: Actor, row: None, form: NewAliasForm) -> ActionResult:
    given = form.cleaned_data
    name, stage = given["name"], given["stage"] or None
    return _changed(actor, name, protected=True, stage=stage, reason=given["reason"], row=None)


def _represent(actor: Actor, row: ProtectedAlias, form: AliasForm) -> ActionResult:
    given = form.cleaned_data
    return _changed(actor, row.name, protected=True, stage=given["stage"] or None, reason=given["reason"], row=row)


def _end(actor: Actor, row: ProtectedAlias, form: ReasonForm) -> ActionResult:
    return _changed(actor, row.name, protected=False, stage=None, reason=form.cleaned_data["reason"], row=row)


def _changed(
    actor: Actor, name: str, *, protected: bool, stage: str | None, reason: str, row: ProtectedAlias | None
) -> ActionResult:
    found = lifecycle.propose_alias_protection(actor=actor, name=name, protected=protected, stage=stage, reason=reason)
    if isinstance(found, ChangeProposal):
        return proposed(found)
    assert found is not None  # ending a protection by a person is always a proposal
    same = " Nothing was changed." if row is not None and (row.stage.slug if row.stage else None) == stage else ""
    return ActionResult(f"@{name} is protected on every model.{same}", found)


class ProtectedAliasAdmin(AuditedModelAdmin):
    """Aliases that move by promotion request only."""

    section, position, icon = SECTION, 4, "lock"
    singular, plural = "protected alias", "protected aliases"
    about = "Aliases that change by promotion request only, on every model, and the stage each represents."
    object_type = "protected_alias"
    change_permission = OrgPermission.MANAGE_POLICIES
    adding = AdminAction(
        "add",
        "Protect an alias",
        "The alias will change by promotion request only, on every model. Its current version does not change.",
        OrgPermission.MANAGE_POLICIES,
        _protect,
        NewAliasForm,
    )
    commands = (
        AdminAction(
            "represent",
            "Change the stage",
            "A change that reduces the requirements takes effect when a second officer confirms it.",
            OrgPermission.MANAGE_POLICIES,
            _represent,
            AliasForm,
            initial=lambda row: {"stage": row.stage.slug if row.stage is not None else ""},
        ),
        AdminAction(
            "end",
            "End the protection",
            "Proposes that the alias can change without a request. It takes effect when a second officer confirms it.",
            OrgPermission.MANAGE_POLICIES,
            _end,
            is_destructive=True,
        ),
    )

    list_display = ("name", "represents")
    list_select_related = ("stage",)
    search_fields = ("name",)
    fieldsets = ((None, {"fields": ("name", "represents")}),)

    @admin.display(description="represents")
    def represents(self, row: ProtectedAlias) -> Any:
        return row.stage.name if row.stage is not None else "no stage"

    def object_ref(self, row: ProtectedAlias) -> ObjectRef:
        return ObjectRef("protected_alias", row.name)
