"""Conditions in three-valued logic: unknown never opens, and what is known stays decided when more is learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policies import (
    CheckFact,
    DecisionFact,
    Facts,
    GateState,
    PolicyDocument,
    Requirement,
    RequirementStatus,
    Reviewer,
    combine,
    evaluate,
    in_words,
    parse,
)
from governance.policies.conditions import (
    FACTS,
    Condition,
    FactKey,
    both,
    condition_requirements,
    conjunction,
    holds,
    negation,
)

AUC = {"fact": "metric", "of": "auc", "op": ">=", "value": 0.8}


def condition(**given_: Any) -> Condition:
    return Condition.model_validate(given_)


@pytest.mark.parametrize(
    ("stated", "known", "answer"),
    [
        (AUC, {FactKey("metric", "auc"): 0.8}, True),
        (AUC, {FactKey("metric", "auc"): 0.79}, False),
        (AUC, {FactKey("metric", "auc", "other"): 0.9}, None),
        ({"fact": "affects_people", "value": True}, {FactKey("affects_people"): False}, False),
        (
            {"fact": "data_classes", "op": "contains", "value": "personal"},
            {FactKey("data_classes"): {"personal"}},
            True,
        ),
        ({"fact": "stage", "op": "in", "value": ["staging"]}, {FactKey("stage"): "staging"}, True),
        ({"fact": "team", "op": "not in", "value": ["Fraud"]}, {FactKey("team"): "Credit"}, True),
        ({"not": AUC}, {}, None),
        ({"any": [AUC, {"fact": "tier", "op": ">", "value": 1}]}, {FactKey("tier"): 2}, True),
        ({"all": [AUC, {"fact": "tier", "op": ">", "value": 1}]}, {FactKey("tier"): 1}, False),
        ({"all": [AUC, {"fact": "tier", "op": ">", "value": 1}]}, {FactKey("tier"): 2}, None),
    ],
)
def test_a_condition_is_true_false_or_unknown(stated: Any, known: Any, answer: bool | None) -> None:
    assert holds(condition(**stated), known) is answer


@pytest.mark.parametrize(
    ("stated", "rule"),
    [
        ({"fact": "colour", "value": "red"}, "unknown fact colour; the facts are: tier"),
        ({"fact": "metric", "op": ">=", "value": 1}, "needs `of`: the name of the metric"),
        ({"fact": "tier", "of": "x", "value": 1}, "tier has no `of`"),
        ({"fact": "tier", "op": "contains", "value": 1}, "op is one of =="),
        ({"fact": "tier", "op": ">=", "value": "1"}, "takes a number"),
        ({"fact": "tier", "op": ">=", "value": True}, "takes a number"),
        ({"fact": "affects_people", "value": 1}, "takes true or false"),
        ({"fact": "stage", "op": "in", "value": "staging"}, "takes a list of texts"),
        ({"fact": "tier", "value": 1, "all": [AUC]}, "one of: all, any, not"),
        ({"all": []}, "at least 1 item"),
        ({}, "one of: all, any, not"),
        ({"not": {"not": {"not": {"not": {"not": {"not": AUC}}}}}}, "at most 6 deep"),
        ({"fact": "tier", "dataset": "x", "value": 1}, "belong to a metric"),
    ],
)
def test_a_wrong_condition_is_refused_with_the_rule(stated: Any, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        condition(**stated)


DOCUMENT = """
slug: careful
title: With conditions
applies_to: {stages: [production]}
checks:
  - check: fairness.groups
    when: {fact: affects_people, value: true}
approvals:
  - {group: risk}
  - {group: legal, when: {fact: data_classes, op: contains, value: special-category}}
conditions:
  all:
    - {fact: days_since_review, op: "<=", value: 365, title: Reviewed within a year}
    - any:
        - {fact: tier, op: ">", value: 1}
        - {fact: hours_in_stage, of: staging, op: ">=", value: 72}
    - not: {fact: open_findings, of: high, op: ">", value: 0}
"""
FINE = {
    FactKey("days_since_review"): 20.0,
    FactKey("tier"): 2,
    FactKey("hours_in_stage", "staging"): 5.0,
    FactKey("open_findings", "high"): 0,
    FactKey("affects_people"): False,
    FactKey("data_classes"): frozenset({"public"}),
}
PEOPLE = (Reviewer("marta", "Marta", frozenset({"risk"})), Reviewer("lea", "Lea", frozenset({"legal"})))


def judged(known: Any) -> dict[str, Requirement]:
    found = evaluate(parse(DOCUMENT), Facts({}, PEOPLE, (), known=known))
    return {one.id: one for one in found.requirements}


def test_each_part_is_a_requirement_with_title_state_and_remedy() -> None:
    found = judged({**FINE, FactKey("tier"): 1, FactKey("days_since_review"): None})
    first, second, third = (found[f"condition:{number}"] for number in (1, 2, 3))
    assert (first.title, first.state) == ("Reviewed within a year", RequirementStatus.FAILED)
    assert first.detail == "not known: the days since the last periodic review"
    assert first.how_to_fulfil == "Review the model"
    assert second.state is RequirementStatus.WAITING, "time alone satisfies it"
    assert "the hours of the version in staging: 5" in second.detail
    assert third.state is RequirementStatus.MET


def test_a_rule_with_when_is_left_out_only_where_it_is_definitely_false() -> None:
    assert judged(FINE)["check:fairness.groups"].state is RequirementStatus.NOT_APPLICABLE
    assert judged(FINE)["approval:legal"].state is RequirementStatus.NOT_APPLICABLE
    assert "affects people" in judged(FINE)["check:fairness.groups"].detail
    for known in ({**FINE, FactKey("affects_people"): None}, None):
        assert judged(known)["check:fairness.groups"].state is RequirementStatus.WAITING
    unknown = judged({**FINE, FactKey("data_classes"): None})
    assert unknown["approval:legal"].state is RequirementStatus.WAITING


def test_documents_survive_storage_and_keep_conditional_approvals_apart() -> None:
    document = parse(DOCUMENT)
    stored = document.model_dump(mode="json")
    assert [rule["group"] for rule in stored["approvals"]] == ["risk"]
    assert [rule["group"] for rule in stored["conditional_approvals"]] == ["legal"]
    assert PolicyDocument.model_validate(stored) == document
    assert stored["conditions"]["all"][2] == {"not": {"fact": "open_findings", "of": "high", "op": ">", "value": 0.0}}
    words = " ".join(sentence for _, sentences in in_words(document) for sentence in sentences)
    for part in (
        "Reviewed within a year.",
        "he risk tier is more than 1 or the hours",
        "Fairness.groups only when the model",
    ):
        assert part in words


def test_every_fact_is_documented() -> None:
    text = Path("docs/policies.md").read_text(encoding="utf-8")
    assert [name for name in FACTS if f"| `{name}`" not in text] == []


TRUTH = st.sampled_from([True, False, None])
NAMES = ("tier", "open_findings", "hours_in_stage")
leaves = st.builds(
    lambda name, op, value: {
        "fact": name,
        "op": op,
        "value": value,
        **({} if name == "tier" else {"of": {"open_findings": "high", "hours_in_stage": "staging"}[name]}),
    },
    st.sampled_from(NAMES),
    st.sampled_from([">=", "<", "=="]),
    st.integers(0, 3),
)
trees = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.lists(parts, min_size=1, max_size=3).map(lambda found: {"all": found}),
        st.lists(parts, min_size=1, max_size=3).map(lambda found: {"any": found}),
        parts.map(lambda found: {"not": found}),
    ),
    max_leaves=6,
).map(lambda tree: {"all": [tree]})
KEYS = (FactKey("tier"), FactKey("open_findings", "high"), FactKey("hours_in_stage", "staging"))
worlds = st.fixed_dictionaries({key: st.none() | st.integers(0, 3) for key in KEYS})


def built(tree: Any) -> Condition | None:
    try:
        return Condition.model_validate(tree)
    except ValueError:  # nested too deeply
        return None


@given(trees, worlds, worlds)
def test_learning_a_fact_never_changes_what_was_decided(tree: Any, known: Any, more: Any) -> None:
    stated = built(tree)
    if stated is None:
        return
    before = holds(stated, known)
    learnt = {key: value if value is not None else more[key] for key, value in known.items()}
    if before is not None:
        assert holds(stated, learnt) is before


@given(trees, worlds)
def test_an_unknown_condition_is_true_in_one_world_only_if_not_decided(tree: Any, known: Any) -> None:
    stated = built(tree)
    if stated is None:
        return
    (requirement,) = condition_requirements(stated, known)
    assert (requirement.state is RequirementStatus.MET) == (holds(stated, known) is True)
    assert (
        holds(Condition.model_validate({"all": [{"not": {"not": tree["all"][0]}}]}), known) is holds(stated, known)
        if stated._depth() <= 4
        else True
    )


@given(TRUTH, TRUTH, TRUTH)
def test_the_logic_is_that_of_kleene(a: bool | None, b: bool | None, c: bool | None) -> None:
    order = {False: 0, None: 1, True: 2}
    assert order[conjunction((a, b))] == min(order[a], order[b])
    assert negation(negation(a)) is a
    assert conjunction((a, conjunction((b, c)))) is conjunction((conjunction((a, b)), c))


@given(trees, trees, worlds)
def test_the_combination_of_policies_needs_the_conditions_of_both(one: Any, two: Any, known: Any) -> None:
    first, second = built(one), built(two)
    if first is None or second is None:
        return
    combined = both(first, second)
    assert combined is not None
    assert holds(combined, known) is conjunction((holds(first, known), holds(second, known)))


whens = st.none() | leaves
policies = st.builds(
    lambda slug, check, approval, stated: PolicyDocument.model_validate(
        {
            "slug": slug,
            "title": "Generated",
            "applies_to": {"stages": ["production"]},
            "checks": [{"check": "docs.model_card", **({"when": check} if check else {})}],
            "approvals": [{"group": "risk", **({"when": approval} if approval else {})}],
            **({"conditions": stated} if stated else {}),
        }
    ),
    st.sampled_from(("one", "two")),
    whens,
    whens,
    whens,
)


@given(policies, policies, worlds, st.booleans(), st.booleans())
def test_what_the_combination_accepts_each_policy_accepts(
    one: PolicyDocument, two: PolicyDocument, known: Any, passed: bool, approved: bool
) -> None:
    check = CheckFact("docs.model_card", "Card", "completed", "success" if passed else "failure")
    decisions = (DecisionFact("marta", "Marta", "approve"),) if approved else ()
    facts = Facts({"docs.model_card": check}, PEOPLE, decisions, known=known)
    if evaluate(combine([one, two]), facts).state is GateState.READY:
        assert all(evaluate(each, facts).state is GateState.READY for each in (one, two))
