"""The verdict is pure, so every rule of the gate is tried here without a database."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policies import (
    AppliesTo,
    ApprovalRule,
    CheckFact,
    CheckRule,
    DecisionFact,
    Exclusion,
    Facts,
    GateState,
    Involvement,
    ModelFacts,
    PolicyDocument,
    RequirementStatus,
    Reviewer,
    assign_approvers,
    evaluate,
    is_fresh,
    parse,
    separation_of_duties_exclusion,
)
from governance.promotions.deciding import _require_open
from registry.exceptions import InvalidStateError

TWO_OF_RISK = {
    "slug": "tier-1",
    "title": "Tier 1 into Production",
    "applies_to": {"stages": ["production"]},
    "checks": [{"check": "integrity.digest"}, {"check": "docs.model_card", "mode": "advisory"}],
    "approvals": [{"group": "risk", "count": 2}],
}


def document(**changes: object) -> PolicyDocument:
    return PolicyDocument.model_validate({**TWO_OF_RISK, **changes})


def check(slug: str, conclusion: str = "success", **facts: Any) -> CheckFact:
    return CheckFact(
        slug=slug, title=slug, status="completed" if conclusion else "queued", conclusion=conclusion, **facts
    )


def passed() -> dict[str, CheckFact]:
    return {"integrity.digest": check("integrity.digest"), "docs.model_card": check("docs.model_card")}


def reviewer(name: str, *groups: str, excluded: Exclusion | None = None) -> Reviewer:
    return Reviewer(uid=f"usr_{name}", name=name.title(), groups=frozenset(groups), excluded=excluded)


def said(name: str, outcome: str = "approve") -> DecisionFact:
    return DecisionFact(person=f"usr_{name}", name=name.title(), outcome=outcome)


RISK = (reviewer("marta", "risk"), reviewer("aiko", "risk"), reviewer("chen", "risk"))


def test_ready_when_checks_pass_and_two_of_the_group_approve() -> None:
    found = evaluate(document(), Facts(passed(), RISK, (said("marta"), said("aiko"))))
    assert found.state is GateState.READY
    assert not found.unmet


def test_one_approval_is_not_two() -> None:
    found = evaluate(document(), Facts(passed(), RISK, (said("marta"),)))
    assert found.state is GateState.OPEN
    (left,) = found.unmet
    assert left.id == "approval:risk"
    assert left.who_can == ("Aiko", "Chen")
    assert "1 more of risk" in left.how_to_fulfil


def test_the_same_person_twice_is_one_approval() -> None:
    found = evaluate(document(), Facts(passed(), RISK, (said("marta"), said("marta"))))
    assert found.state is GateState.OPEN


@pytest.mark.parametrize("conclusion", ["failure", "action_required", "neutral", "error", "cancelled"])
def test_no_conclusion_but_success_or_skipped_passes_a_required_check(conclusion: str) -> None:
    checks = passed() | {"integrity.digest": check("integrity.digest", conclusion)}
    found = evaluate(document(), Facts(checks, RISK, (said("marta"), said("aiko"))))
    assert found.state is GateState.BLOCKED


@pytest.mark.parametrize("status", ["queued", "running", "waiting_evidence"])
def test_an_unfinished_check_holds_the_request_open(status: str) -> None:
    checks = passed() | {"integrity.digest": CheckFact("integrity.digest", "Digest", status)}
    found = evaluate(document(), Facts(checks, RISK, (said("marta"), said("aiko"))))
    assert found.state is GateState.OPEN
    assert not found.review_open


def test_a_check_that_never_ran_is_listed_by_name_and_not_a_pass() -> None:
    found = evaluate(
        document(), Facts({"docs.model_card": check("docs.model_card")}, RISK, (said("marta"), said("aiko")))
    )
    assert found.state is GateState.OPEN
    assert [r.id for r in found.unmet if r.kind == "check"] == ["check:integrity.digest"]


def test_a_stale_success_is_not_a_pass() -> None:
    checks = passed() | {"integrity.digest": check("integrity.digest", stale=True)}
    assert evaluate(document(), Facts(checks, RISK, (said("marta"), said("aiko")))).state is GateState.OPEN


def test_a_waived_failure_passes_and_stays_visible() -> None:
    checks = passed() | {"integrity.digest": check("integrity.digest", "failure", waived=True)}
    found = evaluate(document(), Facts(checks, RISK, (said("marta"), said("aiko"))))
    assert found.state is GateState.READY
    assert [r.state for r in found.requirements if r.id == "check:integrity.digest"] == [RequirementStatus.WAIVED]


def test_an_advisory_failure_never_blocks() -> None:
    checks = passed() | {"docs.model_card": check("docs.model_card", "failure")}
    assert evaluate(document(), Facts(checks, RISK, (said("marta"), said("aiko")))).state is GateState.READY


def test_review_waits_for_advisory_checks_too_so_that_what_is_signed_stands_still() -> None:
    checks = passed() | {"docs.model_card": CheckFact("docs.model_card", "Card", "running")}
    found = evaluate(document(), Facts(checks, RISK, (said("marta"), said("aiko"))))
    assert not found.review_open
    assert found.state is GateState.OPEN


def test_an_excluded_persons_approval_does_not_count_and_is_named() -> None:
    out = reviewer("priya", "risk", excluded=Exclusion("SoD-1", "Priya opened this request"))
    found = evaluate(document(), Facts(passed(), (*RISK, out), (said("marta"), said("priya"))))
    assert found.state is GateState.OPEN
    assert [r.uid for r in found.approvals[0].excluded] == ["usr_priya"]


def test_an_outsiders_approval_does_not_count() -> None:
    assert evaluate(document(), Facts(passed(), RISK, (said("marta"), said("eve")))).state is GateState.OPEN


def test_changes_requested_block_whatever_else_is_met() -> None:
    found = evaluate(document(), Facts(passed(), RISK, (said("marta"), said("aiko"), said("chen", "request_changes"))))
    assert found.state is GateState.BLOCKED


def test_a_later_group_opens_when_the_earlier_is_done() -> None:
    rules = [{"group": "risk", "count": 1, "order": 1}, {"group": "compliance", "count": 1, "order": 2}]
    people = (*RISK, reviewer("henrik", "compliance"))
    before = evaluate(document(approvals=rules), Facts(passed(), people, ()))
    assert [s.open for s in before.approvals] == [True, False]
    after = evaluate(document(approvals=rules), Facts(passed(), people, (said("marta"),)))
    assert [s.open for s in after.approvals] == [True, True]


def test_a_closed_request_says_how_it_stood_and_not_what_to_do() -> None:
    (left,) = evaluate(document(), Facts(passed(), (), (said("marta"),), closed=True)).unmet
    assert (left.how_to_fulfil, left.who_can) == ("", ())


def test_too_small_a_group_is_said() -> None:
    found = evaluate(document(), Facts(passed(), RISK[:1], ()))
    assert "too few members" in found.unmet[0].how_to_fulfil


def test_a_person_in_two_groups_fills_the_slot_that_lets_others_fill_the_rest() -> None:
    rules = (ApprovalRule(group="risk", count=1), ApprovalRule(group="owner", count=1))
    filled = assign_approvers(rules, [("both", frozenset({"risk", "owner"})), ("risk-only", frozenset({"risk"}))])
    assert filled == {"risk": frozenset({"risk-only"}), "owner": frozenset({"both"})}


@given(
    st.lists(
        st.tuples(st.integers(0, 9).map(str), st.frozensets(st.sampled_from(["a", "b", "c"]))), unique_by=lambda t: t[0]
    ),
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
)
def test_assignment_is_maximal_and_no_person_fills_two_slots(
    people: list[tuple[str, frozenset[str]]], counts: tuple[int, int, int]
) -> None:
    rules = tuple(ApprovalRule(group=g, count=n) for g, n in zip("abc", counts, strict=True))
    filled = assign_approvers(rules, people)
    placed = [p for group in filled.values() for p in group]
    assert len(placed) == len(set(placed))
    assert all(group in dict(people)[p] for group, members in filled.items() for p in members)
    assert all(len(filled[r.group]) <= r.count for r in rules)
    # Hall's theorem: the size of a maximum matching is the least, over subsets of groups, of what can be filled inside
    # the subset and what can be placed outside it.
    best = min(
        sum(r.count for r in rules if r.group in subset) + sum(1 for _, groups in people if groups - subset)
        for subset in _subsets("abc")
    )
    assert len(placed) == min(best, len(people))


def _subsets(letters: str) -> list[frozenset[str]]:
    found = [frozenset[str]()]
    for letter in letters:
        found += [s | {letter} for s in found]
    return found


INVOLVED = Involvement("usr_r", "usr_a", "usr_t", frozenset({"usr_ci"}), lowered_tier=frozenset({"usr_l"}))


@pytest.mark.parametrize(
    ("uid", "flags", "rule"),
    [
        ("usr_r", {}, "SoD-1"),
        ("usr_a", {}, "SoD-2"),
        ("usr_t", {}, "SoD-2"),
        ("usr_ci", {}, "SoD-3"),
        ("usr_x", {"superuser": True}, "SoD-4"),
        ("usr_x", {"service": True}, "SoD-5"),
        ("usr_l", {}, "SoD-10"),
    ],
)
def test_separation_of_duties_names_its_rule(uid: str, flags: dict[str, bool], rule: str) -> None:
    superuser, service = flags.get("superuser", False), flags.get("service", False)
    found = separation_of_duties_exclusion(uid, "Somebody", INVOLVED, superuser=superuser, service=service)
    assert found is not None
    assert found.rule == rule
    assert "Somebody" in found.reason


def test_an_account_that_shares_a_controller_with_those_who_asked_is_kept_out() -> None:
    involved = Involvement("usr_r", "usr_r", controls_of_requester=frozenset({"usr_admin"}))
    for uid, controlled_by in (("usr_x", frozenset({"usr_admin"})), ("usr_admin", frozenset[str]())):
        found = separation_of_duties_exclusion(
            uid, "Somebody", involved, superuser=False, service=False, controlled_by=controlled_by
        )
        assert found is not None
        assert found.rule == "SoD-7"
    other = frozenset({"usr_other"})
    assert (
        separation_of_duties_exclusion(
            "usr_x", "Somebody", involved, superuser=False, service=False, controlled_by=other
        )
        is None
    )


def test_an_approval_that_waits_for_an_advisory_check_names_it() -> None:
    found = evaluate(document(), Facts({"integrity.digest": check("integrity.digest")}, RISK, ()))
    with pytest.raises(InvalidStateError) as refused:
        _require_open(found, RISK[0])
    assert refused.value.code == "review_not_open"
    assert "docs.model_card" in refused.value.detail
    assert refused.value.requirements == tuple(r for r in found.requirements if r.id == "check:docs.model_card")


def test_an_uninvolved_person_is_kept_out_by_nothing() -> None:
    assert separation_of_duties_exclusion("usr_x", "Somebody", INVOLVED, superuser=False, service=False) is None


def test_a_model_without_a_tier_is_governed_by_every_policy() -> None:
    tiered = document(applies_to={"stages": ["production"], "tiers": [1]})
    assert tiered.applies(stage="production", alias=None, facts=ModelFacts(None))
    assert tiered.applies(stage="production", alias=None, facts=ModelFacts(1))
    assert not tiered.applies(stage="production", alias=None, facts=ModelFacts(2))
    assert not tiered.applies(stage="staging", alias=None, facts=ModelFacts(1))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("", "mapping"),
        ("slug: [", "not valid YAML"),
        ("slug: x\ntitle: Something\napplies_to: {}\n", "at least one stage or alias"),
        ("slug: x\ntitle: Something\napplies_to: {stages: [p]}\nseparation_of_duties: false\n", "separation_of_duties"),
        ("slug: x\ntitle: Some\napplies_to: {stages: [p]}\nchecks: [{check: a.b}, {check: a.b}]\n", "named twice: a.b"),
        ("slug: x\ntitle: Some\napplies_to: {stages: [p]}\napprovals: [{group: g, count: 0}]\n", "approvals.0.count"),
        ("x" * 300_000, "262,144 are read"),
    ],
)
def test_a_bad_policy_is_refused_by_field_and_rule(source: str, names: str) -> None:
    with pytest.raises(ValueError, match=names.replace(".", r"\.")):
        parse(source)


def test_a_results_age_is_judged_by_its_rule() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    rule = CheckRule(check="a.b", max_age_days=30)
    assert is_fresh(rule, now - timedelta(days=30), now)
    assert not is_fresh(rule, now - timedelta(days=30, seconds=1), now)
    assert is_fresh(CheckRule(check="a.b"), now - timedelta(days=3000), now)


NAMES = tuple("abcdef")


@st.composite
def delegated_cases(draw: st.DrawFn) -> tuple[PolicyDocument, Facts]:
    """Members, delegations between any of them, exclusions, and approvals in any order and number."""
    groups = ("red", "blue")
    rules = tuple(ApprovalRule(group=g, count=draw(st.integers(1, 3))) for g in groups)
    excluded = {name for name in NAMES if draw(st.integers(0, 4)) == 0}
    member_of = {name: frozenset(g for g in groups if draw(st.booleans())) for name in NAMES}
    reason = Exclusion("SoD-1", "opened this request")
    people = [
        Reviewer(n, n.upper(), member_of[n], excluded=reason if n in excluded else None) for n in NAMES if member_of[n]
    ]
    pairs = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=8, unique=True))
    for delegate, member in pairs:
        scope = draw(st.sampled_from([frozenset(groups), frozenset({"red"})]))
        if delegate != member and member_of[member] & scope:
            rule = reason if {delegate, member} & excluded else None
            people.append(
                Reviewer(
                    delegate, delegate.upper(), member_of[member] & scope, excluded=rule, on_behalf_of=member,
                    delegator=member.upper(),
                )
            )  # fmt: skip
    signers = st.tuples(st.sampled_from(NAMES), st.sampled_from(("", *NAMES)))
    signed = draw(st.lists(signers, max_size=10, unique=True))
    decisions = tuple(DecisionFact(by, by.upper(), "approve", on_behalf_of=member) for by, member in signed)
    document = PolicyDocument(slug="p-p", title="Rules", applies_to=AppliesTo(stages=("production",)), approvals=rules)
    return document, Facts(checks={}, reviewers=tuple(people), decisions=decisions)


@given(delegated_cases())
def test_behind_counted_approvals_are_as_many_people_as_the_quorum_and_none_who_is_excluded(
    case: tuple[PolicyDocument, Facts],
) -> None:
    document, facts = case
    verdict = evaluate(document, facts)
    known = {(r.uid, r.on_behalf_of): r for r in facts.reviewers}
    counted = [(d.person, d.on_behalf_of) for progress in verdict.approvals for d in progress.approved_by]
    people = [uid for signer, member in counted for uid in {signer, member or signer}]
    assert len(set(people)) == len(people), "a person appears in one counted approval only"
    assert all(known[pair].excluded is None for pair in counted)
    for progress in verdict.approvals:
        assert len(progress.approved_by) <= progress.rule.count
        assert all(progress.rule.group in known[d.person, d.on_behalf_of].groups for d in progress.approved_by)
        # Those who may still decide have no part in a decision that was given.
        used = {uid for d in facts.decisions for uid in (d.person, d.on_behalf_of)}
        assert all(used.isdisjoint(reviewer.people) for reviewer in progress.may_approve)
    if verdict.state is GateState.READY:
        assert len(counted) == sum(rule.count for rule in document.approvals)
