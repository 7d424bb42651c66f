"""The model catalogue: search, and what needs attention."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from audit import clock
from audit.actor import Actor
from governance import selectors as promotions
from governance.interfaces.web import pagination, quick_search, saved_views, search
from governance.interfaces.web.context_processors import models_waiting
from governance.interfaces.web.trends import Trend, trends_of
from governance.interfaces.web.views import PageRequest, page_view, render_page
from registry import access, selectors
from registry.models import RegisteredModel, Stage
from registry.search import InvalidQuery

TIERS = [("1", "1"), ("2", "2"), ("3", "3"), ("none", "not set")]
SORTS = {"attention": ("slug",), "name": ("slug",), "updated": ("-updated_at", "slug")}
SORT_WORDS = {"attention": "needs attention", "name": "name", "updated": "last change"}
TREND = 8
MANY = 1000
"""Counts stop here: counting more rows takes longer and tells the user nothing more."""


@dataclass
class Row:
    """A model in the list."""

    model: RegisteredModel
    lane: list[tuple[Stage, int | None, bool]] = field(default_factory=list)
    """Each stage of the lifecycle, the newest version in it, and whether an open request targets it."""
    request: promotions.ListRow | None = None
    more_requests: int = 0
    trend: Trend | None = None
    health: promotions.ModelHealth | None = None
    debts: Sequence[promotions.Debt] = ()
    """Emergency changes that are owed."""


@page_view()
def catalogue(request: PageRequest) -> HttpResponse:
    """List the visible models that match a query. The URL holds the whole state of the page."""
    here = reverse("web:models")
    searched = search.parse_list_search(request.GET, here)
    straight = quick_search.named_by(request, searched.text)
    if straight and not request.htmx:
        return redirect(straight)
    sort = request.GET.get("sort", "attention")
    sort = sort if sort in SORTS else "attention"
    within = access.visible_models_for_list(request.actor)
    cut: pagination.Page[RegisteredModel] = pagination.Page([], "", "")
    if searched.query is not None:
        try:
            found = promotions.find_models(request.actor, searched.query, within=within)
            cut = _cut(request, found, sort)
        except InvalidQuery as wrong:
            searched = replace(searched, query=None, chips=(), troubles=search.query_errors(wrong, request.GET, here))
    stages = list(selectors.stages())
    tabs = saved_views.tabs(request, searched.text, within)
    context = {
        "tabs": tabs,
        "has_own": any(tab.own for tab in tabs),
        "kept": any(tab.current for tab in tabs),
        "rows": rows_for(request.actor, cut.rows, stages),
        "page": cut,
        "searched": searched,
        "list_url": here,
        "straight": straight,
        "stages": stages,
        "sort": sort,
        "sorts": SORT_WORDS,
        "tier_choices": TIERS,
        "tiles": promotions.attention_counts(within, MANY),
        "filtered": bool(searched.text),
    }
    return render_page(request, "models/catalogue.html", context, part="results")


def _cut(request: PageRequest, found: QuerySet[RegisteredModel], sort: str) -> pagination.Page[RegisteredModel]:
    shown = promotions.models_with_owner()
    if sort != "attention":
        # Page over the keys first: visibility and joins in one statement double the planning time.
        cut = pagination.paginate(found.only("pk", *(key.lstrip("-") for key in SORTS[sort])), SORTS[sort], request.GET)
        rows = shown.in_bulk([row.pk for row in cut.rows])
        return replace(cut, rows=[rows[row.pk] for row in cut.rows])
    parts = promotions.models_by_attention(found, models_waiting(request, request.actor))
    return pagination.paginate_union(parts, shown, SORTS[sort], request.GET)


def _today() -> Any:
    return clock.now().astimezone(UTC).date()


def rows_for(actor: Actor, models: Sequence[RegisteredModel], stages: Sequence[Stage]) -> list[Row]:
    """Build the rows of a list of models. The number of queries does not depend on the number of models."""
    held = selectors.newest_by_stage(models)
    requests = _open_requests(actor, models)
    trends = _trends(models, stages)
    health = promotions.health_of_models(models)
    debts = promotions.debts_of_models({model.pk for model in models})
    rows = []
    for model in models:
        open_here = requests.get(model.pk, [])
        aims = {row.request.target_stage_id for row in open_here}
        rows.append(
            Row(
                model,
                lane=[(stage, held.get((model.pk, stage.pk)), stage.pk in aims) for stage in _shown(stages)],
                request=open_here[0] if open_here else None,
                more_requests=max(0, len(open_here) - 1),
                trend=trends.get(model.pk),
                health=health[model.pk],
                debts=debts.get(model.pk, []),
            )
        )
    return rows


def _shown(stages: Sequence[Stage]) -> list[Stage]:
    """The stages up to the exclusive one; later stages are not shown in the list."""
    last = max((stage.position for stage in stages if stage.exclusive), default=None)
    return [stage for stage in stages if last is None or stage.position <= last]


def _open_requests(actor: Actor, models: Sequence[RegisteredModel]) -> dict[int, list[promotions.ListRow]]:
    live = promotions.live_requests(models)
    found: defaultdict[int, list[promotions.ListRow]] = defaultdict(list)
    for row in promotions.promotion_summaries(actor, live):
        found[row.request.model_id].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (not row.needs_me, -row.request.pk))
    return found


def _trends(models: Sequence[RegisteredModel], stages: Sequence[Stage]) -> dict[int, Trend]:
    """The first key metric of each model."""
    exclusive = {stage.slug for stage in stages if stage.exclusive}
    limits = promotions.limits_in_force_of_models(models, exclusive)
    found = trends_of(models, limits, versions=TREND, most=1)
    return {pk: trends[0] for pk, trends in found.items() if trends}
