"""The risk tier of a model, and its assessment."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from governance.interfaces.html.forms import PageForm
from governance.interfaces.web.views import PageRequest, page_view, render_page
from registry import access, selectors
from registry.exceptions import ConflictError, DomainError, InvalidStateError
from registry.models import Assessment, ChangeProposal
from registry.questionnaire import Questionnaire
from registry.services import assessments, questionnaires, tier_lowering

EARLIER = 20


class AssessmentForm(PageForm):
    """The questionnaire as a form: one choice per question, then the rationale."""

    rationale = forms.CharField(
        label="Basis of the answers",
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="Figures, documents, people consulted. Recorded with the assessment.",
    )
    tier = forms.TypedChoiceField(
        label="Tier",
        choices=[("", "as computed by the questionnaire"), ("1", "Tier 1"), ("2", "Tier 2"), ("3", "Tier 3")],
        coerce=int,
        empty_value=None,
        required=False,
        help_text="A tier stricter than computed needs only a reason. A less strict one is proposed by officers "
        "and confirmed by a second person.",
    )
    override_reason = forms.CharField(
        label="Why another tier",
        required=False,
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Required if you chose a tier.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)
    questionnaire = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, questionnaire: Questionnaire, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._questions = [question.id for question in questionnaire.questions]
        for question in questionnaire.questions:
            self.fields[f"q-{question.id}"] = forms.ChoiceField(
                label=question.ask,
                help_text=question.help,
                choices=[(answer.id, answer.text) for answer in question.answers],
                widget=forms.RadioSelect,
            )
        names = [f"q-{question}" for question in self._questions]
        self.order_fields([*names, "rationale", "tier", "override_reason"])

    def answers(self) -> dict[str, str]:
        return {question: self.cleaned_data[f"q-{question}"] for question in self._questions}


@page_view()
def risk(request: PageRequest, slug: str) -> HttpResponse:
    """Show the current tier, its assessment, and earlier assessments."""
    model = selectors.model(request.actor, slug)
    made = selectors.assessments_of(model)
    earlier = list(made.exclude(pk=model.tier_basis_id or 0)[:EARLIER])
    basis = made.filter(pk=model.tier_basis_id or 0).first()
    newest = selectors.questionnaires().defer("source", "document").first()
    context = {
        "model": model,
        "tab": "risk",
        "basis": basis,
        "earlier": earlier,
        "newest": newest,
        "outdated": basis is not None and newest is not None and newest.pk != basis.questionnaire_id,
        "may_assess": assessments.may_assess(actor=request.actor, model=model),
        "proposed": tier_lowering.proposed_for(model),
    }
    return render_page(request, "models/risk.html", context)


@page_view("GET", "POST")
def assess(request: PageRequest, slug: str) -> HttpResponse:
    """Assess a model with the questionnaire in force."""
    model = selectors.model(request.actor, slug)
    may = assessments.may_assess(actor=request.actor, model=model)
    if isinstance(may, access.Denied):
        raise may.refusal()
    found = questionnaires.in_force()
    if found is None:
        raise InvalidStateError(
            "No questionnaire is published yet: an officer must publish one.", code="no_questionnaire"
        )
    published, questionnaire = found
    basis = model.tier_basis
    before = basis.answers if basis is not None else {}
    fresh = {"revision": model.revision, "questionnaire": published.number}
    initial = {**{f"q-{question}": answer for question, answer in before.items()}, **fresh}
    status = 200
    if request.method == "POST":
        form, status = AssessmentForm(questionnaire, request.POST), 400
        if form.is_valid():
            try:
                made = tier_lowering.submit(
                    actor=request.actor,
                    model=model,
                    answers=form.answers(),
                    rationale=form.cleaned_data["rationale"],
                    tier=form.cleaned_data["tier"],
                    override_reason=form.cleaned_data["override_reason"],
                    revision=form.cleaned_data["questionnaire"],
                    expected_revision=form.cleaned_data["revision"],
                )
            except DomainError as refusal:
                # The form keeps the answers; they now refer to the current questions and revision.
                form = AssessmentForm(questionnaire, {**request.POST.dict(), **fresh})
                form.is_valid()
                form.take_refusal(refusal)
                status = 409 if isinstance(refusal, ConflictError) else 400
            else:
                messages.success(request, _outcome(made))
                return redirect("web:risk", model.slug)
    else:
        form = AssessmentForm(questionnaire, initial=initial)
    context = {
        "form": form,
        "model": model,
        "published": published,
        "questionnaire": questionnaire,
        "proposed": tier_lowering.proposed_for(model),
    }
    return render_page(request, "models/assess.html", context, status=status)


def _outcome(made: Assessment | ChangeProposal) -> str:
    """The message shown after an assessment."""
    if isinstance(made, Assessment):
        return f"{made.model.slug} is tier {made.tier}: assessment {made.number} is on record."
    if made.state == ChangeProposal.Outcome.CONFIRMED:
        return f"Confirmed without a second person: {made.title}."
    return f"Proposed as {made}: {made.title}. The tier in force applies until a second person confirms this."
