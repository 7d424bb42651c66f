"""The catalogue of models: find one, see what needs attention."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db.models import Case, Count, Exists, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.http import HttpResponse
from django.utils import timezone

from audit import clock
from audit.actor import Actor
from governance import selectors as promotions
from governance.limits import limits_for
from governance.models import PromotionRequest
from governance.policies import PolicyDocument
from governance.web import keyset, search
from governance.web.page import PageRequest, page, show
from governance.web.trends import Trend, trends_of
from registry import access, selectors
from registry.models import OPEN, RegisteredModel, Stage, StageOccupancy

FILTERS = ("tier", "stage", "owner", "team", "status", "needs")
TIERS = [("1", "1"), ("2", "2"), ("3", "3"), ("none", "not set")]
STATUSES = {"active": "not archived", "archived": "archived", "any": "any"}
NEEDS = {
    "decision": "an open request",
    "review": "an overdue review",
    "owner": "an owner or a risk tier",
}
SORTS = {"attention": ("rank", "slug"), "name": ("slug",), "updated": ("-updated_at", "slug")}
SORT_WORDS = {"attention": "needs attention", "name": "name", "updated": "last change"}
TREND = 8


@dataclass(frozen=True)
class Chip:
    """A filter that is on: what it says, and the parameter that takes it away; a filter written in the search box has
    none, because editing the box takes it away."""

    name: str
    value: str
    param: str


@dataclass
class Row:
    """A model in the list."""

    model: RegisteredModel
    lane: list[tuple[Stage, int | None, bool]] = field(default_factory=list)
    """Each stage of the lifecycle, the newest version in it, and whether an open request aims there."""
    request: promotions.ListRow | None = None
    more_requests: int = 0
    trend: Trend | None = None


@page()
def catalogue(request: PageRequest) -> HttpResponse:
    """The models the reader may see. All of its state is in the address."""
    asked = search.read(request.GET.get("q", ""), FILTERS)
    given = {key: request.GET[key] for key in FILTERS if request.GET.get(key)}
    filters = {**asked.filters, **given}
    found, chips = _filtered(request.actor, asked.text, filters)
    sort = request.GET.get("sort", "attention")
    sort = sort if sort in SORTS else "attention"
    cut = keyset.cut(_ranked(found), SORTS[sort], request.GET)
    stages = list(Stage.objects.order_by("position"))
    context = {
        "rows": rows_for(request.actor, cut.rows, stages),
        "page": cut,
        "q": request.GET.get("q", ""),
        "text": asked.text,
        "filters": filters,
        "chips": [chip if chip.param in given else replace(chip, param="") for chip in chips],
        "stages": stages,
        "sort": sort,
        "sorts": SORT_WORDS,
        "tier_choices": TIERS,
        "tiles": _tiles(request.actor),
        "filtered": bool(asked.text or filters),
    }
    return show(request, "models/catalogue.html", context, part="results")


def _filtered(actor: Actor, text: str, filters: dict[str, str]) -> tuple[QuerySet[RegisteredModel], list[Chip]]:
    tier = {"none": 0, "1": 1, "2": 2, "3": 3}.get(filters.get("tier", ""))
    owner = filters.get("owner")
    status = filters.get("status", "active")
    found = selectors.catalogue(
        actor,
        words=text,
        tier=tier,
        stage=filters.get("stage"),
        owner=(actor.person if owner == "@me" else owner) if owner else None,
        team=filters.get("team"),
        status="" if status == "any" else status if status in STATUSES else "active",
    )
    needs = filters.get("needs", "")
    if needs == "decision":
        found = found.filter(Exists(_live()))
    elif needs == "review":
        found = found.filter(next_review__lt=_today())
    elif needs == "owner":
        found = found.filter(Q(owner__isnull=True) | Q(risk_tier__isnull=True))
    chips = []
    if "tier" in filters:
        chips.append(Chip("Risk tier", "not set" if filters["tier"] == "none" else filters["tier"], "tier"))
    if "stage" in filters:
        chips.append(Chip("Stage", filters["stage"], "stage"))
    if "owner" in filters:
        chips.append(Chip("Owner", "you" if owner in ("@me", actor.person) else str(owner), "owner"))
    if "team" in filters:
        chips.append(Chip("Team", filters["team"], "team"))
    if "status" in filters:
        chips.append(Chip("State", STATUSES.get(status, status), "status"))
    if needs in NEEDS:
        chips.append(Chip("Needs" if needs == "owner" else "With", NEEDS[needs], "needs"))
    return found, chips


def _today() -> Any:
    return timezone.localtime(clock.now()).date()


def _live() -> QuerySet[PromotionRequest]:
    return PromotionRequest.objects.filter(model_id=OuterRef("pk"), state__in=PromotionRequest.LIVE)


def _ranked(found: QuerySet[RegisteredModel]) -> QuerySet[RegisteredModel]:
    """Overdue reviews first, then open requests, then what lacks an owner or a tier, then the rest."""
    return found.annotate(
        rank=Case(
            When(next_review__lt=_today(), then=Value(0)),
            When(Exists(_live()), then=Value(1)),
            When(Q(owner__isnull=True) | Q(risk_tier__isnull=True), then=Value(2)),
            default=Value(3),
            output_field=IntegerField(),
        )
    )


def _tiles(actor: Actor) -> dict[str, int]:
    visible = access.visible_to(actor)
    active = visible.filter(status=RegisteredModel.Status.ACTIVE)
    counts: dict[str, int] = active.aggregate(
        models=Count("pk"),
        overdue=Count("pk", filter=Q(next_review__lt=_today())),
        lacking=Count("pk", filter=Q(owner__isnull=True) | Q(risk_tier__isnull=True)),
        in_exclusive=Count(
            "pk", filter=Exists(StageOccupancy.objects.filter(OPEN, model_id=OuterRef("pk"), exclusive=True))
        ),
    )
    requests = PromotionRequest.objects.filter(model__in=visible, state__in=PromotionRequest.LIVE)
    counts |= requests.aggregate(open=Count("pk"), blocked=Count("pk", filter=Q(state="blocked")))
    return counts


def rows_for(actor: Actor, models: Sequence[RegisteredModel], stages: Sequence[Stage]) -> list[Row]:
    """What a list shows of each model, in a fixed number of queries however many models there are."""
    held = _newest_by_stage(models)
    requests = _open_requests(actor, models)
    trends = _trends(models, stages)
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
            )
        )
    return rows


def _shown(stages: Sequence[Stage]) -> list[Stage]:
    """The stages on the way up to the exclusive one: where a version rests afterwards says little in a list."""
    last = max((stage.position for stage in stages if stage.exclusive), default=None)
    return [stage for stage in stages if last is None or stage.position <= last]


def _newest_by_stage(models: Sequence[RegisteredModel]) -> dict[tuple[int, int], int]:
    rows = (
        StageOccupancy.objects.filter(OPEN, model__in=models)
        .order_by("model_id", "stage_id", "-version__number")
        .distinct("model_id", "stage_id")
        .values_list("model_id", "stage_id", "version__number")
    )
    return {(model, stage): number for model, stage, number in rows}


def _open_requests(actor: Actor, models: Sequence[RegisteredModel]) -> dict[int, list[promotions.ListRow]]:
    live = PromotionRequest.objects.filter(model__in=models, state__in=PromotionRequest.LIVE).order_by("pk")
    found: defaultdict[int, list[promotions.ListRow]] = defaultdict(list)
    for row in promotions.list_rows(actor, live):
        found[row.request.model_id].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: (not row.needs_me, -row.request.pk))
    return found


def _trends(models: Sequence[RegisteredModel], stages: Sequence[Stage]) -> dict[int, Trend]:
    """The first key metric of each model."""
    documents, top = policies_now(), {stage.slug for stage in stages if stage.exclusive}
    limits = {model.pk: limits_for(model.risk_tier, documents, top) for model in models}
    found = trends_of(models, limits, versions=TREND, most=1)
    return {pk: trends[0] for pk, trends in found.items() if trends}


def policies_now() -> list[PolicyDocument]:
    """The policies in force, read."""
    found: Iterable[Any] = promotions.policies_in_force()
    return [PolicyDocument.model_validate(revision.document) for revision in found]
