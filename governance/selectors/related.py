"""Context of a request for reviewers: other requests of the model, earlier rejections, an overdue review, and the
current version in the target.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.db.models import Q, QuerySet

from audit import clock
from governance.models import Decision, PromotionRequest
from registry.models import IS_CURRENT, AliasAssignment, ModelVersion, RegisteredModel, StageOccupancy

MOST_REJECTIONS = 5


@dataclass(frozen=True)
class Rejection:
    """A rejected request of the model, and the decision that rejected it."""

    request: PromotionRequest
    decision: Decision | None


@dataclass(frozen=True)
class Related:
    """The context of a request. Everything but the rejections is empty for a closed request."""

    review_overdue_since: date | None = None
    competing: tuple[PromotionRequest, ...] = ()
    """Live requests for another version and the same place, which only one version can hold."""
    same_version: tuple[PromotionRequest, ...] = ()
    """Live requests for the same version and another target."""
    rejections: tuple[Rejection, ...] = ()
    """The latest rejections of the model's requests made before this request."""
    in_target: ModelVersion | None = None
    """The version in the target now, if it is neither the request's champion nor its version."""


def related_to(request: PromotionRequest) -> Related:
    """Return the context of a request. All requests of a model have the same readers. A fixed number of queries.

    Args:
        request: a request the reader may see, with its model and target joined.
    """
    others = list(
        PromotionRequest.objects.filter(
            Q(state__in=PromotionRequest.LIVE) | Q(state=PromotionRequest.State.REJECTED, pk__lt=request.pk),
            model_id=request.model_id,
        )
        .exclude(pk=request.pk)
        .select_related("version", "target_stage", "requested_by")
        .order_by("-pk")[:200]
    )
    rejected = [other for other in others if not other.is_live][:MOST_REJECTIONS]
    by_request: dict[int, Decision] = {}
    if rejected:
        outcomes = Decision.objects.filter(
            request__in=[other.pk for other in rejected], outcome=Decision.Outcome.REJECT
        )
        by_request = {decision.request_id: decision for decision in outcomes.select_related("person")}
    rejections = tuple(Rejection(other, by_request.get(other.pk)) for other in rejected)
    if not request.is_live:
        return Related(rejections=rejections)
    live = [other for other in others if other.is_live]
    return Related(
        review_overdue_since=overdue_since(request.model),
        competing=tuple(other for other in live if _compete(request, other)),
        same_version=tuple(other for other in live if other.version_id == request.version_id),
        rejections=rejections,
        in_target=_in_target(request),
    )


def overdue_since(model: RegisteredModel) -> date | None:
    """Return the date on which a model's periodic review was due, if it is past."""
    if model.status != RegisteredModel.Status.ACTIVE or model.next_review is None:
        return None
    return model.next_review if model.next_review < clock.now().date() else None


def _compete(request: PromotionRequest, other: PromotionRequest) -> bool:
    same = (request.target_stage_id, request.target_alias) == (other.target_stage_id, other.target_alias)
    single = request.target_stage is None or request.target_stage.exclusive
    return same and single and other.version_id != request.version_id


def _in_target(request: PromotionRequest) -> ModelVersion | None:
    """Return the version in a place that only one can hold, if it is neither the champion nor the request's version."""
    held: QuerySet[AliasAssignment] | QuerySet[StageOccupancy]
    if request.target_stage is None:
        held = AliasAssignment.objects.filter(IS_CURRENT, model_id=request.model_id, name=request.target_alias)
    elif request.target_stage.exclusive:
        held = StageOccupancy.objects.filter(IS_CURRENT, model_id=request.model_id, stage=request.target_stage)
    else:
        return None
    known = [key for key in (request.champion_id, request.version_id) if key is not None]
    found = held.exclude(version_id__in=known).select_related("version").first()
    return found.version if found is not None else None
