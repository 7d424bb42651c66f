"""Promotion requests: list, page, decision, withdrawal and promotion."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters

from audit import clock
from governance import promotions, selectors
from governance.interfaces.html import errors, resending
from governance.interfaces.html.forms import DayField, PageForm
from governance.interfaces.web import list_filters, packets, pagination, sign_in_form
from governance.interfaces.web.discussion import ShownDiscussion, discussion_for, text_of
from governance.interfaces.web.request_view_model import RequestViewModel, parts_of
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import Decision, PromotionRequest
from governance.promotions.deciding import MAX_COMMENT
from governance.promotions.signing import SIGNATURE_MEANINGS
from governance.services import receipts
from registry import access, moments
from registry.exceptions import ConflictError, DomainError, NotFoundError, PermissionDeniedError, ValidationFailedError
from registry.services import passkeys

STATES = {
    "": "open, blocked or ready",
    **{str(value): str(label).lower() for value, label in PromotionRequest.State.choices},
    "any": "any",
}


CONDITIONS = (1, 2, 3)
"""Rows for conditions of an approval."""


class DecisionForm(PageForm):
    """A decision. `packet` is the digest of the packet shown on the page, `read_at` the time the page was opened."""

    outcome = forms.ChoiceField(label="Decision", choices=Decision.Outcome.choices, widget=forms.RadioSelect)
    comment = forms.CharField(
        label="What you looked at, and why",
        required=False,
        max_length=MAX_COMMENT,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    password = forms.CharField(
        required=False,
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    on_behalf_of = forms.CharField(required=False, max_length=40)
    code = forms.CharField(required=False, max_length=40)
    condition_1 = forms.CharField(label="Condition 1", required=False, max_length=200)
    due_1 = DayField(label="Due", required=False)
    condition_2 = forms.CharField(label="Condition 2", required=False, max_length=200)
    due_2 = DayField(label="Due", required=False)
    condition_3 = forms.CharField(label="Condition 3", required=False, max_length=200)
    due_3 = DayField(label="Due", required=False)
    passkey_ticket = forms.CharField(widget=forms.HiddenInput, required=False, max_length=500)
    passkey_assertion = forms.CharField(widget=forms.HiddenInput, required=False, max_length=20_000)
    packet = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    read_at = forms.CharField(widget=forms.HiddenInput, required=False, max_length=40)

    def clean(self) -> dict[str, Any]:
        """Require a date for each condition, and a condition for each date."""
        given = super().clean() or self.cleaned_data
        for number in CONDITIONS:
            title, due = given.get(f"condition_{number}"), given.get(f"due_{number}")
            if bool(title) != bool(due) and f"due_{number}" not in self.errors:
                self.add_error(f"condition_{number}", "A condition has a text and a due date: give both, or neither.")
        return given

    @property
    def condition_rows(self) -> list[tuple[int, forms.BoundField, forms.BoundField]]:
        """The fields of the conditions: number, text, due date."""
        return [(number, self[f"condition_{number}"], self[f"due_{number}"]) for number in CONDITIONS]

    @property
    def has_conditions(self) -> bool:
        """Whether a condition was given or refused."""
        return any(row.value() or due.value() for _, row, due in self.condition_rows)

    @property
    def signature(self) -> promotions.DecisionSignature | promotions.PasskeySignature:
        """The signature of a valid form: with a passkey if the form has its assertion."""
        given = self.cleaned_data
        if given["passkey_assertion"]:
            return promotions.PasskeySignature(given["passkey_ticket"], given["passkey_assertion"])
        return promotions.DecisionSignature(given["password"] + given["code"])

    def conditions(self) -> list[promotions.ApprovalCondition]:
        """Return the conditions of a valid form."""
        given = self.cleaned_data
        return [
            promotions.ApprovalCondition(given[f"condition_{number}"], given[f"due_{number}"])
            for number in CONDITIONS
            if given.get(f"condition_{number}")
        ]


class ReasonForm(PageForm):
    """The reason for a withdrawal."""

    reason = forms.CharField(label="Why", max_length=5_000, widget=forms.Textarea(attrs={"rows": 3}))


@page_view()
def promotion(request: PageRequest, number: int) -> HttpResponse:
    """Show a request. When polled with the token of the shown page, return 204 until something changes."""
    if request.htmx and request.GET.get("seen"):
        if request.GET["seen"] == seen(request, number):
            return HttpResponse(status=204)
        return render_page(request, "promotions/live.html", _live_context(request, number))
    return render_page(request, "promotions/request.html", _context(request, number))


def seen(request: PageRequest, number: int) -> str:
    """Return a token that changes whenever the page changes. Two queries, because open pages poll it."""
    found = (
        selectors.visible_requests(request.actor)
        .filter(pk=number)
        .values_list("revision", "check_runs__pk", "check_runs__status", "check_runs__progress__done")
    )
    rows = list(found)
    if not rows:
        raise NotFoundError(f"There is no promotion request #{number} that you can see.")
    runs = [(pk, status, (done or 0) if status == "running" else 0) for _, pk, status, done in rows if pk is not None]
    return f"{selectors.poll_token(rows[0][0], runs)}~{selectors.discussion_token(number)}"


def _context(request: PageRequest, number: int, form: DecisionForm | None = None, **more: Any) -> dict[str, Any]:
    found = selectors.request_page(request.actor, number, request.person)
    parts: RequestViewModel = parts_of(request.actor, found)
    talk = discussion_for(request, found.request)
    if form is None:
        form = _decision_form(request, found)
    return {
        "page": found,
        "r": found.request,
        "parts": parts,
        "token": f"{found.seen}~{talk.token}",
        "discussion": talk,
        "ending": _kept_ending(request, number, talk),
        "form": form,
        "has_passkey": bool(found.can_decide) and bool(passkeys.passkeys_of(request.person)),
        "meanings": {str(outcome): meaning for outcome, meaning in SIGNATURE_MEANINGS.items()},
        "withdraw_form": ReasonForm(prefix="withdraw"),
        "permalink": request.build_absolute_uri(reverse("web:promotion", args=[number])),
        "deciding": bool(found.can_decide),
        "form_shown": bool(found.can_decide),
        "reapproves": _deviations(found.request),
        "rollback_choice": _rollback_choice(request, found.request),
        **more,
    }


def _live_context(request: PageRequest, number: int) -> dict[str, Any]:
    """Context of the part that is updated live.

    The decision form is not replaced while it may be in use: `deciding` says that the page shows it.
    """
    context = _context(request, number)
    deciding = bool(request.GET.get("deciding"))
    before = request.GET["seen"].partition("~")[2]
    return {
        **context,
        "live_update": True,
        "talked": before != context["discussion"].token or not context["r"].is_live,
        "deciding": deciding,
        "form_shown": deciding or context["form_shown"],
    }


def _rollback_choice(request: PageRequest, found: PromotionRequest) -> str:
    """Return the choice of the rollback page that undoes a promotion; empty where the reader may not request it."""
    choice = selectors.choice_that_undoes(found)
    may_request = choice and access.check_permission(request.actor, access.Permission.REQUEST_PROMOTION, found.model)
    return choice if may_request else ""


def _deviations(request: PromotionRequest) -> list[selectors.Deviation]:
    """The additions since the approval that a live request renews, while the version still holds the placement."""
    if request.reapproves_id is None or not request.is_live:
        return []
    held = selectors.deviations_of({request.version_id: request.version})
    return [deviation for deviation in held if deviation.approval.request == request.reapproves_id]


def _decision_form(request: HttpRequest, found: selectors.PromotionDetail) -> DecisionForm:
    """The decision form, with the text kept from an expired session, if any."""
    kept = resending.take_kept(request, reverse("web:decide", args=[found.request.pk]))
    return DecisionForm(
        initial={
            "packet": found.packet_digest,
            "read_at": clock.now().isoformat(),
            "outcome": kept.get("outcome") if kept is not None else "",
            "comment": kept.get("comment") if kept is not None else "",
            "on_behalf_of": kept.get("on_behalf_of") if kept is not None else "",
        }
    )


def _kept_ending(request: HttpRequest, number: int, talk: ShownDiscussion) -> dict[str, Any]:
    """The text of the form that ends an objection, kept from an expired session, if any."""
    if talk.objection is None:
        return {}
    kept = resending.take_kept(request, reverse("web:end-objection", args=[number, talk.objection.pk]))
    return {name: kept.get(name) for name in ("kind", "explanation")} if kept is not None else {}


def _ask_again(request: HttpRequest, number: int) -> HttpResponse:
    return sign_in_form.ask_again(request, f"/promotions/{number}/")


def _ask_again_to_end(request: HttpRequest, number: int, decision: int) -> HttpResponse:
    return sign_in_form.ask_again(request, f"/promotions/{number}/")


@sensitive_post_parameters("password", "code")
@page_view("POST", signed_out=_ask_again)
def decide(request: PageRequest, number: int) -> HttpResponse:
    """Record a decision. After an error the form keeps its text."""
    found = selectors.get_request(request.actor, number)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return render_page(request, "promotions/request.html", _again(request, number, form), status=400)
    try:
        decision = promotions.decide(
            actor=request.actor,
            request=found,
            outcome=form.cleaned_data["outcome"],
            packet_digest=form.cleaned_data["packet"],
            comment=form.cleaned_data["comment"],
            signature=form.signature,
            conditions=form.conditions(),
            on_behalf_of=form.cleaned_data["on_behalf_of"],
        )
    except NotFoundError:
        raise
    except DomainError as refusal:
        if isinstance(refusal, ConflictError) and refusal.code == "packet_changed":
            return _changed(request, found, form)
        form.take_refusal(refusal)
        status = errors.kind_of(refusal).status
        return render_page(request, "promotions/request.html", _again(request, number, form), status=status)
    messages.success(
        request, f"Recorded and signed: you {_outcome_phrase(decision)} #{number}.{_receipt(decision.event)}"
    )
    return redirect("web:promotion", number)


@page_view("POST")
def prepare_passkey(request: PageRequest, number: int) -> HttpResponse:
    """Return the statement of the decision in the form, for the browser to sign with a passkey. Nothing is written."""
    found = selectors.get_request(request.actor, number)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return JsonResponse(
            {"detail": " ".join(str(text) for texts in form.errors.values() for text in texts)}, status=400
        )
    try:
        prepared = promotions.prepare_statement(
            actor=request.actor,
            request=found,
            outcome=form.cleaned_data["outcome"],
            packet_digest=form.cleaned_data["packet"],
            comment=form.cleaned_data["comment"],
            conditions=form.conditions(),
            on_behalf_of=form.cleaned_data["on_behalf_of"],
        )
    except NotFoundError:
        raise
    except DomainError as refusal:
        return JsonResponse({"detail": refusal.detail}, status=errors.kind_of(refusal).status)
    return JsonResponse({"options": prepared.options, "ticket": prepared.ticket})


def _receipt(event_id: uuid.UUID) -> str:
    """Return the receipt of an event in words; empty where receipts are switched off."""
    if not settings.COUNTERSIGN_RECEIPT_SECONDS:
        return ""
    proof = receipts.receipt_for(event_id).proof
    if proof is None:
        return f" Its proof is pending: see event {event_id} in the audit log."
    return f" Sealed at index {proof.index} of the audit log; the page of event {event_id} has the proof to keep."


def _outcome_phrase(decision: Decision) -> str:
    return {"approve": "approved", "request_changes": "requested changes on", "reject": "rejected"}[decision.outcome]


def _again(request: PageRequest, number: int, form: DecisionForm) -> dict[str, Any]:
    """Context of the page after an error, with the submitted form but without the password.

    If no decision is possible any more, the page lists the events since it was opened.
    """
    context = _context(request, number, form)
    opened = _moment(form["read_at"].value() or "")
    if not context["deciding"] and opened is not None:
        context["change_events"] = packets.events_since(request.actor, context["r"], opened)
    return context


def _changed(request: PageRequest, found: PromotionRequest, form: DecisionForm) -> HttpResponse:
    """Show what changed since the page was opened, and keep the text of the form."""
    now = selectors.request_page(request.actor, found.pk)
    shown = form.cleaned_data["packet"]
    opened = _moment(form.cleaned_data["read_at"])
    again = DecisionForm(
        initial={
            "packet": now.packet_digest,
            "read_at": clock.now().isoformat(),
            "outcome": form.cleaned_data["outcome"],
            "comment": form.cleaned_data["comment"],
            "on_behalf_of": form.cleaned_data["on_behalf_of"],
        }
    )
    changes = packets.changes(found, shown, now.packet_digest)
    events = packets.events_since(request.actor, found, opened) if opened is not None else []
    context = _context(request, found.pk, again, changed=True, changes=changes, change_events=events)
    return render_page(request, "promotions/request.html", context, status=409)


def _moment(text: str) -> datetime | None:
    try:
        return moments.read_moment(text)
    except moments.MomentError:
        return None


@sensitive_post_parameters("password", "code")
@page_view("POST", signed_out=_ask_again_to_end)
def end_objection(request: PageRequest, number: int, decision: int) -> HttpResponse:
    """Resolve or withdraw one's own objection, with a signature. After an error the form keeps its text."""
    found = selectors.objection(request.actor, number, decision)
    kind, explanation = request.POST.get("kind", ""), text_of(request, "explanation")
    try:
        promotions.end_objection(
            actor=request.actor,
            decision=found,
            kind=kind,
            explanation=explanation,
            signature=promotions.DecisionSignature(
                request.POST.get("password", "") + request.POST.get("code", "").strip()
            ),
        )
    except ValidationFailedError as refusal:
        ending = {"kind": kind, "explanation": explanation, "errors": [error.detail for error in refusal.errors]}
        context = _context(request, number, ending=ending)
        if context["discussion"].objection is None:
            raise
        return render_page(request, "promotions/request.html", context, status=400)
    messages.success(request, f"Recorded and signed: your objection no longer blocks #{number}.")
    return redirect("web:promotion", number)


@page_view("POST")
def withdraw(request: PageRequest, number: int) -> HttpResponse:
    """Withdraw a request."""
    found = selectors.get_request(request.actor, number)
    form = ReasonForm(request.POST, prefix="withdraw")
    if form.is_valid():
        try:
            promotions.withdraw(actor=request.actor, request=found, reason=form.cleaned_data["reason"])
        except (NotFoundError, PermissionDeniedError):
            raise
        except DomainError as refusal:
            form.take_refusal(refusal)
        else:
            messages.success(request, f"#{number} is withdrawn.")
            return redirect("web:promotion", number)
    return render_page(request, "promotions/request.html", _context(request, number, withdraw_form=form), status=400)


@page_view("POST")
def promote(request: PageRequest, number: int) -> HttpResponse:
    """Promote a ready request whose policy requires an explicit execution."""
    found = selectors.get_request(request.actor, number)
    promotions.promote(actor=request.actor, request=found)
    receipt = receipts.receipt_of_promotion(found)
    messages.success(request, f"#{number} is promoted.{_receipt(receipt.event_id) if receipt is not None else ''}")
    return redirect("web:promotion", number)


# --- the list ---------------------------------------------------------------------------------------------------------


@page_view()
def promotion_list(request: PageRequest) -> HttpResponse:
    """List the requests of visible models, newest first."""
    search = list_filters.parse_search_box(request.GET.get("q", ""), ("state", "model", "mine"))
    filters = {**search.filters, **list_filters.given(request.GET, ("state", "model", "mine"))}
    state = filters.get("state", "")
    rows = selectors.visible_requests(request.actor)
    if state in PromotionRequest.State.values:
        rows = rows.filter(state=state)
    elif state != "any":
        rows = rows.filter(state__in=PromotionRequest.LIVE)
    if model := filters.get("model"):
        rows = rows.filter(model__slug=model)
    if filters.get("mine"):
        rows = rows.filter(requested_by=request.person)
    if search.text:
        rows = rows.filter(_words(search.text))
    cut = pagination.paginate(rows, ("-pk",), request.GET)
    order = {row.pk: n for n, row in enumerate(cut.rows)}
    drawn = selectors.promotion_summaries(request.actor, selectors.requests_by_pk(order), request.person)
    context = {
        "rows": sorted(drawn, key=lambda row: order[row.request.pk]),
        "page": cut,
        "q": request.GET.get("q", ""),
        "text": search.text,
        "state": state,
        "states": STATES,
        "filters": filters,
        "filtered": bool(search.text or filters),
    }
    return render_page(request, "promotions/list.html", context, part="results")


def _words(text: str) -> Q:
    number = text.lstrip("#")
    by_number = Q(pk=int(number)) if number.isascii() and number.isdecimal() and len(number) < 10 else Q(pk__in=[])
    return by_number | Q(model__slug__icontains=text) | Q(reason__icontains=text)
