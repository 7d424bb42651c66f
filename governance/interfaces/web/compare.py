"""Comparison of two versions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect

from governance import selectors as deciding
from governance.interfaces.web.versions import MetricComparison
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.policies.metric_limits import Limit
from registry import selectors
from registry.comparison import Comparison, DiffSegment, MetricChange, TextDiff, collapse_unchanged
from registry.exceptions import NotFoundError
from registry.models import ModelVersion

MOST_ROWS = 1_000
"""Maximum rows of a table; further rows are only counted."""


@dataclass(frozen=True)
class Tab:
    """A section of the comparison: `changes` counts its differences, `breaking` those that break callers."""

    id: str
    title: str
    changes: int
    breaking: int = 0


TITLES = {
    "metrics": "Metrics",
    "parameters": "Parameters",
    "signature": "Signature",
    "card": "Model card",
    "data": "Data",
    "dependencies": "Dependencies",
    "code": "Code",
    "artifacts": "Artifacts",
}


@dataclass(frozen=True)
class TextDiffTab:
    """A text with differences, and the segments that are shown."""

    title: str
    kind: str
    pieces: tuple[DiffSegment, ...]
    how: str


def tabs_of(comparison: Comparison) -> list[Tab]:
    """The sections of the comparison with their counts."""
    breaking = {"signature": len(comparison.signature.breaking)}
    return [Tab(id_, TITLES[id_], count, breaking.get(id_, 0)) for id_, count in comparison.counts.items()]


def metric_comparisons(metrics: Iterable[MetricChange]) -> list[MetricComparison]:
    """Convert metric changes to the rows of the metrics table."""
    return [
        MetricComparison(
            deciding.MetricRow(
                m.name,
                m.dataset,
                m.slice,
                value=m.after,
                champion=m.before,
                op=m.bound.op if m.bound is not None else "",
                limit=m.bound.value if m.bound is not None else None,
            ),
            Limit(m.name, m.bound.op, m.bound.value) if m.bound is not None else None,
        )
        for m in metrics
    ]


@page_view()
def compare(request: PageRequest, slug: str, before: int, after: int) -> HttpResponse:
    """Compare two versions; unchanged rows are included with `all=1`."""
    old = selectors.version(request.actor, slug, before)
    new = selectors.version(request.actor, slug, after)
    everything = request.GET.get("all") == "1"
    found = deciding.compare_with_limits(old, new)
    tabs = tabs_of(found)
    context = {
        "model": new.model,
        "old": old,
        "new": new,
        "found": found,
        "tabs": tabs,
        "shown": {tab.id for tab in tabs if tab.changes or everything},
        "unchanged": [tab.title.lower() for tab in tabs if not tab.changes],
        "total": found.total,
        "everything": everything,
        "numbers": _numbers(old, new),
        **_rows(found, everything=everything),
    }
    return render_page(request, "versions/compare.html", context)


def _rows(found: Comparison, *, everything: bool) -> dict[str, object]:
    """The rows of each table."""

    def of(rows: Iterable[object], differs: str = "differs") -> list[object]:
        return [row for row in rows if everything or getattr(row, differs)][:MOST_ROWS]

    packages = [p for p in found.dependencies.packages if everything or p.kind != "same"]
    return {
        "comparisons": metric_comparisons(m for m in found.metrics if everything or m.differs)[:MOST_ROWS],
        "parameters": of(found.parameters),
        "metadata": of(found.card.metadata),
        "sections": [
            TextDiffTab(s.title, s.kind, _pieces(s.text, everything=everything), s.text.how)
            for s in found.card.sections
            if everything or s.kind != "same"
        ],
        "datasets": of(found.data),
        "packages": packages[:MOST_ROWS],
        "packages_more": max(0, len(packages) - MOST_ROWS),
        "other": of(found.dependencies.other),
        "facts": of(found.facts),
        "files": of(found.files),
    }


def _pieces(text: TextDiff, *, everything: bool) -> tuple[DiffSegment, ...]:
    return text.pieces if everything else collapse_unchanged(text)


def _numbers(old: ModelVersion, new: ModelVersion) -> list[int]:
    """The versions offered for selection: the newest hundred, and the two shown."""
    newest = selectors.versions_of(new.model).values_list("number", flat=True)[:100]
    return sorted({*newest, old.number, new.number}, reverse=True)


@page_view()
def choose(request: PageRequest, slug: str) -> HttpResponse:
    """Redirect from a form with two numbers (`v` twice, or `from` and `to`) to the comparison, older version first."""
    found = selectors.model(request.actor, slug)
    given = [*request.GET.getlist("v"), request.GET.get("from", ""), request.GET.get("to", "")]
    numbers = [int(n) for n in given if n.isascii() and n.isdecimal() and len(n) < 9]
    if len(numbers) < 2:
        raise NotFoundError(f"Choose two versions of {found.slug} to compare.")
    before, after = numbers[:2] if request.GET.get("from") else sorted(numbers[:2])
    return redirect("web:compare", found.slug, before, after)
