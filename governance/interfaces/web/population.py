"""Models in a stage on a date, the population of an audit, as a page and as CSV."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from audit import clock
from governance import selectors
from governance.interfaces.web import pagination
from governance.interfaces.web.csv_file import csv_response
from governance.interfaces.web.views import PageRequest, page_view, render_page
from registry import moments
from registry import selectors as registry
from registry.exceptions import NotFoundError
from registry.models import Stage

COLUMNS = (
    "model", "version", "stage", "in_stage_at", "since", "until", "request", "approved_by", "before_governance",
    "owner_today", "team_today", "risk_tier_today",
)  # fmt: skip


@page_view()
def stage_list(request: PageRequest) -> HttpResponseBase:
    """Redirect to the stage in the URL, or else to the exclusive one."""
    stages = list(registry.stages().order_by("-exclusive", "-position"))
    selected = next((stage for stage in stages if stage.slug == request.GET.get("stage")), None)
    chosen = selected or (stages[0] if stages else None)
    if chosen is None:
        raise NotFoundError("This installation has no stages yet.")
    on = request.GET.get("on", "")[:20]
    return redirect(reverse("web:stage", args=[chosen.slug]) + (f"?{urlencode({'on': on})}" if on else ""))


@page_view()
def stage(request: PageRequest, slug: str) -> HttpResponseBase:
    """List the versions in a stage, now or at the end of a day in the user's time zone; `download=csv` exports all."""
    known = registry.stage(slug)
    day, fault = _day(request.GET.get("on", ""))
    moment = _end_of(day) if day is not None else clock.now()
    rows = selectors.in_stage(request.actor, known, moment)
    if request.GET.get("download") == "csv" and not fault:
        name = (
            f"{known.slug}-{day.isoformat() if day is not None else moment.astimezone(UTC).strftime('%Y-%m-%dT%H%MZ')}"
        )
        return csv_response(name, COLUMNS, _table(known, moment, selectors.all_occupants(rows)))
    cut = pagination.paginate(rows, ("model__slug", "-version__number"), request.GET)
    context = {
        "stage": known,
        "stages": registry.stages(),
        "day": day,
        "on": request.GET.get("on", ""),
        "fault": fault,
        "moment": moment,
        "rows": [] if fault else selectors.occupants(cut.rows),
        "page": cut,
    }
    return render_page(request, "models/stage.html", context, part="results", status=400 if fault else 200)


def _day(text: str) -> tuple[date | None, str]:
    """Return the day, or an error message."""
    if not text:
        return None, ""
    try:
        return moments.read_day(text), ""
    except moments.MomentError as error:
        return None, str(error)


def _end_of(day: date) -> datetime:
    return min(timezone.make_aware(datetime.combine(day, time.max)), clock.now())


def _table(stage: Stage, moment: datetime, found: Iterator[selectors.Occupant]) -> Iterator[list[Any]]:
    at = _utc(moment)
    for row in found:
        held, model = row.occupancy, row.occupancy.model
        yield [
            model.slug,
            held.version.number,
            stage.slug,
            at,
            _utc(held.opened_at),
            _utc(held.closed_at) if held.closed_at is not None else "",
            f"#{row.request}" if row.request is not None else "",
            "; ".join(row.approved_by),
            "yes" if held.before_governance else "no",
            model.owner.username if model.owner is not None else "",
            model.team,
            model.risk_tier,
        ]


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
