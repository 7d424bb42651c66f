"""Production signals of a version."""

from __future__ import annotations

from django.http import HttpResponse

from governance import selectors as governance
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.policies.monitoring import KIND_LABELS

PERIODS = (30, 90, 365)
"""Lengths of the charts in days."""
EVENTS_SHOWN = 50


@page_view()
def signals(request: PageRequest, slug: str, number: int) -> HttpResponse:
    """Show the signals of a version over time with the approved limits, its findings and its reports."""
    whole = governance.whole_version(request.actor, slug, number)
    text = request.GET.get("days", "")
    days = int(text) if text in {str(period) for period in PERIODS} else PERIODS[1]
    context = {
        "model": whole.version.model,
        "version": whole.version,
        "shown": governance.signals_page(whole.version, days),
        "kinds": KIND_LABELS,
        "days": days,
        "periods": PERIODS,
    }
    return render_page(request, "versions/signals.html", context)
