"""What needs attention in the catalogue: the order of the models, and counts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date
from typing import Any

from django.db.models import OuterRef, Q, QuerySet

from audit import clock
from governance.models import PromotionRequest
from governance.selectors.counting import capped_counts
from registry import access, selectors
from registry.models import IS_CURRENT, RegisteredModel, StageOccupancy


def models_with_owner() -> QuerySet[RegisteredModel]:
    """Return all models, each with its owner, to read rows that are known to be visible."""
    return RegisteredModel.objects.select_related("owner")


def models_by_attention(found: QuerySet[RegisteredModel], waiting: Collection[int]) -> list[QuerySet[RegisteredModel]]:
    """Divide models by what needs attention first.

    The order: overdue review, work that waits for the actor, open request, no owner or tier, the rest. Separate lists,
    each ordered by name along an index: ordering by a computed rank would sort all models before the first page.

    Args:
        found: the models.
        waiting: primary keys of the models with work that waits for the actor.
    """
    groups = [
        Q(next_review__lt=_today()),
        *([Q(pk__in=waiting)] if waiting else []),
        Q(pk__in=PromotionRequest.objects.filter(state__in=PromotionRequest.LIVE).values("model_id")),
        selectors.is_unowned() | Q(risk_tier__isnull=True),
    ]
    parts, rest = [], found
    for group in groups:
        parts.append(rest.filter(group))
        rest = rest.filter(~group)
    return [*parts, rest]


def attention_counts(visible: QuerySet[RegisteredModel], most: int) -> dict[str, int]:
    """Count what needs attention in the visible models, each number up to `most`."""
    active = visible.filter(status=RegisteredModel.Status.ACTIVE)
    held = StageOccupancy.objects.filter(IS_CURRENT, exclusive=True)
    requests = PromotionRequest.objects.filter(access.exists_in(visible.filter(pk=OuterRef("model_id"))))
    counted: dict[str, QuerySet[Any]] = {
        "models": active,
        "overdue": active.filter(next_review__lt=_today()),
        "lacking": active.filter(selectors.is_unowned() | Q(risk_tier__isnull=True)),
        "in_exclusive": held.filter(access.exists_in(active.filter(pk=OuterRef("model_id")))),
        "open": requests.filter(state__in=PromotionRequest.LIVE),
        "blocked": requests.filter(state="blocked"),
    }
    return capped_counts(most, counted)


def _today() -> date:
    return clock.now().astimezone(UTC).date()
