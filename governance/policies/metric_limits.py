"""Limits that policies set on metrics, for display beside the values. The check itself decides.

Pure: policies in, limits out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from governance.policies import ModelFacts, PolicyDocument
from registry.comparison import Direction, MetricBound, better_direction


@dataclass(frozen=True)
class Limit:
    """A bound on a metric: `op` is one of >=, >, <=, <. It applies to one slice (empty: all rows) and, if named,
    one dataset.
    """

    metric: str
    op: str
    value: float
    dataset: str | None = None
    slice: str = ""

    @property
    def bound(self) -> MetricBound:
        """The operator and the value."""
        return MetricBound(self.op, self.value)

    @property
    def direction(self) -> str:
        """ "min" for a lower bound, "max" for an upper bound."""
        return "min" if self.bound.is_minimum else "max"

    @property
    def words(self) -> str:
        """The limit in the form used by findings and measures of `performance.threshold`."""
        return f"{self.metric} {self.op} {self.value:g}"

    @property
    def sign(self) -> str:
        return {">=": "≥", "<=": "≤"}.get(self.op, self.op)

    def applies_to(self, metric: str, dataset: str = "", slice_: str = "") -> bool:
        """Return whether the limit applies to a metric of a dataset and slice."""
        return (
            self.metric.casefold() == metric.casefold()
            and self.slice == slice_
            and (self.dataset is None or self.dataset == dataset)
        )

    def is_satisfied_by(self, value: float) -> bool:
        """Return whether a value is within the limit."""
        return self.bound.holds(value)


def limits_of(document: PolicyDocument | None) -> tuple[Limit, ...]:
    """Return the limits of one policy, in its order."""
    if document is None:
        return ()
    return tuple(
        Limit(
            metric=str(threshold["metric"]),
            op=str(threshold["op"]),
            value=float(threshold["value"]),
            dataset=threshold.get("dataset"),
            slice=str(threshold.get("slice") or ""),
        )
        for rule in document.checks
        for threshold in rule.params.get("thresholds", ())
    )


def limits_for(facts: ModelFacts, documents: Iterable[PolicyDocument], top: Set[str]) -> tuple[Limit, ...]:
    """Return the limits for entering stages with a model, each metric, dataset and slice once.

    Args:
        facts: the matched facts of the model; without a tier only policies for every tier apply.
        documents: the policies in force.
        top: slugs of stages whose policies come first.
    """
    binding = [d for d in documents if not d.applies_to.sources and is_for(d, facts)]
    breadth = {d.slug: _breadth(d, binding) for d in binding}  # before sorting, which empties the list meanwhile
    binding.sort(key=lambda d: (top.isdisjoint(d.applies_to.stages), -d.priority, breadth[d.slug], d.slug))
    found: list[Limit] = []
    for limit in (limit for document in binding for limit in limits_of(document)):
        if not any((limit.metric, limit.dataset, limit.slice) == (k.metric, k.dataset, k.slice) for k in found):
            found.append(limit)
    return tuple(found)


def is_for(document: PolicyDocument, facts: ModelFacts) -> bool:
    """Return whether a policy is for a model, for display: a model without a tier has only policies for every tier."""
    applies_to = document.applies_to
    return applies_to.covers(facts) and (facts.tier is not None or not applies_to.tiers)


def _breadth(document: PolicyDocument, others: Iterable[PolicyDocument]) -> int:
    """Return how many of the others are for fewer models, so that the narrowest comes first."""
    return sum(other.applies_to.is_narrower_than(document.applies_to) for other in others)


def limit_on(limits: Sequence[Limit], metric: str, dataset: str = "", slice_: str = "") -> Limit | None:
    """Return the first limit that applies to a metric of a dataset and slice."""
    return next((limit for limit in limits if limit.applies_to(metric, dataset, slice_)), None)


def direction_on(limits: Sequence[Limit], metric: str, dataset: str = "", slice_: str = "") -> Direction:
    """Return which direction of a metric is better, "higher" or "lower"; empty if unknown.

    The limit on it decides, else a limit on the same metric of another slice or dataset, else its name.
    """
    limit = limit_on(limits, metric, dataset, slice_) or next(
        (one for one in limits if one.metric.casefold() == metric.casefold()), None
    )
    if limit is not None:
        return "higher" if limit.bound.is_minimum else "lower"
    return better_direction(metric)
