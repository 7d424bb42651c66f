"""The page of a version, its files, and the form that requests its promotion."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from django import forms
from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.shortcuts import redirect

from audit import clock
from governance import selectors as promotions
from governance.gate import approvals
from governance.interfaces.html.forms import PageForm
from governance.interfaces.html.templatetags.numbers import shared_places
from governance.interfaces.web import lineage, previews, version_facts
from governance.interfaces.web.discussion import discussion_for
from governance.interfaces.web.markdown import front_matter, to_html, without_front_matter
from governance.interfaces.web.refused_requests import take_refusal
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import CheckRun, PromotionRequest
from governance.policies.metric_limits import Limit, limit_on
from governance.promotions import request as ask_for_promotion
from registry import access, selectors
from registry.access import Permission
from registry.exceptions import DomainError, NotFoundError
from registry.models import (
    ModelVersion,
    StageOccupancy,
)
from registry.services import downloads, sourcing


@dataclass(frozen=True)
class StageHistoryEntry:
    """A period of the version in a stage, and the request that moved it there."""

    occupancy: StageOccupancy
    request_number: int | None


@dataclass(frozen=True)
class MetricComparison:
    """A metric of the version with the champion's value and the policy limit."""

    row: promotions.MetricRow
    limit: Limit | None

    @property
    def good(self) -> bool | None:
        """Whether the difference to the champion is an improvement; None if unknown."""
        return self.row.improved

    @property
    def places(self) -> int:
        """Common number of decimals of both values."""
        return shared_places((self.row.value, self.row.champion))

    @property
    def within(self) -> bool | None:
        return self.row.within


REQUESTS_SHOWN = 20


@page_view()
def version(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Show the version's page."""
    whole = promotions.whole_version(request.actor, slug, number)
    found, card, imported, held = whole.version, whole.card, whole.imported, whole.approvals
    requests = promotions.requests_of_version(found, most=REQUESTS_SHOWN)
    live = [r for r in requests if r.is_live]
    champion = champion_for(found, live)
    runs = promotions.latest_runs(found)
    measured = compare_metrics(found, champion, runs)
    uids = {str(r.uid): r.pk for r in requests}
    been = selectors.occupancies_of(found)
    context = {
        "model": found.model,
        "version": found,
        "champion": champion,
        "comparisons": measured,
        "disagreements": [comparison.row for comparison in measured if comparison.row.disagrees],
        "artifacts": whole.files,
        "datasets": whole.datasets,
        "evidence": version_facts.evidence_by_kind(found),
        "pivot": version_facts.pivot(found.metrics.all()),
        "signature": version_facts.signature_of(found),
        "description": to_html(found.description),
        "notes": to_html(found.notes),
        "card": card,
        "card_html": to_html(without_front_matter(card.text)) if card is not None else "",
        "card_head": front_matter(card.text) if card is not None else "",
        "aliases": whole.aliases,
        "protected": {one.name for one in selectors.protected_aliases()},
        "imported": imported,
        "copied": promotions.source_copy(found) if found.source_only else None,
        "claims": json.dumps(imported.claims, indent=1, ensure_ascii=False) if imported and imported.claims else "",
        "before_governance": any(place.before_governance for place in held),
        "approvals": held,
        "deviations": promotions.deviations_of({found.pk: found}) if any(place.deviates for place in held) else [],
        "unapproved": approvals.attached_since(held),
        "been": [StageHistoryEntry(o, uids.get(str(o.promotion))) for o in been[:12]],
        "requests": requests,
        "live": live,
        "runs": runs,
        "loading": promotions.loading_effects(runs),
        "lineage": lineage.build_lineage(request.actor, found),
        "differing": _differing_parameters(found, champion),
        "may_request": access.check_permission(request.actor, Permission.REQUEST_PROMOTION, found.model),
        "rollback_to": next((o.stage for o in been if _has_left(o) and o.stage_id != found.stage_id), None),
        "targets": promotions.readiness(request.actor, found),
        "may_add": access.check_permission(request.actor, Permission.REGISTER_VERSION, found.model),
        "reference": sourcing.address_of(found),
        "health": promotions.health_of_version(found),
        "discussion": discussion_for(request, found),
        "findings": promotions.open_findings_of(found.model, found),
        "waivers": [(row, row.state_at(clock.now())) for row in promotions.waivers_of_version(found)],
        "today": clock.now().date(),
    }
    return render_page(request, "versions/version.html", context)


def _has_left(occupancy: StageOccupancy) -> bool:
    """Return whether it is the end of a stay in an exclusive, protected stage."""
    return occupancy.closed_at is not None and occupancy.stage.exclusive and occupancy.stage.protected


def champion_for(version: ModelVersion, live: Sequence[PromotionRequest] = ()) -> ModelVersion | None:
    """Return the version to compare with.

    Args:
        version: the version shown.
        live: its open requests, with their champions.

    Returns:
        The champion of an open request, else the version in the exclusive stage; None if that is `version` itself.
    """
    requested = next((request.champion for request in live if request.champion is not None), None)
    if requested is not None:
        return requested
    return selectors.version_in_exclusive_stage(version.model_id, other_than=version.pk)


def compare_metrics(
    version: ModelVersion, champion: ModelVersion | None, runs: Sequence[CheckRun] = ()
) -> list[MetricComparison]:
    """Compare the metrics of a version and its champion, with the values computed by `runs`; limited metrics first."""
    limits = promotions.limits_in_force(version.model)
    rows = promotions.metric_rows(version, champion, limits, measured=promotions.measured_by(runs))
    return [MetricComparison(row, limit_on(limits, row.name, row.dataset, row.slice)) for row in rows]


def _differing_parameters(version: ModelVersion, champion: ModelVersion | None) -> list[tuple[str, Any, Any]]:
    if champion is None:
        return []
    ours, theirs = version.parameters, champion.parameters
    keys = sorted(ours.keys() | theirs.keys())
    return [(key, theirs.get(key), ours.get(key)) for key in keys if ours.get(key) != theirs.get(key)][:12]


@page_view()
def artifact(request: PageRequest, slug: str, number: int, path: str) -> FileResponse:
    """Send a file, always as a download: its content must not be rendered on this site."""
    found = selectors.version(request.actor, slug, number)
    file = selectors.artifact(found, path)
    if file is None:
        raise NotFoundError(f"{slug} v{number} has no file “{path}”.")
    file.version = found
    if request.GET.get("unapproved") != "true":
        approvals.refuse_unapproved(file)
    return _send(downloads.artifact(actor=request.actor, artifact=file), file.path.rpartition("/")[2], file.size)


@page_view()
def evidence(request: PageRequest, slug: str, number: int, kind: str, revision: int) -> FileResponse:
    """Send a revision of an evidence file; with `image=1` an image of pixels, to be shown on its page."""
    found = selectors.version(request.actor, slug, number)
    file = selectors.evidence_revisions(found, kind).filter(revision=revision).first()
    if file is None:
        raise NotFoundError(f"{slug} v{number} has no revision {revision} of evidence “{kind}”.")
    file.version = found
    stream = downloads.evidence(actor=request.actor, evidence=file)
    response = _send(stream, file.filename, file.blob.size)
    if request.GET.get("image") == "1" and (image := previews.image_type(stream.read(16))):
        stream.seek(0)
        # The type is the one that the first bytes have; nosniff keeps the browser from guessing another.
        response["Content-Type"] = image
        response["Content-Disposition"] = "inline"
    else:
        stream.seek(0)
    return response


@page_view()
def evidence_page(request: PageRequest, slug: str, number: int, kind: str, revision: int) -> HttpResponse:
    """Show the beginning of an evidence file, as text or as a table."""
    found = selectors.version(request.actor, slug, number)
    revisions = list(selectors.evidence_revisions(found, kind))
    file = next((one for one in revisions if one.revision == revision), None)
    if file is None:
        raise NotFoundError(f"{slug} v{number} has no revision {revision} of evidence “{kind}”.")
    file.version = found
    with downloads.evidence(actor=request.actor, evidence=file) as stream:
        head = stream.read(previews.head_length(file.filename))
    shown = previews.preview(head, file.filename, complete=len(head) == file.blob.size)
    context = {
        "model": found.model,
        "version": found,
        "file": file,
        "latest": revisions[0].revision,
        "preview": shown,
    }
    return render_page(request, "versions/evidence.html", context)


def _send(stream: BinaryIO, name: str, size: int) -> FileResponse:
    # The response closes the stream.
    response = FileResponse(stream, as_attachment=True, filename=name, content_type="application/octet-stream")
    response["Content-Length"] = str(size)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


# --- asking for a promotion -------------------------------------------------------------------------------------------


class PromotionForm(PageForm):
    """Target and reason of a promotion request."""

    target = forms.ChoiceField(label="Where to", widget=forms.RadioSelect)
    reason = forms.CharField(
        label="Why",
        max_length=5_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text="What changed, which decisions it affects, known limitations, the rollback plan. Approvers read this "
        "first and sign it with the rest.",
    )
    alias = forms.CharField(
        label="Unprotected alias",
        required=False,
        max_length=255,
        help_text="For “another alias”: its name, such as shadow.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    pointers = {"/target": "target", "/target/stage": "target", "/alias": "alias"}  # noqa: RUF012  # never changed
    field_order = ("target", "alias", "reason")

    def __init__(self, version: ModelVersion, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["target"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = _targets(version)

    def clean(self) -> dict[str, Any]:
        """Require a name for another alias. A protected alias typed here is governed as usual."""
        given = super().clean() or self.cleaned_data
        if given.get("target") == "alias:":
            if not given.get("alias"):
                self.add_error("alias", "Name the alias.")
            given["target"] = f"alias:{given.get('alias', '')}"
        return given


def _targets(version: ModelVersion) -> list[tuple[str, str]]:
    """The targets: placements to approve again, allowed transitions, protected aliases that do not point here."""
    lifecycle = selectors.lifecycle()
    again = [
        (f"alias:{place.alias}" if place.alias else f"stage:{place.stage}", f"{place.name}, approve it there again")
        for place in approvals.approvals(version)
        if not place.by_ordinary_path and place.reapproval is None
    ]
    moves = [
        (
            f"stage:{stage.slug}",
            f"{stage.name}, decided by policy"
            if lifecycle.needs_promotion(version.stage.slug, stage.slug)
            else f"{stage.name}, at once",
        )
        for stage in lifecycle.targets(version.stage.slug)
    ]
    held = selectors.current_alias_names(version)
    # Aliases protected only by a stage's name are not offered, because the stage is; typed in, they are governed.
    names = [
        one.name
        for one in selectors.protected_aliases()
        if one.name not in held and not (one.represents and all(stage.by_name for stage in one.represents))
    ]
    return [
        *again,
        *moves,
        *((f"alias:{name}", f"the alias @{name}, decided by policy") for name in names),
        ("alias:", "another alias, at once"),
    ]


@page_view("GET", "POST")
def promote(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Request a promotion of this version."""
    found = selectors.version(request.actor, slug, number)
    access.require_permission(request.actor, Permission.REQUEST_PROMOTION, found.model)
    form = PromotionForm(found, request.POST or None, initial={"target": request.GET.get("target", "")})
    existing: PromotionRequest | None = None
    status = 200
    if request.method == "POST":
        status = 400
        if form.is_valid():
            kind, _, name = form.cleaned_data["target"].partition(":")
            try:
                made = ask_for_promotion(
                    actor=request.actor,
                    version=found,
                    target_stage=name if kind == "stage" else None,
                    target_alias=name if kind == "alias" else None,
                    reason=form.cleaned_data["reason"],
                )
            except DomainError as refusal:
                existing, status = take_refusal(form, refusal)
            else:
                messages.success(request, f"Request #{made.pk} is open." if made.is_live else f"#{made.pk}: done.")
                return redirect("web:promotion", made.pk)
    context = {"form": form, "version": found, "model": found.model, "existing": existing}
    context["targets"] = promotions.readiness(request.actor, found)
    context["may_add"] = access.check_permission(request.actor, Permission.REGISTER_VERSION, found.model)
    return render_page(request, "versions/promote.html", context, status=status)
