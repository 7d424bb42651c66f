"""The conjunction of policies: what satisfies it satisfies each of them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.checks import entry_points
from governance.policies import (
    CheckFact,
    DecisionFact,
    Facts,
    GateState,
    PolicyDocument,
    Reviewer,
    UncombinableRule,
    combine,
    conflicts,
    evaluate,
)

GROUPS = ("risk", "owners", "compliance")
CHECKS = ("integrity.digest", "artifact.format", "docs.model_card")


def policy(slug: str = "one", **changes: object) -> PolicyDocument:
    return PolicyDocument.model_validate(
        {"slug": slug, "title": f"Policy {slug}", "applies_to": {"stages": ["production"]}, **changes}
    )


def check(slug: str, **changes: object) -> dict[str, object]:
    return {"check": slug, **changes}


def test_the_combination_of_one_policy_is_that_policy() -> None:
    alone = policy(checks=[check("integrity.digest")])
    assert combine([alone]) is alone


def test_no_policy_is_not_a_combination() -> None:
    with pytest.raises(ValueError, match="no policy"):
        combine([])


def test_checks_are_united_and_required_wins_over_advisory() -> None:
    first = policy(checks=[check("integrity.digest", mode="advisory", max_age_days=30, timeout=60)])
    second = policy("two", checks=[check("integrity.digest", max_age_days=7), check("artifact.format")])
    found = {rule.check: rule for rule in combine([first, second]).checks}
    assert set(found) == {"integrity.digest", "artifact.format"}
    assert (found["integrity.digest"].mode, found["integrity.digest"].max_age_days) == ("required", 7)
    assert found["integrity.digest"].timeout == 60


def test_approvals_take_the_larger_count_and_the_later_order() -> None:
    first = policy(approvals=[{"group": "risk", "count": 2, "order": 1}, {"group": "owners", "count": 1, "order": 2}])
    second = policy("two", approvals=[{"group": "risk", "count": 1, "order": 3}, {"group": "compliance"}])
    found = {rule.group: (rule.count, rule.order) for rule in combine([first, second]).approvals}
    assert found == {"risk": (2, 3), "owners": (1, 2), "compliance": (1, 1)}


def test_options_are_the_most_restrictive() -> None:
    first = policy(comment_required=False, expires_after_days=60)
    second = policy("two", comment_required=True, on_ready="hold", expires_after_days=10)
    found = combine([first, second])
    assert (found.comment_required, found.on_ready, found.expires_after_days) == (True, "hold", 10)
    assert found.slug == "one"


def test_parameters_that_cannot_be_combined_block_and_name_policies_and_remedy() -> None:
    first = policy(checks=[check("acme.size", params={"rows": 10})])
    second = policy("two", checks=[check("acme.size", params={"rows": 20}, mode="advisory")])
    (rule,) = conflicts(combine([first, second], merge=entry_points.combined_parameters))
    assert isinstance(rule, UncombinableRule)
    assert rule.mode == "required"
    assert "one and two" in rule.conflict
    assert "acme.size" in rule.conflict


def merged(slug: str, first: dict[str, Any], second: dict[str, Any]) -> Any:
    return entry_points.combined_parameters(slug, first, second)


def test_limits_of_two_policies_are_all_kept() -> None:
    one = {"thresholds": [{"metric": "AUC", "value": 0.8}], "confidence": 0.9}
    two = {"thresholds": [{"metric": "AUC", "value": 0.7}, {"metric": "KS", "value": 0.4}]}
    found = merged("performance.threshold", one, two)
    assert [(t["metric"], t["value"]) for t in found["thresholds"]] == [("AUC", 0.8), ("AUC", 0.7), ("KS", 0.4)]
    assert found["confidence"] == 0.95


def test_limits_read_from_the_table_in_two_ways_do_not_combine() -> None:
    limits = [{"metric": "AUC", "value": 0.8}]
    one, two = {"thresholds": limits, "positive": "yes"}, {"thresholds": limits, "positive": "no"}
    assert merged("performance.threshold", one, two) is None


def test_more_limits_than_a_check_takes_do_not_combine() -> None:
    def many(start: int) -> dict[str, Any]:
        return {"thresholds": [{"metric": f"m{n}", "value": 0.5} for n in range(start, start + 40)]}

    assert merged("performance.threshold", many(0), many(40)) is None


def test_a_format_is_accepted_where_both_policies_accept_it() -> None:
    one = {"allowed": {"staging": ["onnx", "pickle"], "production": ["onnx", "safetensors"]}}
    two = {"allowed": {"production": ["safetensors", "skops"], "@champion": ["onnx"]}}
    assert merged("artifact.format", one, two)["allowed"] == {
        "staging": [],  # `two` accepts there what all its lists accept: nothing
        "production": ["safetensors"],
        "@champion": ["onnx"],
    }


def test_a_card_must_hold_what_either_policy_requires() -> None:
    one = {"required_metadata": ["license"], "required_sections": ["limitations"], "min_words": 5}
    two = {"required_metadata": ["datasets"], "required_sections": ["limitations", "evaluation"], "min_words": 30}
    assert merged("docs.model_card", one, two) == {
        "required_metadata": ["license", "datasets"],
        "required_sections": ["limitations", "evaluation"],
        "min_words": 30,
    }


documents = st.builds(
    policy,
    slug=st.sampled_from(("one", "two", "three")),
    checks=st.lists(
        st.builds(
            check,
            st.sampled_from(CHECKS),
            mode=st.sampled_from(("required", "advisory")),
            max_age_days=st.none() | st.integers(1, 90),
        ),
        unique_by=lambda rule: rule["check"],
        max_size=3,
    ),
    approvals=st.lists(
        st.fixed_dictionaries(
            {"group": st.sampled_from(GROUPS), "count": st.integers(1, 3), "order": st.integers(1, 3)}
        ),
        unique_by=lambda rule: rule["group"],
        max_size=3,
    ),
)
people = st.lists(st.sets(st.sampled_from(GROUPS)), min_size=0, max_size=6)
results = st.dictionaries(st.sampled_from(CHECKS), st.sampled_from(("success", "failure", "skipped", "error")))


@given(st.lists(documents, min_size=1, max_size=3), people, results)
def test_what_satisfies_the_combination_satisfies_each_policy(
    given_: list[PolicyDocument], members: list[set[str]], conclusions: dict[str, str]
) -> None:
    facts = Facts(
        {s: CheckFact(slug=s, title=s, status="completed", conclusion=c) for s, c in conclusions.items()},
        tuple(Reviewer(f"usr_{n}", f"P{n}", frozenset(groups)) for n, groups in enumerate(members)),
        tuple(DecisionFact(f"usr_{n}", f"P{n}", "approve") for n in range(len(members))),
    )
    both = evaluate(combine(given_), facts)
    if both.state is GateState.READY:
        assert all(evaluate(one, facts).state is GateState.READY for one in given_)
    if both.review_open:
        assert all(evaluate(one, facts).review_open for one in given_)
