"""The register of findings, the page of a finding, and the form to open one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect

from audit import clock
from audit import selectors as log
from audit.recorder import ObjectRef
from governance import selectors as governance
from governance.findings import require_may_open
from governance.interfaces.html.event_labels import lines_of
from governance.interfaces.html.forms import DayField, PageForm
from governance.interfaces.web import list_filters, pagination
from governance.interfaces.web.csv_file import csv_response
from governance.interfaces.web.markdown import to_html
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import Finding
from governance.policies.monitoring import KIND_LABELS
from governance.services import findings as service
from registry import selectors
from registry.exceptions import ValidationFailedError
from registry.models import Evidence, ModelVersion, RegisteredModel, User

EVENTS_SHOWN = 50
FILTERS = ("state", "severity", "source", "owner", "model", "late")
STATES = {
    "": "not closed",
    "acknowledged": "acknowledged",
    "closure_proposed": "closure proposed",
    "closed": "closed",
    "any": "any",
}
SOURCES = [
    choice for choice in Finding.Source.choices if choice[0] not in (Finding.Source.SIGNAL, Finding.Source.DECISION)
]
MAX_CSV = 10_000
_Text = {"rows": 3}


class NoteForm(PageForm):
    """What a person does about a finding."""

    note = forms.CharField(
        label="What you do about it",
        max_length=5_000,
        widget=forms.Textarea(attrs=_Text),
        help_text="Recorded in the audit log with your name.",
    )


class ClosureForm(PageForm):
    """Why a finding is closed."""

    reason = forms.CharField(
        label="What was found and done",
        max_length=5_000,
        widget=forms.Textarea(attrs=_Text),
        help_text="Recorded with your name. A later problem is another finding.",
    )


class ReturnForm(PageForm):
    """Why a proposed closure is returned."""

    reason = forms.CharField(label="What is missing", max_length=5_000, widget=forms.Textarea(attrs=_Text))


class ProposalForm(PageForm):
    """Evidence that a finding can be closed."""

    evidence = forms.CharField(
        label="What was done, and how that is known",
        max_length=service.MAX_EVIDENCE,
        widget=forms.Textarea(attrs=_Text),
    )
    attachment: forms.ModelChoiceField[Evidence] = forms.ModelChoiceField(
        label="Attached evidence",
        queryset=None,  # that of the model, set when the form is made
        required=False,
        help_text="Evidence of a version of the model.",
    )

    def __init__(self, *args: Any, model: RegisteredModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["attachment"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = governance.evidence_of_model(model)


class OwnerForm(PageForm):
    """Another owner of a finding."""

    owner = forms.CharField(label="Owner", max_length=150, help_text="User name of the person who corrects it.")
    reason = forms.CharField(label="Reason", max_length=5_000)

    def clean_owner(self) -> User | None:
        """Return the account."""
        return _person(self.cleaned_data["owner"])


class DueForm(PageForm):
    """Another due date of a finding."""

    due = DayField(label="Due")
    reason = forms.CharField(label="Reason", max_length=5_000)


class FindingForm(PageForm):
    """A new finding."""

    title = forms.CharField(label="What is wrong", max_length=200)
    description = forms.CharField(
        label="Details",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="Markdown.",
    )
    severity = forms.ChoiceField(label="Severity", choices=Finding.Severity.choices, initial="medium")
    source = forms.ChoiceField(label="Found in", choices=SOURCES)
    version = forms.TypedChoiceField(label="Version", required=False, coerce=int, empty_value=None)
    owner = forms.CharField(
        label="Owner", required=False, max_length=150, help_text="User name; empty for the owner of the model."
    )
    due = DayField(label="Due", required=False, help_text="Empty: critical after 7 days, high 30, medium 90, low 180.")
    blocks = forms.MultipleChoiceField(
        label="Blocks promotion into",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Until it is closed. Without a version, no version of the model is promoted there.",
    )

    def __init__(self, *args: Any, model: RegisteredModel, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        versions = [(number, f"v{number}") for number in selectors.version_numbers(model)]
        self._set_choices("version", [("", "the model as a whole"), *versions])
        self._set_choices("blocks", [(stage.slug, stage.name) for stage in selectors.stages() if stage.protected])

    def _set_choices(self, name: str, choices: list[tuple[Any, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_owner(self) -> User | None:
        """Return the account; None for the owner of the model."""
        return _person(self.cleaned_data["owner"])


def _person(username: str) -> User | None:
    if not username.strip():
        return None
    found = selectors.account_by_username(username.strip())
    if found is None:
        raise ValidationError(f"There is no account with the user name “{username.strip()}”.")
    return found


@page_view()
def finding_list(request: PageRequest) -> HttpResponseBase:
    """List the findings of visible models that match the filters; `format=csv` sends them as a file."""
    filters = list_filters.given(request.GET, FILTERS)
    if filters.get("owner") == "@me":
        filters["owner"] = request.person.username
    rows = governance.filtered_findings(governance.visible_findings(request.actor), filters)
    if request.GET.get("format") == "csv":
        return csv_response("findings", _HEADING, _lines(rows[:MAX_CSV]))
    cut = pagination.paginate(rows, ("-pk",), request.GET)
    today = clock.now().date()
    context = {
        "rows": [(row, row.is_late(today)) for row in cut.rows],
        "page": cut,
        "filters": filters,
        "filtered": bool(filters),
        "states": STATES,
        "severities": Finding.Severity.choices,
        "sources": Finding.Source.choices,
    }
    return render_page(request, "findings/list.html", context, part="results")


_HEADING = (
    *("number", "model", "version", "severity", "state", "late", "source", "title", "owner", "due", "blocks"),
    *("opened_at", "closed_at", "closed_by"),
)


def _lines(rows: Any) -> Iterator[tuple[Any, ...]]:
    today = clock.now().date()
    for row in rows:
        owner = row.responsible
        yield (
            row.pk,
            row.model.slug,
            row.version.number if row.version is not None else None,
            row.severity,
            row.state,
            "yes" if row.is_late(today) else "no",
            row.source,
            row.words,
            owner.name if owner is not None else None,
            row.due,
            " ".join(row.blocks),
            row.opened_at.isoformat(),
            row.closed_at.isoformat() if row.closed_at is not None else None,
            row.closed_by.name if row.closed_by is not None else None,
        )


@page_view("GET", "POST")
def open_finding(request: PageRequest, slug: str) -> HttpResponse:
    """Open a finding about a model."""
    model = selectors.model(request.actor, slug)
    require_may_open(request.actor, model)
    form = FindingForm(model=model, initial={"version": request.GET.get("version", "")})
    if request.method == "POST":
        form = FindingForm(request.POST, model=model)
        if form.is_valid():
            given = dict(form.cleaned_data)
            try:
                made = service.open_for(
                    actor=request.actor,
                    model=model,
                    version=_version(request, model, given.pop("version")),
                    owner=given.pop("owner"),
                    **given,
                )
            except ValidationFailedError as refusal:
                form.take_refusal(refusal)
            else:
                messages.success(request, f"Finding {made.pk} is open.")
                return redirect("web:finding", made.pk)
    status = 400 if form.is_bound else 200
    return render_page(request, "findings/open.html", {"model": model, "form": form}, status=status)


def _version(request: PageRequest, model: RegisteredModel, number: int | None) -> ModelVersion | None:
    return selectors.version(request.actor, model.slug, number) if number is not None else None


@page_view()
def finding(request: PageRequest, number: int) -> HttpResponse:
    """Show a finding, its events, and the forms of those who may act on it."""
    return _page(request, governance.finding(request.actor, number))


@page_view("POST")
def acknowledge(request: PageRequest, number: int) -> HttpResponse:
    """Acknowledge a finding."""
    form = NoteForm(request.POST)

    def act(found: Finding) -> None:
        service.acknowledge(actor=request.actor, finding=found, note=form.cleaned_data["note"])

    return _act(request, number, form, "acknowledge", act, "acknowledged")


@page_view("POST")
def assign(request: PageRequest, number: int) -> HttpResponse:
    """Name another owner."""
    form = OwnerForm(request.POST)

    def act(found: Finding) -> None:
        service.assign(actor=request.actor, finding=found, **form.cleaned_data)

    return _act(request, number, form, "assign", act, "assigned")


@page_view("POST")
def reschedule(request: PageRequest, number: int) -> HttpResponse:
    """Set another due date."""
    form = DueForm(request.POST)

    def act(found: Finding) -> None:
        service.reschedule(actor=request.actor, finding=found, **form.cleaned_data)

    return _act(request, number, form, "reschedule", act, "rescheduled")


@page_view("POST")
def propose(request: PageRequest, number: int) -> HttpResponse:
    """Propose closure with evidence."""
    found = governance.finding(request.actor, number)
    form = ProposalForm(request.POST, model=found.model)

    def act(finding: Finding) -> None:
        service.propose_closure(actor=request.actor, finding=finding, **form.cleaned_data)

    return _act(request, number, form, "propose", act, "proposed for closure")


@page_view("POST")
def return_closure(request: PageRequest, number: int) -> HttpResponse:
    """Return a proposed closure."""
    form = ReturnForm(request.POST)

    def act(found: Finding) -> None:
        service.return_closure(actor=request.actor, finding=found, reason=form.cleaned_data["reason"])

    return _act(request, number, form, "return", act, "open again")


@page_view("POST")
def close(request: PageRequest, number: int) -> HttpResponse:
    """Close a finding."""
    form = ClosureForm(request.POST)

    def act(found: Finding) -> None:
        service.close(actor=request.actor, finding=found, reason=form.cleaned_data["reason"])

    return _act(request, number, form, "close", act, "closed")


def _act(
    request: PageRequest,
    number: int,
    form: PageForm,
    name: str,
    act: Callable[[Finding], None],
    done: str,
) -> HttpResponse:
    found = governance.finding(request.actor, number)
    if form.is_valid():
        try:
            act(found)
        except ValidationFailedError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, f"Finding {number} is {done}.")
            return redirect("web:finding", number)
    return _page(request, found, status=400, **{f"{name}_form": form})


def _page(request: PageRequest, found: Finding, status: int = 200, **forms_given: PageForm) -> HttpResponse:
    events = list(log.events_for_object(ObjectRef("finding", str(found.uid)))[:EVENTS_SHOWN])
    is_open = found.closed_at is None
    may_work_on = service.may_work_on(actor=request.actor, finding=found) if is_open else None
    may_close = service.may_close(actor=request.actor, finding=found) if is_open else None
    context: dict[str, Any] = {
        "finding": found,
        "model": found.model,
        "version": found.version,
        "kind": KIND_LABELS.get(found.kind, ""),
        "description": to_html(found.description) if found.description else "",
        "evidence": to_html(found.closure_evidence) if found.closure_evidence else "",
        "blocked_places": ", ".join(found.blocks),
        "is_late": found.is_late(clock.now().date()),
        "lines": lines_of(request.actor, events),
        "may_work_on": may_work_on,
        "may_close": may_close,
        "is_proposer": found.proposed_by_id == request.person.pk,
        "closing_obstacle": service.closing_obstacle(actor=request.actor, finding=found),
        "acknowledge_form": NoteForm(),
        "close_form": ClosureForm(auto_id="close_%s"),
        "return_form": ReturnForm(auto_id="return_%s"),
        "assign_form": OwnerForm(auto_id="assign_%s"),
        "reschedule_form": DueForm(auto_id="due_%s", initial={"due": found.due}),
        "propose_form": ProposalForm(model=found.model, auto_id="propose_%s") if may_work_on else None,
        **forms_given,
    }
    return render_page(request, "findings/finding.html", context, status=status)
