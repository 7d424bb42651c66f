"""Register, edit and archive a model."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from governance.interfaces.html.forms import DayField, PageForm
from governance.interfaces.web.views import PageRequest, page_view, render_page
from registry import access, selectors
from registry.exceptions import DomainError, PermissionDeniedError, StaleRevisionError
from registry.models import RegisteredModel, User
from registry.services import archiving, fact_changes
from registry.services import models as service

PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class ModelForm(PageForm):
    """Descriptive fields of a model."""

    title = forms.CharField(
        max_length=200, required=False, help_text="A name for people: “Probability of default, retail”."
    )
    purpose = forms.CharField(
        label="Use case", max_length=300, required=False, help_text="The decisions it is used for."
    )
    team = forms.CharField(max_length=120, required=False)
    risk_tier = forms.TypedChoiceField(
        label="Risk tier",
        choices=[("", "not set"), ("1", "Tier 1, highest"), ("2", "Tier 2"), ("3", "Tier 3")],
        coerce=int,
        empty_value=None,
        required=False,
        help_text="Policies require more for higher tiers. Without a tier, no version can enter a protected stage.",
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
    affects_people = forms.TypedChoiceField(
        label="Affects people",
        choices=[("", "not known yet"), ("yes", "yes: it is used in decisions about people"), ("no", "no")],
        coerce=lambda word: word == "yes",
        empty_value=None,
        required=False,
    )
    data_classes = forms.MultipleChoiceField(
        label="Data classes",
        choices=RegisteredModel.DataClass.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="What kinds of data it reads.",
    )
    regulations = forms.CharField(
        required=False, help_text="Separated by commas: “EU AI Act Annex III, SR 26-2”.", max_length=1000
    )
    next_review = DayField(label="Next review", required=False)

    tags = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        max_length=50_000,
        help_text="One per line, as key=value: “cost-centre=4711”.",
    )
    accountable_executive = forms.CharField(
        label="Accountable executive",
        required=False,
        max_length=150,
        help_text="User name.",
        widget=forms.TextInput(attrs=PLAIN),
    )

    def clean_tags(self) -> dict[str, str]:
        lines = [line.strip() for line in self.cleaned_data["tags"].splitlines() if line.strip()]
        if any("=" not in line for line in lines):
            raise forms.ValidationError("Write each tag as key=value.")
        return {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}

    def clean_accountable_executive(self) -> User | None:
        return _person(self.cleaned_data["accountable_executive"])

    def clean_regulations(self) -> list[str]:
        return [part.strip() for part in self.cleaned_data["regulations"].split(",") if part.strip()]


class NewModelForm(ModelForm):
    """A new model; its name cannot be changed later."""

    slug = forms.CharField(
        label="Name",
        max_length=200,
        help_text="Lower-case letters, digits, dots, hyphens, underscores. It is part of URLs and cannot be changed.",
        widget=forms.TextInput(attrs=PLAIN),
    )
    field_order = ("slug",)


class EditModelForm(ModelForm):
    """The fields with the owner, and the revision that was edited."""

    owner = forms.CharField(
        required=False,
        max_length=150,
        help_text="User name. The new owner gets the role.",
        widget=forms.TextInput(attrs=PLAIN),
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)
    field_order = ("title", "purpose", "team", "owner")

    def clean_owner(self) -> User | None:
        return _person(self.cleaned_data["owner"])


def _person(name: str) -> User | None:
    """Return the active person with that user name; None for an empty name."""
    if not name.strip():
        return None
    person = selectors.active_person(name.strip())
    if person is None:
        raise forms.ValidationError("No active person has that user name.")
    return person


@page_view("GET", "POST")
def register_model(request: PageRequest) -> HttpResponse:
    """Register a model; the user becomes its owner."""
    access.require_in_organisation(request.actor, access.OrgPermission.REGISTER_MODEL)
    form = NewModelForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = service.register_model(actor=request.actor, **form.cleaned_data)
        except DomainError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, f"{made.slug} is registered and you are its owner.")
            return redirect("web:model", made.slug)
    status = 400 if form.is_bound else 200
    return render_page(request, "models/edit.html", {"form": form, "new": True}, status=status)


@page_view("GET", "POST")
def edit_model(request: PageRequest, slug: str) -> HttpResponse:
    """Edit a model. A concurrent change is shown and not overwritten."""
    found = selectors.model(request.actor, slug)
    may = service.can_edit(actor=request.actor, model=found)
    if isinstance(may, access.Denied):
        raise may.refusal()
    status, theirs = 200, None
    if request.method == "POST":
        form = _edit_form(found, request.POST)
        status = 400
        if form.is_valid():
            facts: dict[str, Any] = dict(form.cleaned_data)
            revision = facts.pop("revision")
            try:
                _, proposal = fact_changes.submit(
                    actor=request.actor, model=found, expected_revision=revision, **_changed(found, facts)
                )
            except StaleRevisionError as stale:
                now = stale.existing
                assert isinstance(now, RegisteredModel)
                theirs, status = _differences(now, form), 409
                form = _edit_form(now, {**_posted(request), "revision": now.revision})
            except DomainError as refusal:
                form.take_refusal(refusal)
                status = 403 if isinstance(refusal, PermissionDeniedError) else 400
            else:
                if proposal is None:
                    messages.success(request, "Saved.")
                else:
                    messages.warning(request, f"{proposal} waits for a second person: {proposal.title}.")
                return redirect("web:model", found.slug)
    else:
        form = _edit_form(found, initial=_initial(found))
    return render_page(request, "models/edit.html", {"form": form, "model": found, "theirs": theirs}, status=status)


def _edit_form(model: RegisteredModel, *args: Any, **kwargs: Any) -> EditModelForm:
    """Build the form; without the tier if it comes from an assessment."""
    form = EditModelForm(*args, **kwargs)
    if model.tier_basis_id is not None:
        del form.fields["risk_tier"]
    return form


def _posted(request: PageRequest) -> dict[str, Any]:
    """The submitted values, with all values of multiple-choice fields."""
    return {name: values if name == "data_classes" else values[-1] for name, values in request.POST.lists() if values}


def _initial(model: RegisteredModel) -> dict[str, Any]:
    names = ("title", "purpose", "team", "risk_tier", "description", "intended_use", "prohibited_use", "next_review")
    return {
        **{name: getattr(model, name) for name in names},
        "affects_people": {True: "yes", False: "no", None: ""}[model.affects_people],
        "data_classes": model.data_classes,
        "regulations": ", ".join(model.regulations),
        "tags": "\n".join(f"{key}={value}" for key, value in sorted(model.tags.items())),
        "accountable_executive": (
            model.accountable_executive.username if model.accountable_executive is not None else ""
        ),
        "owner": model.owner.username if model.owner is not None else "",
        "revision": model.revision,
    }


def _changed(model: RegisteredModel, facts: dict[str, Any]) -> dict[str, Any]:
    """Return only the changed fields, because some need an additional permission.

    Line endings are ignored: a textarea always sends CRLF.
    """

    def same(name: str, value: Any) -> bool:
        stored = getattr(model, name)
        if isinstance(stored, str) and isinstance(value, str):
            return stored.replace("\r\n", "\n") == value.replace("\r\n", "\n")
        return bool(stored == value)

    return {name: value for name, value in facts.items() if not same(name, value)}


def _differences(now: RegisteredModel, form: EditModelForm) -> list[tuple[str, str]]:
    """The fields whose stored value differs from the form: label and stored value."""
    same = ("affects_people", "data_classes", "regulations", "tags", "owner", "accountable_executive")
    present = {**_initial(now), **{name: getattr(now, name) for name in same}}
    return [
        (str(form[name].label), str(present[name] or "nothing"))
        for name in form.cleaned_data
        if name != "revision" and present[name] != form.cleaned_data[name]
    ]


class ArchiveForm(PageForm):
    """The reason for archiving or reactivating a model."""

    reason = forms.CharField(label="Why", max_length=5_000, widget=forms.Textarea(attrs={"rows": 3}))


@page_view("GET", "POST")
def archive_model(request: PageRequest, slug: str) -> HttpResponse:
    """Archive a model, or reactivate an archived one."""
    found = selectors.model(request.actor, slug)
    service.require_accountability(request.actor, found, frozenset({"status"}))
    archived = found.status == RegisteredModel.Status.ARCHIVED
    form = ArchiveForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        act = archiving.reactivate_model if request.POST.get("to") == "active" else archiving.archive_model
        try:
            act(actor=request.actor, model=found, reason=form.cleaned_data["reason"])
        except DomainError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, f"{found.slug} is {'in use again' if archived else 'archived'}.")
            return redirect("web:model", found.slug)
    context = {"form": form, "model": found, "archived": archived, "held": archiving.blocking_occupancies(found)}
    return render_page(request, "models/archive.html", context, status=400 if form.is_bound else 200)
