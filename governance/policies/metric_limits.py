"""The limits policies set on metrics, for drawing them beside the values. What counts is the check's own judgement.

Pure: policies in, limits out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from governance.policies import PolicyDocument
from registry.comparison import Direction, better_direction


@dataclass(frozen=True)
class Limit:
    """A bound on a metric: `op` is one of >=, >, <=, <. It is about one slice (empty: all rows) and, where it names
    one, one dataset."""

    metric: str
    op: str
    value: float
    dataset: str | None = None
    slice: str = ""

    @property
    def direction(self) -> str:
        """ "min" where the metric must not be less, "max" where it must not be more."""
        return "min" if self.op.startswith(">") else "max"

    @property
    def words(self) -> str:
        """The limit as `performance.threshold` names it in its findings and measures."""
        return f"{self.metric} {self.op} {self.value:g}"

    @property
    def sign(self) -> str:
        return {">=": "≥", "<=": "≤"}.get(self.op, self.op)

    def applies_to(self, metric: str, dataset: str = "", slice_: str = "") -> bool:
        """Whether the limit speaks of this number."""
        return (
            self.metric.casefold() == metric.casefold()
            and self.slice == slice_
            and (self.dataset is None or self.dataset == dataset)
        )

    def is_satisfied_by(self, value: float) -> bool:
        """Whether a value keeps the limit."""
        return {
            ">=": value >= self.value,
            ">": value > self.value,
            "<=": value <= self.value,
            "<": value < self.value,
        }[self.op]


def limits_of(document: PolicyDocument | None) -> tuple[Limit, ...]:
    """The limits one policy sets, in its order."""
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


def limits_for(tier: int | None, documents: Iterable[PolicyDocument], top: Set[str]) -> tuple[Limit, ...]:
    """The limits that bind a model of a tier on its way up: those of every policy that applies to the tier, policies
    for the `top` stages (by slug) first, because what they ask is what a reader compares with."""
    binding = [
        d for d in documents if not d.applies_to.sources and (not d.applies_to.tiers or tier in d.applies_to.tiers)
    ]
    binding.sort(key=lambda d: (top.isdisjoint(d.applies_to.stages), -d.priority, d.slug))
    found: list[Limit] = []
    for limit in (limit for document in binding for limit in limits_of(document)):
        if not any((limit.metric, limit.dataset, limit.slice) == (k.metric, k.dataset, k.slice) for k in found):
            found.append(limit)
    return tuple(found)


def limit_on(limits: Sequence[Limit], metric: str, dataset: str = "", slice_: str = "") -> Limit | None:
    """The first of the limits that speaks of this number."""
    return next((limit for limit in limits if limit.applies_to(metric, dataset, slice_)), None)


def direction_on(limits: Sequence[Limit], metric: str, dataset: str = "", slice_: str = "") -> Direction:
    """Return which way of a number is better: as the limit on it says, else as a limit on the same metric says, of
    another slice or dataset, else as its name says. Empty where nothing tells."""
    limit = limit_on(limits, metric, dataset, slice_) or next(
        (one for one in limits if one.metric.casefold() == metric.casefold()), None
    )
    if limit is not None:
        return "higher" if limit.op.startswith(">") else "lower"
    return better_direction(metric)
