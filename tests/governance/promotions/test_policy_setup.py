"""Why a policy cannot be met in an installation: groups, roles, checks and keys."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client

from governance.policies import parse
from governance.selectors.policy_setup import check_policies, setup_gaps
from tests import factories
from tests.governance.promotions.conftest import Bank

RULES = "{slug: rules, title: For the test, applies_to: {stages: [production]}, %s}"


def gaps(rules: str) -> list[str]:
    return list(setup_gaps(parse(RULES % rules)))


def test_groups_need_people_for_every_place(bank: Bank) -> None:
    # Marta, Aiko, Chen, Priya and Tom; the superuser of the group counts for nothing.
    assert gaps("approvals: [{group: reviewers, count: 4}]") == []
    (all_of_them,) = gaps("approvals: [{group: reviewers, count: 5}]")
    assert all_of_them.startswith("Every member of reviewers must approve")
    (short,) = gaps("approvals: [{group: reviewers, count: 6}]")
    assert short == "It cannot be met: 6 of reviewers must approve, and it has 5."
    factories.group("two", bank.people["marta"])
    found = gaps("approvals: [{group: reviewers, count: 5}, {group: two}]")
    assert any("a person fills one place" in words for words in found)
    assert gaps("approvals: [{group: reviewers, count: 6, when: {fact: tier, op: '==', value: 1}}]") == [
        "It cannot be met where the rule applies: 6 of reviewers must approve, and it has 5."
    ]
    factories.group("empty")
    assert gaps("emergency: {groups: [empty], max_hours: 4, retrospective_within_days: 5}") == [
        "The group empty, named for emergency, has no member who can decide."
    ]
    assert gaps("rollback: {approvals: [{group: empty}], within_days: 9}") == [
        "Rollback: It cannot be met: 1 of empty must approve, and it has 0."
    ]


def test_roles_checks_and_keys(bank: Bank) -> None:
    assert gaps("approvals: [{role: owner}]") == []
    (missing,) = gaps("approvals: [{role: validators, count: 2}]")
    assert "1 of 1 models in use" in missing
    assert "credit-risk-pd" in missing
    assert gaps("checks: [{check: integrity.digest}]") == []
    (never,) = gaps("checks: [{check: ci.fuzz, external: true}]")
    assert "No system has reported a result of ci.fuzz yet" in never
    assert gaps("checks: [{check: ci.fuzz, external: true, mode: advisory}]") == []
    (key,) = gaps("checks: [{check: integrity.signature}]")
    assert "verification key for the purpose signature" in key


def test_the_page_and_the_command_show_it_for_policies_in_force(
    bank: Bank, publish: Callable[[str], object], client: Client
) -> None:
    publish(RULES % "priority: 3, approvals: [{group: reviewers, count: 6}]")
    words = "It cannot be met: 6 of reviewers must approve, and it has 5."
    client.force_login(bank.people["priya"])
    assert words in client.get("/policies/rules/").content.decode()
    assert f"rules v1: {words}" in [one.msg for one in check_policies(databases=["default"])]
