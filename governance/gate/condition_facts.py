"""The facts that the conditions of a policy name, read for one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from audit import clock
from governance.models import Finding, PromotionRequest
from governance.policies import PolicyDocument, facts_of_model
from governance.policies.conditions import FactKey, Known, required_facts
from registry.models import Evidence, Metric, PeriodicReview, StageOccupancy

_HOUR = 3600
_DAY = 24 * _HOUR


def known_facts(request: PromotionRequest, document: PolicyDocument) -> Known:
    """Return the facts that the conditions of a policy name, as of now. At most one query for each fact; none for
    facts of the model's record, and none if the policy has no condition.

    Args:
        request: the request, saved or not, with its model and version joined.
        document: its combined policy.
    """
    keys = required_facts(
        (document.conditions, *(c.when for c in document.checks), *(a.when for a in document.approvals))
    )
    return {key: _READERS[key.name](request, key) for key in sorted(keys)}


def _of_model(name: str) -> Callable[[PromotionRequest, FactKey], Any]:
    def read(request: PromotionRequest, key: FactKey) -> Any:
        facts = facts_of_model(request.model)
        return {
            "tier": facts.tier,
            "team": request.model.team or None,
            "affects_people": facts.affects_people,
            # Undeclared classes are not known; a model may well be under no regulation.
            "data_classes": facts.data_classes or None,
            "regulations": frozenset(request.model.regulations),
        }[name]

    return read


def _tag(request: PromotionRequest, key: FactKey) -> str | None:
    value = request.model.tags.get(key.of)
    return str(value) if value is not None else None


def _metric(request: PromotionRequest, key: FactKey) -> float | None:
    rows = Metric.objects.filter(
        version=request.version_id, latest=True, name__iexact=key.of, dataset=key.dataset, slice=key.slice
    )
    if not key.dataset:
        rows = Metric.objects.filter(version=request.version_id, latest=True, name__iexact=key.of, slice=key.slice)
    values = list(rows.values_list("value", flat=True)[:2])
    # Without a dataset, values on several datasets leave open which one is meant.
    return values[0] if len(values) == 1 else None


def _has_document(request: PromotionRequest, key: FactKey) -> bool:
    return Evidence.objects.filter(version=request.version_id, kind=key.of).exists()


def _document_age(request: PromotionRequest, key: FactKey) -> float | None:
    rows = Evidence.objects.filter(version=request.version_id, kind=key.of).order_by("-added_at")
    added = rows.values_list("added_at", flat=True).first()
    return (clock.now() - added).total_seconds() / _DAY if added is not None else None


def _days_since_review(request: PromotionRequest, key: FactKey) -> float | None:
    rows = PeriodicReview.objects.filter(model=request.model_id).order_by("-reviewed_at")
    reviewed = rows.values_list("reviewed_at", flat=True).first()
    return (clock.now() - reviewed).total_seconds() / _DAY if reviewed is not None else None


def _stage(request: PromotionRequest, key: FactKey) -> str:
    return request.version.stage.slug


def _hours_in_stage(request: PromotionRequest, key: FactKey) -> float:
    now = clock.now()
    rows = StageOccupancy.objects.filter(version=request.version_id, stage__slug=key.of)
    spans = [(closed or now) - opened for opened, closed in rows.values_list("opened_at", "closed_at")]
    return sum(span.total_seconds() for span in spans) / _HOUR


def _open_findings(request: PromotionRequest, key: FactKey) -> int:
    return Finding.objects.filter(model=request.model_id, severity=key.of, closed_at__isnull=True).count()


def _replaces_version(request: PromotionRequest, key: FactKey) -> bool:
    return request.champion_id is not None


_READERS: dict[str, Callable[[PromotionRequest, FactKey], Any]] = {
    **{name: _of_model(name) for name in ("tier", "team", "affects_people", "data_classes", "regulations")},
    "tag": _tag,
    "metric": _metric,
    "has_document": _has_document,
    "document_age_days": _document_age,
    "days_since_review": _days_since_review,
    "stage": _stage,
    "hours_in_stage": _hours_in_stage,
    "open_findings": _open_findings,
    "replaces_version": _replaces_version,
}
