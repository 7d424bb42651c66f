"""Which models a policy covers, which of two policies is more specific, and which pairs are refused as ambiguous."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policies import (
    Basis,
    Demand,
    ModelFacts,
    PolicyDocument,
    choose,
    describe_models,
    facts_of_model,
    in_words,
    is_ambiguous,
    overlap,
    why_chosen,
)
from registry.models import RegisteredModel

ENTERING = Demand(Basis.TARGET, "entering Production", target="production")


def policy(slug: str = "one", priority: int = 0, **models: Any) -> PolicyDocument:
    return PolicyDocument.model_validate(
        {
            "slug": slug,
            "title": f"Policy {slug}",
            "priority": priority,
            "applies_to": {"stages": ["production"], **models},
        }
    )


def model(**facts: Any) -> ModelFacts:
    return facts_of_model(RegisteredModel(**{"risk_tier": 1, **facts}))


@pytest.mark.parametrize(
    ("restriction", "covered", "other"),
    [
        ({"tags": {"market": "retail"}}, {"tags": {"market": "retail"}}, {"tags": {"market": "sme"}}),
        ({"tags": {"market": ["retail", "sme"]}}, {"tags": {"market": "sme"}}, {"tags": {"scope": "retail"}}),
        ({"tags": {"pii": "*"}}, {"tags": {"pii": "no"}}, {"tags": {}}),
        ({"tags": {"pii": "*", "eu": "yes"}}, {"tags": {"pii": "x", "eu": "yes"}}, {"tags": {"pii": "x"}}),
        ({"data_classes": ["personal"]}, {"data_classes": ["public", "personal"]}, {"data_classes": ["public"]}),
        ({"teams": ["Credit  Risk"]}, {"team": "credit risk"}, {"team": "Fraud"}),
        ({"affects_people": True}, {"affects_people": True}, {"affects_people": False}),
        ({"regulations": ["EU AI Act"]}, {"regulations": ["GDPR", "eu ai act"]}, {"regulations": ["GDPR"]}),
    ],
)
def test_a_restriction_covers_the_models_with_the_fact(restriction: Any, covered: Any, other: Any) -> None:
    document = policy(**restriction)
    assert document.applies_to.covers(model(**covered))
    assert not document.applies_to.covers(model(**other))


def test_an_undeclared_fact_does_not_exempt_a_model() -> None:
    undeclared = model()
    assert policy(data_classes=["special-category"]).applies_to.covers(undeclared)
    assert policy(affects_people=True).applies_to.covers(undeclared)
    assert not policy(affects_people=False).applies_to.covers(undeclared)


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"tags": {"market": []}}, "name a value"),
        ({"tags": {"market": [""]}}, "at least 1 character"),
        ({"data_classes": ["secret"]}, "special-category"),
        ({"affects_people": "yes"}, "valid boolean"),
        ({"team": ["Credit"]}, "Extra inputs"),
    ],
)
def test_a_wrong_restriction_is_refused(given: Any, where: str) -> None:
    with pytest.raises(ValueError, match=where):
        policy(**given)


def test_the_narrower_policy_governs_and_the_reason_names_the_other() -> None:
    general, people = policy("general"), policy("people", affects_people=True)
    strict = policy("strict", affects_people=True, tags={"market": "retail"})
    documents = [(one, one) for one in (people, strict, general)]
    retail = model(affects_people=True, tags={"market": "retail"})
    assert choose(documents, ENTERING, retail) is strict
    assert choose(documents, ENTERING, model(affects_people=True)) is people
    assert choose(documents, ENTERING, model(affects_people=False)) is general
    why = why_chosen(strict, [general, people, strict], ENTERING, retail)
    assert "more specific than general, people" in why
    assert "its tags and whether it affects people" in why
    assert why_chosen(general, [general, people], ENTERING, model(affects_people=False)) == ""


def test_priority_precedes_specificity() -> None:
    general, people = policy("general", priority=5), policy("people", affects_people=True)
    assert choose([(one, one) for one in (people, general)], ENTERING, model(affects_people=True)) is general
    assert not is_ambiguous(general, people)
    why = why_chosen(general, [people], ENTERING, model(affects_people=True))
    assert why == "its priority 5 is higher than that of people (0)"


def test_policies_that_share_models_and_of_which_none_is_narrower_are_ambiguous() -> None:
    people, retail = policy("people", affects_people=True), policy("retail", tags={"market": "retail"})
    assert is_ambiguous(people, retail)
    assert not is_ambiguous(people, policy("retail", 1, tags={"market": "retail"}))
    assert not is_ambiguous(people, policy("both", affects_people=True, tags={"market": "retail"}))
    assert not is_ambiguous(people, policy("machines", affects_people=False, tags={"market": "retail"}))


def test_words_name_every_restriction() -> None:
    document = policy(tags={"market": "retail", "pii": "*"}, data_classes=["personal"], teams=["Credit"], tiers=[1, 2])
    words = describe_models(document.applies_to)
    for part in ("tier 1 or 2", "of the team Credit", "the tag market = retail", "the tag pii,", "class personal"):
        assert part in words
    assert words in " ".join(in_words(document)[0][1])


def test_documents_without_the_new_keys_are_serialised_as_before() -> None:
    assert policy().model_dump(mode="json") == {
        "slug": "one",
        "title": "Policy one",
        "applies_to": {"stages": ["production"], "aliases": [], "tiers": []},
        "priority": 0,
        "checks": [],
        "approvals": [],
        "comment_required": True,
        "on_ready": "promote",
        "expires_after_days": 30,
    }


# A small world in which every model can be listed, so that exactness is decided by enumeration.
TIERS, TEAMS, VALUES = (1, 2), ("a", "b"), ("x", "y", "other")
CLASSES, RULES = ("public", "personal"), ("gdpr", "act")
MODELS = [
    ModelFacts(tier, frozenset(tags), frozenset(classes), team, people, frozenset(rules))
    for tier in TIERS
    for tags in ((), *((("k", value),) for value in VALUES))
    for classes in ((), ("public",), ("personal",), CLASSES)
    for team in (*TEAMS, "c")
    for people in (None, True, False)
    for rules in ((), ("gdpr",), ("act",), RULES)
]


def some(of: Any, least: int = 1) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(of), min_size=least, max_size=2, unique=True)


filters = st.fixed_dictionaries(
    {},
    optional={
        "tiers": some(TIERS),
        "teams": some(TEAMS),
        "tags": st.fixed_dictionaries({"k": st.just(["*"]) | some(VALUES[:2])}),
        "data_classes": some(CLASSES),
        "affects_people": st.booleans(),
        "regulations": some(RULES),
    },
)


@given(filters, filters)
def test_an_overlap_is_reported_exactly_where_a_model_is_covered_by_both(first: Any, second: Any) -> None:
    one, two = policy("one", **first), policy("two", **second)
    shared = any(one.applies_to.covers(facts) and two.applies_to.covers(facts) for facts in MODELS)
    assert bool(overlap(one, two)) == shared == bool(overlap(two, one))


@given(filters, filters)
def test_a_narrower_policy_covers_only_what_the_other_covers(first: Any, second: Any) -> None:
    one, two = policy("one", **first).applies_to, policy("two", **second).applies_to
    if one.is_narrower_than(two):
        assert not two.is_narrower_than(one)
        assert all(two.covers(facts) for facts in MODELS if one.covers(facts))


@given(st.lists(filters, min_size=2, max_size=4))
def test_where_no_pair_is_ambiguous_exactly_one_policy_is_chosen_in_any_order(given_filters: list[Any]) -> None:
    documents = [policy(f"p{n}", **restriction) for n, restriction in enumerate(given_filters)]
    if any(is_ambiguous(one, two) for one, two in itertools.combinations(documents, 2)):
        return
    for facts in MODELS[:: max(1, len(MODELS) // 60)]:
        chosen = choose([(one, one) for one in documents], ENTERING, facts)
        assert chosen is choose([(one, one) for one in reversed(documents)], ENTERING, facts)
        covering = [one for one in documents if one.applies_to.covers(facts)]
        if chosen is None:
            assert not covering
        else:
            assert all(one is chosen or chosen.applies_to.is_narrower_than(one.applies_to) for one in covering)
