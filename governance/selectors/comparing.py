"""Comparison of two versions with the limits of the policies in force."""

from collections.abc import Iterable, Set

from governance.gate.gate_inputs import documents_in_force
from governance.policies import PolicyDocument, facts_of_model
from governance.policies.metric_limits import Limit, direction_on, limit_on, limits_for, limits_of
from registry import selectors
from registry.comparison import Comparison, MetricBound, MetricKey, compare
from registry.models import ModelVersion, RegisteredModel, Stage
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
        after: the later version, with its model joined. The limits for its model apply.
        contents: contents of both versions if already read.
        policy: use the limits of this policy instead of those in force.
    """
    limits = limits_of(policy) if policy is not None else limits_in_force(after.model)

    def bound(key: MetricKey) -> MetricBound | None:
        limit = limit_on(limits, *key)
        return limit.bound if limit is not None else None

    first, second = selectors.comparison_inputs([before, after], contents)
    return compare(first, second, bound, lambda key: direction_on(limits, *key))


def limits_in_force(model: RegisteredModel, exclusive: Set[str] | None = None) -> tuple[Limit, ...]:
    """Return the limits that the policies in force set on a model. Two queries.

    Limits of policies for the exclusive stage come first.

    Args:
        model: the model.
        exclusive: slugs of the exclusive stages if already read.
    """
    return limits_in_force_of_models([model], exclusive)[model.pk]


def limits_in_force_of_models(
    models: Iterable[RegisteredModel], exclusive: Set[str] | None = None
) -> dict[int, tuple[Limit, ...]]:
    """Return `limits_in_force` of several models, by primary key. Two queries."""
    if exclusive is None:
        exclusive = set(Stage.objects.filter(exclusive=True).values_list("slug", flat=True))
    documents = documents_in_force()
    facts = {model.pk: facts_of_model(model) for model in models}
    known = {found: limits_for(found, documents, exclusive) for found in set(facts.values())}
    return {key: known[found] for key, found in facts.items()}
