"""The page of a registered model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse

from audit import clock
from audit import selectors as log
from governance import selectors as promotions
from governance.interfaces.html.event_labels import ObjectLabelResolver
from governance.interfaces.html.templatetags.numbers import shared_places
from governance.interfaces.web import pagination, recipes
from governance.interfaces.web.markdown import to_html
from governance.interfaces.web.trends import Trend, trends_of
from governance.interfaces.web.views import PageRequest, page_view, render_page
from governance.models import PromotionRequest
from governance.policies.metric_limits import direction_on
from governance.services import findings
from registry import access, selectors
from registry.access import Permission
from registry.models import (
    AliasAssignment,
    Grant,
    ModelVersion,
    RegisteredModel,
    Stage,
    StageOccupancy,
)
from registry.services import assessments, tier_lowering
from registry.services import models as service

KEY_METRICS = 3
TREND_VERSIONS = 14
RECENT_EVENTS = 8
HELD_SHOWN = 3
BEFORE_SHOWN = 3


@dataclass
class StageColumn:
    """A stage and the versions of this model in it, newest first."""

    stage: Stage
    held: list[StageOccupancy] = field(default_factory=list)
    more: int = 0
    requests: list[PromotionRequest] = field(default_factory=list)
    before: list[StageOccupancy] = field(default_factory=list)
    """The last versions in a protected stage."""


@dataclass(frozen=True)
class VersionListItem:
    """A version in the list, with its key metrics and their differences to the champion."""

    version: ModelVersion
    aliases: list[AliasAssignment]
    metrics: list[tuple[str, float | None, float | None, bool | None, bool | None, int]]
    """Name, value, difference to the champion, whether that is an improvement (None if unknown), whether the value is
    within the limit (None without one), decimals.
    """
    request: PromotionRequest | None


@page_view()
def model(request: PageRequest, slug: str) -> HttpResponse:
    """Show the model's page."""
    found = selectors.model(request.actor, slug)
    cut = pagination.paginate(selectors.versions_of(found), ("-number",), request.GET)
    stages = list(selectors.stages())
    requests = promotions.promotion_summaries(
        request.actor,
        promotions.live_requests([found]),
        request.person,
    )
    live = [row.request for row in requests]
    aliases = list(selectors.current_aliases(model=found))
    limits = promotions.limits_in_force(found, {stage.slug for stage in stages if stage.exclusive})
    columns = trends_of([found], {found.pk: limits}, versions=TREND_VERSIONS, most=KEY_METRICS)[found.pk]
    held = selectors.held_by_stage(found, most=HELD_SHOWN)
    shown = {occupancy.version_id: occupancy.version for occupancy in held} | {a.version_id: a.version for a in aliases}
    champion = selectors.version_in_exclusive_stage(found.pk)
    before = selectors.left_protected_stages(found, most=BEFORE_SHOWN)
    may_point = access.check_permission(request.actor, Permission.REQUEST_PROMOTION, found)
    recent = list(log.stream_events(f"model:{found.uid}").order_by("-stream_seq")[:RECENT_EVENTS])
    context = {
        "model": found,
        "health": promotions.health_of_models([found])[found.pk],
        "may_assess": assessments.may_assess(actor=request.actor, model=found),
        "tier_proposed": tier_lowering.proposed_for(found),
        "description": to_html(found.description),
        "stage_columns": _stage_columns(held, before, stages, live),
        "columns": columns,
        "rows": _version_rows(cut.rows, columns, champion, aliases, live),
        "page": cut,
        "champion": champion,
        "aliases": aliases,
        "deviations": promotions.deviations_of(shown),
        "impacts": promotions.open_impacts_of_models([found.pk]),
        "protected": {one.name for one in selectors.protected_aliases()},
        "requests": requests,
        "people": _people(found),
        "recent": recent,
        "names": ObjectLabelResolver(request.actor, recent, objects=False),
        "findings": promotions.open_findings_of(found),
        "today": clock.now().date(),
        "may_open_finding": findings.may_open(request.actor, found),
        "may_edit": service.can_edit(actor=request.actor, model=found),
        "may_archive": service.can_set_accountability(actor=request.actor, model=found),
        "who_can_assign": access.names_who_can_assign(found) if found.active_owner is None else (),
        "may_point": may_point,
        "may_request_emergency": bool(may_point) and bool(promotions.emergency_targets(found)),
        "rollback_to": _rollback_to(before, stages, champion) if may_point else None,
        "may_register": access.check_permission(request.actor, Permission.REGISTER_VERSION, found),
        "recipes": recipes.first_version(f"{request.scheme}://{request.get_host()}", found.slug, found.display_name),
    }
    return render_page(request, "models/model.html", context)


@dataclass(frozen=True)
class RollbackTo:
    """The version that left an exclusive stage last."""

    stage: Stage
    version: ModelVersion


def _rollback_to(before: Sequence[Any], stages: Sequence[Stage], champion: ModelVersion | None) -> RollbackTo | None:
    """Return the version that was in an exclusive stage before its current one."""
    exclusive = {stage.pk: stage for stage in stages if stage.exclusive}
    left = [
        occupancy
        for occupancy in before
        if occupancy.stage_id in exclusive and (champion is None or occupancy.version_id != champion.pk)
    ]
    return RollbackTo(exclusive[left[0].stage_id], left[0].version) if left else None


def _stage_columns(
    held: Sequence[Any], before: Sequence[Any], stages: Sequence[Stage], live: Sequence[PromotionRequest]
) -> list[StageColumn]:
    columns = {stage.pk: StageColumn(stage) for stage in stages}
    for occupancy in held:
        column = columns[occupancy.stage_id]
        column.held.append(occupancy)
        column.more = occupancy.total - len(column.held)
    for occupancy in before:
        columns[occupancy.stage_id].before.append(occupancy)
    for request in live:
        if request.target_stage_id in columns:
            columns[request.target_stage_id].requests.append(request)
    return list(columns.values())


def _version_rows(
    versions: Sequence[ModelVersion],
    columns: Sequence[Trend],
    champion: ModelVersion | None,
    aliases: Sequence[AliasAssignment],
    live: Sequence[PromotionRequest],
) -> list[VersionListItem]:
    shown = {v.pk for v in versions} | ({champion.pk} if champion is not None else set())
    names = [column.name for column in columns]
    values = selectors.metric_values(shown, names)
    request_by_version = {request.version_id: request for request in reversed(live)}

    places = [
        shared_places(value for (_, name, dataset), value in values.items() if (name, dataset) == (c.name, c.dataset))
        for c in columns
    ]

    def cell(version: ModelVersion, column: Trend) -> tuple[float | None, float | None, bool | None, bool | None]:
        value = values.get((version.pk, column.name, column.dataset))
        if value is None:
            return None, None, None, None
        other = champion if champion is not None and champion.pk != version.pk else None
        theirs = values.get((other.pk, column.name, column.dataset)) if other is not None else None
        within = column.limit.is_satisfied_by(value) if column.limit is not None else None
        if theirs is None:
            return value, None, None, within
        better = direction_on([column.limit] if column.limit is not None else [], column.name, column.dataset)
        good = (value > theirs) == (better == "higher") if better and value != theirs else None
        return value, value - theirs, good, within

    return [
        VersionListItem(
            version,
            [alias for alias in aliases if alias.version_id == version.pk],
            [(column.name, *cell(version, column), decimals) for column, decimals in zip(columns, places, strict=True)],
            request_by_version.get(version.pk),
        )
        for version in versions
    ]


def _people(model: RegisteredModel) -> list[Grant]:
    return list(
        access.current_grants()
        .filter(model=model)
        .select_related("user", "group")
        .order_by("role", "user__name", "group__name")[:60]
    )
