"""One registered model: where its versions are, what needs doing, who answers for it. Registering and editing one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber
from django.http import HttpResponse
from django.shortcuts import redirect

from audit import clock
from audit import selectors as log
from governance import selectors as promotions
from governance.limits import limits_for
from governance.models import PromotionRequest
from governance.web import keyset
from governance.web.catalogue import policies_now
from governance.web.forms import PageForm
from governance.web.markdown import to_html
from governance.web.page import PageRequest, page, show
from governance.web.templatetags.figures import shared_places
from governance.web.things import Names
from governance.web.trends import Trend, trends_of
from registry import access, selectors
from registry.access import Permission
from registry.exceptions import NotPermitted, Refusal, StaleRevision
from registry.models import (
    OPEN,
    AliasAssignment,
    Grant,
    Metric,
    ModelVersion,
    ProtectedAlias,
    RegisteredModel,
    Stage,
    StageOccupancy,
    User,
    held,
)
from registry.services import models as service

KEY_METRICS = 3
TREND_VERSIONS = 14
RECENT_EVENTS = 8
HELD_SHOWN = 3


@dataclass
class StageColumn:
    """A stage of the lifecycle and the versions of this model that are in it now, newest first."""

    stage: Stage
    held: list[StageOccupancy] = field(default_factory=list)
    more: int = 0
    requests: list[PromotionRequest] = field(default_factory=list)


@dataclass(frozen=True)
class VersionRow:
    """A version in the list: its key metrics, each with the difference to the champion."""

    version: ModelVersion
    aliases: list[AliasAssignment]
    metrics: list[tuple[float | None, float | None, bool | None, int]]
    """Value, difference to the champion, and whether it is within the limit (None without one)."""
    request: PromotionRequest | None


@page()
def model(request: PageRequest, slug: str) -> HttpResponse:
    """The model's page."""
    found = selectors.model(request.actor, slug)
    cut = keyset.cut(selectors.versions_of(found), ("-number",), request.GET)
    stages = list(Stage.objects.order_by("position"))
    requests = promotions.list_rows(
        request.actor,
        PromotionRequest.objects.filter(model=found, state__in=PromotionRequest.LIVE).order_by("-pk"),
    )
    live = [row.request for row in requests]
    aliases = list(AliasAssignment.objects.filter(OPEN, model=found).select_related("version").order_by("name"))
    limits = limits_for(found.risk_tier, policies_now(), {stage.slug for stage in stages if stage.exclusive})
    columns = trends_of([found], {found.pk: limits}, versions=TREND_VERSIONS, most=KEY_METRICS)[found.pk]
    held = _held(found)
    champion = next((occupancy.version for occupancy in held if occupancy.exclusive), None)
    recent = list(log.for_stream(f"model:{found.uid}").order_by("-stream_seq")[:RECENT_EVENTS])
    context = {
        "model": found,
        "description": to_html(found.description),
        "stage_columns": _stage_columns(held, stages, live),
        "columns": columns,
        "rows": _version_rows(cut.rows, columns, champion, aliases, live),
        "page": cut,
        "champion": champion,
        "aliases": aliases,
        "protected": set(ProtectedAlias.objects.values_list("name", flat=True)),
        "requests": requests,
        "people": _people(found),
        "recent": recent,
        "names": Names(request.actor, recent, things=False),
        "may_edit": service.may_change(actor=request.actor, model=found),
        "may_point": access.can(request.actor, Permission.REQUEST_PROMOTION, found),
        "may_register": access.can(request.actor, Permission.REGISTER_VERSION, found),
        "base_url": f"{request.scheme}://{request.get_host()}",
    }
    return show(request, "models/model.html", context)


def _held(model: RegisteredModel) -> list[Any]:
    """The newest few versions in each stage, newest first, each with `total`: how many the stage holds."""
    return list(
        StageOccupancy.objects.filter(OPEN, model=model)
        .annotate(
            place=Window(RowNumber(), partition_by="stage_id", order_by=F("version__number").desc()),
            total=Window(Count("pk"), partition_by="stage_id"),
        )
        .filter(place__lte=HELD_SHOWN)
        .select_related("version")
        .order_by("stage_id", "place")
    )


def _stage_columns(held: Sequence[Any], stages: Sequence[Stage], live: Sequence[PromotionRequest]) -> list[StageColumn]:
    columns = {stage.pk: StageColumn(stage) for stage in stages}
    for occupancy in held:
        column = columns[occupancy.stage_id]
        column.held.append(occupancy)
        column.more = occupancy.total - len(column.held)
    for request in live:
        if request.target_stage_id in columns:
            columns[request.target_stage_id].requests.append(request)
    return list(columns.values())


def _version_rows(
    versions: Sequence[ModelVersion],
    columns: Sequence[Trend],
    champion: ModelVersion | None,
    aliases: Sequence[AliasAssignment],
    live: Sequence[PromotionRequest],
) -> list[VersionRow]:
    shown = {v.pk for v in versions} | ({champion.pk} if champion is not None else set())
    names = [column.name for column in columns]
    rows = Metric.objects.filter(version_id__in=shown, slice="", name__in=names).order_by("revision")
    values = {
        (version_id, name, dataset): value
        for version_id, name, dataset, value in rows.values_list("version_id", "name", "dataset", "value")
    }
    asked = {request.version_id: request for request in reversed(live)}

    places = [
        shared_places(value for (_, name, dataset), value in values.items() if (name, dataset) == (c.name, c.dataset))
        for c in columns
    ]

    def cell(version: ModelVersion, column: Trend) -> tuple[float | None, float | None, bool | None]:
        value = values.get((version.pk, column.name, column.dataset))
        if value is None:
            return None, None, None
        other = champion if champion is not None and champion.pk != version.pk else None
        theirs = values.get((other.pk, column.name, column.dataset)) if other is not None else None
        within = column.limit.holds(value) if column.limit is not None else None
        return value, value - theirs if theirs is not None else None, within

    return [
        VersionRow(
            version,
            [alias for alias in aliases if alias.version_id == version.pk],
            [(*cell(version, column), decimals) for column, decimals in zip(columns, places, strict=True)],
            asked.get(version.pk),
        )
        for version in versions
    ]


def _people(model: RegisteredModel) -> list[Grant]:
    return list(
        Grant.objects.filter(held(clock.now()), model=model)
        .select_related("user", "group")
        .order_by("role", "user__name", "group__name")[:60]
    )


# --- registering and editing ------------------------------------------------------------------------------------------


class ModelForm(PageForm):
    """What is on record about a model."""

    title = forms.CharField(
        max_length=200, required=False, help_text="A name for people: “Probability of default, retail”."
    )
    purpose = forms.CharField(label="Use case", max_length=300, required=False, help_text="What is decided with it.")
    team = forms.CharField(max_length=120, required=False)
    risk_tier = forms.TypedChoiceField(
        label="Risk tier",
        choices=[("", "not set"), ("1", "Tier 1, highest"), ("2", "Tier 2"), ("3", "Tier 3")],
        coerce=int,
        empty_value=None,
        required=False,
        help_text="Policies ask for more the higher the tier. Without one, nothing enters a protected stage.",
    )
    description = forms.CharField(
        required=False, widget=forms.Textarea(attrs={"rows": 5}), help_text="Markdown.", max_length=50_000
    )
    intended_use = forms.CharField(
        label="Intended use", required=False, widget=forms.Textarea(attrs={"rows": 3}), max_length=20_000
    )
    prohibited_use = forms.CharField(
        label="Not for", required=False, widget=forms.Textarea(attrs={"rows": 3}), max_length=20_000
    )
    regulations = forms.CharField(
        required=False, help_text="Separated by commas: “EU AI Act Annex III, SR 26-2”.", max_length=1000
    )
    next_review = forms.DateField(
        label="Next review", required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def clean_regulations(self) -> list[str]:
        return [part.strip() for part in self.cleaned_data["regulations"].split(",") if part.strip()]


class NewModelForm(ModelForm):
    """A model to be registered: its name comes first and stays."""

    slug = forms.CharField(
        label="Name",
        max_length=200,
        help_text="Lower-case letters, digits, dots, hyphens, underscores. It is in every address and stays.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    field_order = ("slug",)


class EditModelForm(ModelForm):
    """The same with an owner, and the revision it was opened on."""

    owner = forms.CharField(
        required=False,
        max_length=150,
        help_text="User name. The new owner is given the role.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)
    field_order = ("title", "purpose", "team", "owner")

    def clean_owner(self) -> User | None:
        name = self.cleaned_data["owner"].strip()
        if not name:
            return None
        person = User.objects.filter(username=name, is_active=True, kind=User.Kind.PERSON).first()
        if person is None:
            raise forms.ValidationError("No active person has that user name.")
        return person


@page("GET", "POST")
def register_model(request: PageRequest) -> HttpResponse:
    """Register a model; whoever does becomes its owner."""
    access.require_in_organisation(request.actor, access.OrgPermission.REGISTER_MODEL)
    form = NewModelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = service.register_model(actor=request.actor, **form.cleaned_data)
        except Refusal as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, f"{made.slug} is registered and you are its owner.")
            return redirect("web:model", made.slug)
    status = 400 if form.is_bound else 200
    return show(request, "models/edit.html", {"form": form, "new": True}, status=status)


@page("GET", "POST")
def edit_model(request: PageRequest, slug: str) -> HttpResponse:
    """Change what is on record. A form opened before somebody else's change is not taken over theirs."""
    found = selectors.model(request.actor, slug)
    may = service.may_change(actor=request.actor, model=found)
    if isinstance(may, access.Denied):
        raise may.refusal()
    status, theirs = 200, None
    if request.method == "POST":
        form = EditModelForm(request.POST)
        status = 400
        if form.is_valid():
            facts: dict[str, Any] = dict(form.cleaned_data)
            revision = facts.pop("revision")
            try:
                service.update_model(
                    actor=request.actor, model=found, expected_revision=revision, **_changed(found, facts)
                )
            except StaleRevision as stale:
                now = stale.existing
                assert isinstance(now, RegisteredModel)
                theirs, status = _differences(now, form), 409
                form = EditModelForm({**request.POST.dict(), "revision": now.revision})
            except Refusal as refusal:
                form.take_refusal(refusal)
                status = 403 if isinstance(refusal, NotPermitted) else 400
            else:
                messages.success(request, "Saved.")
                return redirect("web:model", found.slug)
    else:
        form = EditModelForm(initial=_initial(found))
    return show(request, "models/edit.html", {"form": form, "model": found, "theirs": theirs}, status=status)


def _initial(model: RegisteredModel) -> dict[str, Any]:
    names = ("title", "purpose", "team", "risk_tier", "description", "intended_use", "prohibited_use", "next_review")
    return {
        **{name: getattr(model, name) for name in names},
        "regulations": ", ".join(model.regulations),
        "owner": model.owner.username if model.owner is not None else "",
        "revision": model.revision,
    }


def _changed(model: RegisteredModel, facts: dict[str, Any]) -> dict[str, Any]:
    """Only what differs is sent: who may edit the text need not be allowed to change who answers for the model. A
    textarea sends CRLF whatever was stored, so line ends are no difference."""

    def same(name: str, value: Any) -> bool:
        stored = getattr(model, name)
        if isinstance(stored, str) and isinstance(value, str):
            return stored.replace("\r\n", "\n") == value.replace("\r\n", "\n")
        return bool(stored == value)

    return {name: value for name, value in facts.items() if not same(name, value)}


def _differences(now: RegisteredModel, form: EditModelForm) -> list[tuple[str, str]]:
    """What the row says now where the form says something else: label and present value."""
    present = {**_initial(now), "regulations": list(now.regulations), "owner": now.owner}
    return [
        (str(form[name].label), str(present[name] or "nothing"))
        for name in form.cleaned_data
        if name != "revision" and present[name] != form.cleaned_data[name]
    ]
