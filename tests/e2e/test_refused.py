"""Those who must not decide: the page names the rule to them, and offers no form."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Bank, Enter

pytestmark = [pytest.mark.browser]


def test_requester_superuser_and_outsider_cannot_decide(bank: Bank, enter: Enter) -> None:
    people = bank.people
    job = bank.pipeline(people.priya)
    asked = bank.under_review(job, bank.register(job), alias="champion")

    # Both are in the group the policy calls on; who asked, and who administers, does not count.
    for person, rule in (
        (people.priya, "You cannot approve your own request (SoD-1)."),
        (people.ada, "(SoD-4)"),
    ):
        page = enter(person).go("/reviews/")
        expect(page.locator("section", has=page.locator("#needs-h"))).to_contain_text("No request waits for you")
        page.goto(f"/promotions/{asked}/")
        expect(page.locator(".cannot")).to_contain_text(rule)
        expect(page.locator(".cannot")).to_contain_text("Who can: Aiko Tanaka, Chen Wei, Marta Kovač.")
        expect(page.locator("#password")).to_have_count(0)
        expect(page.get_by_role("link", name="Review and sign")).to_have_count(0)

    # Whoever has nothing to do with the model is not told that it exists.
    outsider = enter(people.eve)
    with outsider.refused(404):
        page = outsider.go(f"/promotions/{asked}/")
    expect(page.locator("main")).not_to_contain_text("credit-risk-pd")
