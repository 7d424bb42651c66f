"""The editor of a policy: preview in words, difference, replay and proposal; and the page of a replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from audit import clock
from governance import selectors
from governance.interfaces.html.forms import DayField, MomentField, PageForm
from governance.interfaces.web.csv_file import csv_response
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.policies import PolicyDocument
from governance.services import policies, policy_replays
from governance.services.policy_template import template
from registry import access
from registry.exceptions import DomainError, FieldError, ValidationFailedError

MAX_SOURCE = 256 * 1024
SHOWN = 300
"""Rows of a replay on its page; the CSV file has all."""
REFRESH_SECONDS = 3
OUTCOMES = ("newly_blocked", "newly_allowed", "unknown")
PARTS = ("past", "open", "production")
COLUMNS = ("part", "outcome", "request", "model", "version", "target", "state", "before", "after", "reasons")


class DraftForm(PageForm):
    """The YAML of a draft, and what a replay and a proposal need besides."""

    source = forms.CharField(
        label="Policy (YAML)",
        strip=False,
        max_length=MAX_SOURCE,
        widget=forms.Textarea(attrs={"rows": 26, "class": "code", "spellcheck": "false", "wrap": "off"}),
    )
    since = DayField(
        label="Replay since", required=False, help_text="Requests closed on this day or later; a year ago if empty."
    )
    in_force_from = MomentField(
        label="In force from",
        required=False,
        help_text="Empty: when the second officer confirms it. In your time zone, at most a year ahead.",
    )
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Needed for the proposal; the second officer reads it.",
    )
    replay = forms.IntegerField(required=False, min_value=1, max_value=999_999_999, widget=forms.HiddenInput)

    def clean_source(self) -> str:
        """Undo the line endings that the browser inserted."""
        return str(self.cleaned_data["source"]).replace("\r\n", "\n")


@page_view("GET", "POST")
def propose(request: PageRequest, slug: str) -> HttpResponse:
    """Edit a draft of the policy; for a policy that does not exist yet, from the template."""
    access.require_in_organisation(request.actor, access.OrgPermission.MANAGE_POLICIES)
    start = selectors.draft_start(slug)
    if request.method != "POST":
        number = request.GET.get("replay", "")
        initial: dict[str, Any] = {"source": start.source or template(slug)}
        if number.isascii() and number.isdecimal() and len(number) < 10:
            kept = selectors.policy_replay(request.actor, int(number))
            initial = {"source": kept.source, "replay": kept.pk}
        return _show(request, slug, start, DraftForm(initial=initial))
    form = DraftForm(request.POST)
    if not form.is_valid():
        return _show(request, slug, start, form, status=400)
    given = form.cleaned_data
    try:
        document = _read(given["source"], start, slug)
        if request.POST.get("action") == "replay":
            made = policy_replays.request_replay(
                actor=request.actor, source=given["source"], since=_since(given["since"])
            )
            return redirect("web:policy-replay", made.pk)
        if request.POST.get("action") == "propose":
            shown = selectors.policy_replay(request.actor, given["replay"]) if given["replay"] else None
            proposal = policies.propose(
                actor=request.actor,
                source=given["source"],
                reason=given["reason"],
                replay=shown,
                in_force_from=given["in_force_from"],
            )
            messages.success(request, f"Proposed as {proposal}. Another officer confirms it.")
            return redirect("web:change", proposal.pk)
    except ValidationFailedError as refusal:
        named = [fault for fault in refusal.errors if fault.pointer == "/in_force_from"]
        for fault in named:
            form.add_error("in_force_from", fault.detail)
        return _show(request, slug, start, form, faults=[one for one in refusal.errors if one not in named], status=400)
    except DomainError as refusal:
        form.take_refusal(refusal)
        return _show(request, slug, start, form, status=409)
    return _show(request, slug, start, form, document=document)


def _read(source: str, start: selectors.DraftStart, slug: str) -> PolicyDocument:
    document = policies.read(source)
    if start.revision is not None and document.slug != slug:
        rule = (
            f"field slug: this page proposes the next revision of {slug}; open the page of another policy to change it."
        )
        raise ValidationFailedError([FieldError("/slug", "another_policy", rule)])
    return document


def _since(day: Any) -> datetime:
    day = day or (clock.now() - timedelta(days=365)).date()
    return timezone.make_aware(datetime.combine(day, time()))


def _show(
    request: PageRequest,
    slug: str,
    start: selectors.DraftStart,
    form: DraftForm,
    *,
    document: PolicyDocument | None = None,
    faults: Sequence[FieldError] = (),
    status: int = 200,
) -> HttpResponse:
    source = str(form.cleaned_data["source"]) if form.is_bound and "source" in form.cleaned_data else ""
    context = {
        "slug": slug,
        "start": start,
        "form": form,
        "faults": [fault.detail[:1].upper() + fault.detail[1:] for fault in faults],
        "preview": selectors.preview_of(document, source, start) if document is not None else None,
        "catalogue": selectors.check_catalogue(),
        "groups": selectors.reviewer_groups(),
    }
    return render_page(request, "policies/editor.html", context, status=status)


@page_view()
def replay(request: PageRequest, number: int) -> HttpResponseBase:
    """Show a replay; `outcome` and `part` filter its rows, `download=csv` exports them."""
    outcome, part = (
        value if (value := request.GET.get(name, "")) in known else ""
        for name, known in (("outcome", OUTCOMES), ("part", PARTS))
    )
    found = selectors.replay_page(request.actor, number, outcome=outcome, part=part)
    if request.GET.get("download") == "csv" and found.replay.result is not None:
        return csv_response(f"replay-{number}-{found.replay.policy_slug}", COLUMNS, _table(found.rows))
    context = {
        "found": found,
        "replay": found.replay,
        "rows": found.rows[:SHOWN],
        "more": max(0, len(found.rows) - SHOWN),
        "counts": selectors.counts_of((found.replay.result or {}).get("counts", {})),
        "outside": (found.replay.result or {}).get("outside", {}),
        "outcome": outcome,
        "part": part,
        "outcomes": OUTCOMES,
        "parts": PARTS,
        "again": REFRESH_SECONDS,
        "may_propose": bool(access.check_org_permission(request.actor, access.OrgPermission.MANAGE_POLICIES)),
    }
    return render_page(request, "policies/replay.html", context)


def _table(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[Any]]:
    for row in rows:
        yield [*(row[name] for name in COLUMNS[:-1]), "; ".join(row["reasons"])]
