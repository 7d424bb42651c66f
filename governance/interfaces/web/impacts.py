"""What concerns approvals after the promotion: the list of impacts, and the form that recalls a dataset."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from governance import selectors as governance
from governance.interfaces.html.forms import PageForm
from governance.interfaces.web import pagination
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import Impact
from governance.services import dataset_recalls
from registry import access, selectors
from registry.exceptions import DomainError, NotFoundError, PermissionDeniedError

STATES = {"": "open", "settled": "settled", "any": "any"}


@page_view()
def impact_list(request: PageRequest) -> HttpResponse:
    """List the impacts on visible models, by cause and state."""
    cause = request.GET.get("cause", "")
    state = request.GET.get("state", "")
    cause = cause if cause in Impact.Cause.values else ""
    state = state if state in STATES else ""
    is_open = {"": True, "settled": False, "any": None}[state]
    cut = pagination.paginate(
        governance.visible_impacts(request.actor, cause=cause, is_open=is_open), ("-pk",), request.GET
    )
    context = {
        "rows": cut.rows,
        "page": cut,
        "cause": cause,
        "causes": Impact.Cause.choices,
        "state": state,
        "states": STATES,
    }
    return render_page(request, "impacts/list.html", context)


class RecallForm(PageForm):
    """The reason for a recall."""

    reason = forms.CharField(
        label="Why it must not be relied on",
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Recorded in the audit log, and shown on the dataset and for every version that depends on it.",
    )


@page_view("GET", "POST")
def recall_dataset(request: PageRequest, key: str) -> HttpResponse:
    """Recall a dataset."""
    found = selectors.lineage.dataset(request.actor, key)
    if isinstance(answer := dataset_recalls.may_recall(request.actor), access.Denied):
        raise answer.refusal()
    form = RecallForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            try:
                dataset_recalls.recall(actor=request.actor, dataset=found, reason=form.cleaned_data["reason"])
            except (NotFoundError, PermissionDeniedError):
                raise
            except DomainError as refusal:
                form.take_refusal(refusal)
            else:
                messages.success(request, f"{found.name} is recalled.")
                return redirect("web:dataset", found.identity)
    weight = selectors.lineage.dataset_usage(request.actor, found.identity)
    context = {"d": found, "form": form, "weight": weight, "recall": governance.recall_of(found.identity)}
    return render_page(request, "datasets/recall.html", context, status=status)
