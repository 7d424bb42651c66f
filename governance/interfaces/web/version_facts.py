"""View data of a version: metrics table, model signature, evidence revisions; and the form for its editable fields."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import slugify

from governance.checks import entry_points
from governance.checks.base import is_attachable
from governance.interfaces.html.forms import PageForm
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.services import evidence
from registry import access, selectors
from registry.access import Permission
from registry.comparison import parse_side
from registry.exceptions import DomainError, PermissionDeniedError, StaleRevisionError
from registry.models import Evidence, Metric, ModelVersion
from registry.services import metadata

MOST_COLUMNS = 12
"""Maximum columns of the table; the list below shows the rest."""


@dataclass(frozen=True)
class Cell:
    """The newest value of a metric, and its earlier revisions."""

    value: float
    revision: int
    earlier: tuple[Metric, ...]


@dataclass(frozen=True)
class Pivot:
    """Metrics as rows, datasets and slices as columns."""

    columns: tuple[tuple[str, str], ...]
    """(dataset, slice)"""
    rows: tuple[tuple[str, tuple[Cell | None, ...]], ...]
    left_out: int
    earlier: tuple[Metric, ...]
    """Values replaced by a later revision, newest first."""


def pivot(metrics: Iterable[Metric]) -> Pivot:
    """Build the table of newest values from all revisions of a version's metrics."""
    by_key: dict[tuple[str, str, str], list[Metric]] = {}
    for metric in sorted(metrics, key=lambda m: -m.revision):
        by_key.setdefault((metric.name, metric.dataset, metric.slice), []).append(metric)
    # The empty slice (the whole dataset) sorts first.
    columns = sorted({(dataset, part) for _, dataset, part in by_key})
    shown = columns[:MOST_COLUMNS]
    rows = [
        (name, tuple(_cell(by_key.get((name, dataset, part))) for dataset, part in shown))
        for name in sorted({name for name, _, _ in by_key})
    ]
    earlier = [metric for revisions in by_key.values() for metric in revisions[1:]]
    return Pivot(
        tuple(shown),
        tuple(rows),
        len(columns) - len(shown),
        tuple(sorted(earlier, key=lambda m: (-m.revision, m.name, m.dataset, m.slice))),
    )


def _cell(revisions: Sequence[Metric] | None) -> Cell | None:
    return Cell(revisions[0].value, revisions[0].revision, tuple(revisions[1:])) if revisions else None


@dataclass(frozen=True)
class Field:
    """An input or output: name, type, and whether it is required."""

    name: str
    type: str
    required: bool


@dataclass(frozen=True)
class SignatureTable:
    """Inputs and outputs of the model signature; `other` is the rest as JSON."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    other: str


def signature_of(version: ModelVersion) -> SignatureTable:
    """Parse the model signature in MLflow's format: columns or tensors, as JSON or as JSON text."""
    given: dict[str, Any] = dict(version.signature)
    inputs, outputs = _fields(given.get("inputs")), _fields(given.get("outputs"))
    unread = {k: v for k, v in given.items() if not (k == "inputs" and inputs) and not (k == "outputs" and outputs)}
    return SignatureTable(
        inputs, outputs, json.dumps(unread, indent=2, ensure_ascii=False) if any(unread.values()) else ""
    )


def _fields(given: Any) -> tuple[Field, ...]:
    given = parse_side(given)
    if not isinstance(given, list) or not all(isinstance(field, dict) for field in given):
        return ()
    return tuple(
        Field(str(field.get("name") or f"column {n}"), _type(field), field.get("required", True) is not False)
        for n, field in enumerate(given, 1)
    )


def _type(field: dict[str, Any]) -> str:
    tensor = field.get("tensor-spec")
    if isinstance(tensor, dict):
        return f"{tensor.get('dtype')} {tensor.get('shape')}"
    kind = field.get("type", "not stated")
    return kind if isinstance(kind, str) else json.dumps(kind, ensure_ascii=False)


@dataclass(frozen=True)
class EvidenceGroup:
    """A kind of evidence: its newest revision, and the earlier ones, newest first."""

    newest: Evidence
    earlier: tuple[Evidence, ...]


def evidence_by_kind(version: ModelVersion) -> list[EvidenceGroup]:
    """Return all evidence of a version, by kind."""
    rows = selectors.evidence_revisions(version)
    by_kind: dict[str, list[Evidence]] = {}
    for row in rows:
        by_kind.setdefault(row.kind, []).append(row)
    return [EvidenceGroup(revisions[0], tuple(revisions[1:])) for revisions in by_kind.values()]


# --- what is free -----------------------------------------------------------------------------------------------------


class NotesForm(PageForm):
    """Description, notes and tags, which do not affect decisions."""

    description = forms.CharField(required=False, max_length=100_000, widget=forms.Textarea(attrs={"rows": 3}))
    notes = forms.CharField(
        required=False,
        max_length=100_000,
        widget=forms.Textarea(attrs={"rows": 10}),
        help_text="Markdown, for the people who work on it. Not part of what approvers sign.",
    )
    tags = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One per line: key=value.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def clean_tags(self) -> dict[str, str]:
        """Parse lines of key=value."""
        tags: dict[str, str] = {}
        for line in filter(str.strip, self.cleaned_data["tags"].splitlines()):
            key, mark, value = line.partition("=")
            if not mark or not key.strip():
                raise forms.ValidationError(f"“{line[:60]}” is not a tag: write key=value.")
            if key.strip() in tags:
                raise forms.ValidationError(f"“{key.strip()[:60]}” occurs twice: a key has one value.")
            tags[key.strip()] = value.strip()
        return tags


@page_view("GET", "POST")
def edit(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Edit the editable fields of a version. A concurrent change is shown and not overwritten."""
    found = selectors.version(request.actor, slug, number)
    access.require_permission(request.actor, Permission.REGISTER_VERSION, found.model)
    status, theirs = 200, False
    form = NotesForm(request.POST or None, initial=_initial(found))
    if request.method == "POST":
        status = 400
        if form.is_valid():
            given = dict(form.cleaned_data)
            expected = given.pop("revision")
            for name in ("description", "notes"):  # a textarea always sends CRLF
                given[name] = given[name].replace("\r\n", "\n")
            try:
                metadata.annotate_version(actor=request.actor, version=found, expected_revision=expected, **given)
            except StaleRevisionError as stale:
                now = stale.existing
                assert isinstance(now, ModelVersion)
                found, theirs, status = now, True, 409
                form = NotesForm({**request.POST.dict(), "revision": now.revision})
            except DomainError as refusal:
                form.take_refusal(refusal)
                status = 403 if isinstance(refusal, PermissionDeniedError) else 400
            else:
                messages.success(request, "Saved.")
                return redirect("web:version", slug, number)
    context = {"form": form, "version": found, "model": found.model, "theirs": theirs, "was": _initial(found)}
    return render_page(request, "versions/edit.html", context, status=status)


def _initial(version: ModelVersion) -> dict[str, Any]:
    return {
        "description": version.description,
        "notes": version.notes,
        "tags": "\n".join(f"{key}={value}" for key, value in sorted(version.tags.items())),
        "revision": version.revision,
    }


# --- documents --------------------------------------------------------------------------------------------------------


OTHER = "other"
DOCUMENT = evidence.DOCUMENT


def evidence_kinds() -> dict[str, str]:
    """The kinds of evidence files that installed checks read, with the titles of those checks."""
    read_by: dict[str, list[str]] = {}
    for check in entry_points.all():
        for need in check.needs:
            if is_attachable(need.kind):
                read_by.setdefault(need.kind, []).append(check.title)
    return {kind: ", ".join(titles) for kind, titles in sorted(read_by.items())}


class EvidenceForm(PageForm):
    """An evidence file, such as the input of a check, a report or a memo."""

    kind = forms.ChoiceField(label="What it is", widget=forms.RadioSelect)
    title = forms.CharField(
        label="Title, or kind of evidence",
        required=False,
        max_length=80,
        help_text="For “Something else”: a title, such as “Bias audit”, or a kind defined by a plug-in, such as "
        "fairness.table. A file with the same title or kind becomes its next revision.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    file = forms.FileField(
        help_text="An evaluation table is CSV in UTF-8 with the columns label and score or prediction. A file that no "
        "check can read is refused with the reason."
    )
    pointers = {"/filename": "file", "": "file", "/kind": "title"}  # noqa: RUF012  # never changed

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            *((kind, f"{kind}: read by “{titles}”") for kind, titles in evidence_kinds().items()),
            (f"{DOCUMENT}validation_report", "Validation report"),
            (f"{DOCUMENT}approval_memo", "Approval memo"),
            (OTHER, "Something else"),
        ]

    def clean(self) -> dict[str, Any]:
        """For “Something else”, derive the kind from the title, or accept a kind."""
        given = super().clean() or self.cleaned_data
        if given.get("kind") == OTHER:
            title = given.get("title", "").strip()
            words = slugify(title).replace("-", "_")
            given["kind"] = title if "." in title and " " not in title else f"{DOCUMENT}{words}"
            if not words:
                self.add_error("title", "Enter a title with letters or digits.")
        return given


@page_view("GET", "POST")
def documents(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Add an evidence file to a version, or a revision of one. `?kind=` preselects the kind."""
    found = selectors.version(request.actor, slug, number)
    access.require_permission(request.actor, Permission.REGISTER_VERSION, found.model)
    form = EvidenceForm(request.POST or None, request.FILES or None, initial=_kind_of(request.GET.get("kind", "")))
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                added = evidence.attach_evidence(
                    actor=request.actor,
                    version=found,
                    kind=form.cleaned_data["kind"],
                    filename=file.name,
                    stream=file,
                )
            except DomainError as refusal:
                form.take_refusal(refusal)
            else:
                messages.success(request, f"{added.filename} is revision {added.revision} of {added.kind}.")
                return redirect(f"{reverse('web:version', args=[slug, number])}#evidence")
    context = {"form": form, "version": found, "model": found.model}
    return render_page(request, "versions/documents.html", context, status=status)


def _kind_of(kind: str) -> dict[str, str]:
    if not kind:
        return {"kind": f"{DOCUMENT}validation_report"}
    return {"kind": kind} if kind in evidence_kinds() else {"kind": OTHER, "title": kind[:80]}
