"""Add a model card or metrics to a version; evidence files are in `version_facts`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from governance.documents.completeness import requirements
from governance.gate.gate_inputs import documents_in_force
from governance.interfaces.html.forms import PageForm
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.services import evidence
from registry import access, selectors
from registry.access import Permission
from registry.exceptions import DomainError, PermissionDeniedError, StaleRevisionError, ValidationFailedError
from registry.models import ModelCard, ModelVersion
from registry.services.version_spec import MAX_CARD_BYTES
from registry.services.versions import MetricSpec

PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class CardForm(PageForm):
    """The text of a model card, typed or from a file."""

    text = forms.CharField(
        label="Model card",
        required=False,
        strip=False,
        max_length=MAX_CARD_BYTES,
        help_text="Markdown, with optional YAML metadata between lines of --- at the top.",
        widget=forms.Textarea(attrs={"rows": 26, "spellcheck": "true"}),
    )
    file = forms.FileField(label="Or a file", required=False, help_text="Its text replaces the text above.")
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        """Use the text of the file if there is one."""
        given = super().clean() or self.cleaned_data
        file = given.get("file")
        if file is not None:
            if file.size > MAX_CARD_BYTES:
                self.add_error("file", f"A card has at most {MAX_CARD_BYTES // 1024} KB.")
                return given
            try:
                given["text"] = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("file", "The file is not text in UTF-8.")
        given["text"] = (given.get("text") or "").replace("\r\n", "\n")
        if not given["text"].strip() and not self.errors:
            self.add_error("text", "Write the card, or choose a file.")
        return given


@page_view("GET", "POST")
def card_edit(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Add a revision of the model card. A concurrent revision is shown and not overwritten."""
    found = selectors.version(request.actor, slug, number)
    access.require_permission(request.actor, Permission.REGISTER_VERSION, found.model)
    newest = selectors.card_of(found)
    initial = {"text": newest.text if newest is not None else outline(found), "revision": _number(newest)}
    form = CardForm(request.POST or None, request.FILES or None, initial=initial)
    status, theirs = 200, None
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                evidence.attach_card(
                    actor=request.actor,
                    version=found,
                    text=form.cleaned_data["text"],
                    expected_revision=form.cleaned_data["revision"],
                )
            except StaleRevisionError as stale:
                now = stale.existing
                assert isinstance(now, ModelCard)
                theirs, status = now, 409
                form = CardForm({"text": form.cleaned_data["text"], "revision": now.revision})
            except DomainError as refusal:
                form.take_refusal(refusal)
                status = 403 if isinstance(refusal, PermissionDeniedError) else 400
            else:
                messages.success(request, "The model card is saved.")
                return redirect("web:card", slug, number)
    context = {"form": form, "version": found, "model": found.model, "newest": newest, "theirs": theirs}
    return render_page(request, "versions/card_edit.html", context, status=status)


def _number(card: ModelCard | None) -> int:
    return card.revision if card is not None else 0


def outline(version: ModelVersion) -> str:
    """Return an empty card with the metadata and sections that the policies require."""
    required, _ = requirements(version, documents_in_force())
    metadata = "".join(f"{name}: \n" for name in required.required_metadata)
    sections = "\n".join(f"## {title}\n\n" for title in required.required_sections)
    return f"---\n{metadata}---\n\n# {version.model.slug}\n\n{sections}" if metadata else sections


class MetricForm(forms.Form):
    """One metric; an empty row is ignored."""

    name = forms.CharField(required=False, max_length=250, widget=forms.TextInput(attrs=PLAIN))
    value = forms.CharField(
        required=False, max_length=60, widget=forms.TextInput(attrs={**PLAIN, "inputmode": "decimal"})
    )
    dataset = forms.CharField(required=False, max_length=250, widget=forms.TextInput(attrs=PLAIN))
    slice = forms.CharField(required=False, max_length=250, widget=forms.TextInput(attrs=PLAIN))

    def clean(self) -> dict[str, Any]:
        """Require a name and a number."""
        given = super().clean() or self.cleaned_data
        if any(given.get(name) for name in ("name", "value", "dataset", "slice")):
            if not given.get("name"):
                self.add_error("name", "Name the metric.")
            try:
                given["number"] = float(given.get("value") or "")
            except ValueError:
                self.add_error("value", "Write a number with a decimal point, such as 0.87.")
        return given


MetricRows = forms.formset_factory(MetricForm, extra=6, max_num=200, validate_max=True)


@page_view("GET", "POST")
def metrics(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Add metrics. For the same name, dataset and slice the newest value counts."""
    found = selectors.version(request.actor, slug, number)
    access.require_permission(request.actor, Permission.REGISTER_VERSION, found.model)
    wanted = [{"name": name[:250]} for name in request.GET.getlist("name")[:20]]
    rows = MetricRows(request.POST or None, initial=wanted or None)
    faults: list[str] = []
    status = 200
    if request.method == "POST":
        status = 400
        if rows.is_valid():
            given = [row.cleaned_data for row in rows if "number" in row.cleaned_data]
            specs = [MetricSpec(row["name"], row["number"], row["dataset"], row["slice"]) for row in given]
            try:
                added = evidence.attach_metrics(actor=request.actor, version=found, metrics=specs)
            except DomainError as refusal:
                faults = _faults(refusal, specs)
                status = 403 if isinstance(refusal, PermissionDeniedError) else 400
            else:
                messages.success(request, f"{len(added)} metric{'s' if len(added) != 1 else ''} saved.")
                return redirect(f"{reverse('web:version', args=[slug, number])}#metrics")
    context = {"rows": rows, "faults": faults, "version": found, "model": found.model}
    return render_page(request, "versions/metrics.html", context, status=status)


def _faults(refusal: DomainError, specs: list[MetricSpec]) -> list[str]:
    """Messages of the domain error, each with the name of its metric."""
    if not isinstance(refusal, ValidationFailedError):
        return [refusal.detail]
    messages_ = []
    for fault in refusal.errors:
        place = fault.pointer.strip("/").split("/")
        at = int(place[1]) if len(place) > 1 and place[1].isdecimal() else -1
        messages_.append(f"{specs[at].name}: {fault.detail}" if 0 <= at < len(specs) else fault.detail)
    return messages_
