"""Comparison of two versions with the limits of the policies in force."""

from governance.gate.gate_inputs import documents_in_force
from governance.policies import PolicyDocument
from governance.policies.metric_limits import Limit, direction_on, limit_on, limits_for, limits_of
from registry import selectors
from registry.comparison import Comparison, MetricBound, MetricKey, compare
from registry.models import ModelVersion, Stage
from registry.selectors import VersionContents


def compare_with_limits(
    before: ModelVersion,
    after: ModelVersion,
    contents: VersionContents | None = None,
    policy: PolicyDocument | None = None,
) -> Comparison:
    """Compare two versions. The caller has checked that the reader may see both.

    Args:
        before: the earlier version, with its model joined.
        after: the later version, with its model joined. The limits for its model's tier apply.
        contents: contents of both versions if already read.
        policy: use the limits of this policy instead of those in force.
    """
    limits = limits_of(policy) if policy is not None else _limits_in_force(after)

    def bound(key: MetricKey) -> MetricBound | None:
        limit = limit_on(limits, *key)
        return MetricBound(limit.op, limit.value) if limit is not None else None

    first, second = selectors.comparison_inputs([before, after], contents)
    return compare(first, second, bound, lambda key: direction_on(limits, *key))


def _limits_in_force(version: ModelVersion) -> tuple[Limit, ...]:
    top = set(Stage.objects.filter(exclusive=True).values_list("slug", flat=True))
    return limits_for(version.model.risk_tier, documents_in_force(), top)
