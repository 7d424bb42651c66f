"""Which limit of a policy is drawn beside which number."""

from __future__ import annotations

import pytest

from governance import policies
from governance.policies import ModelFacts
from governance.policies.metric_limits import Limit, limit_on, limits_for, limits_of


def policy(slug: str, stage: str, *thresholds: str, tiers: str = "[]", priority: int = 0) -> policies.PolicyDocument:
    listed = ", ".join(thresholds)
    return policies.parse(
        f"slug: {slug}\ntitle: For the test\npriority: {priority}\n"
        f"applies_to: {{stages: [{stage}], tiers: {tiers}}}\n"
        f"checks: [{{check: performance.threshold, params: {{thresholds: [{listed}]}}}}]\n"
    )


def test_a_limit_is_about_one_slice_and_the_dataset_it_names() -> None:
    (overall, thin, held_out) = limits_of(
        policy(
            "p",
            "production",
            '{metric: AUC, op: ">=", value: 0.8}',
            '{metric: AUC, op: ">=", value: 0.7, slice: thin file}',
            '{metric: ece, op: "<=", value: 0.02, dataset: holdout}',
        )
    )
    assert overall.applies_to("auc", "anything")
    assert not overall.applies_to("auc", "anything", "thin file")
    assert thin.applies_to("AUC", "", "thin file")
    assert held_out.applies_to("ece", "holdout")
    assert not held_out.applies_to("ece", "training")
    assert limit_on([thin, overall], "AUC") == overall
    assert limit_on([thin], "AUC") is None


@pytest.mark.parametrize(
    ("op", "kept", "missed", "direction"),
    [(">=", 0.8, 0.79, "min"), (">", 0.81, 0.8, "min"), ("<=", 0.8, 0.81, "max"), ("<", 0.79, 0.8, "max")],
)
def test_what_holds(op: str, kept: float, missed: float, direction: str) -> None:
    limit = Limit("m", op, 0.8)
    assert limit.is_satisfied_by(kept)
    assert not limit.is_satisfied_by(missed)
    assert limit.direction == direction


def test_what_the_last_stage_asks_comes_first_and_other_tiers_do_not_bind() -> None:
    documents = [
        policy("a-staging", "staging", '{metric: auc, op: ">=", value: 0.6}', '{metric: f1, op: ">=", value: 0.5}'),
        policy("b-tier-1", "production", '{metric: auc, op: ">=", value: 0.9}', tiers="[1]"),
        policy("c-any", "production", '{metric: auc, op: ">=", value: 0.8}'),
    ]
    found = limits_for(ModelFacts(2), documents, {"production"})
    assert [(limit.metric, limit.value) for limit in found] == [("auc", 0.8), ("f1", 0.5)]
    assert limits_for(ModelFacts(1), documents, {"production"})[0].value == 0.9
    assert limits_of(None) == ()
