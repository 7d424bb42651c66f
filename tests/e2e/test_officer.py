"""The compliance officers: one proposes a reviewer for a group, one confirms, and the next request counts them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from audit.models import Event
from governance import promotions
from governance.models import PromotionRequest
from registry import access
from registry.models import ChangeProposal, ReviewerGroup
from registry.services import people as accounts
from tests import factories
from tests.e2e.conftest import Bank, Enter

pytestmark = [pytest.mark.browser]

REASON = "Head of validation has named her; notice of 20 November."


def test_two_officers_enter_a_member_who_decides_on_the_next_request(bank: Bank, enter: Enter) -> None:
    people = bank.people
    group = ReviewerGroup.objects.get(slug="reviewers")
    for leaving in (people.aiko, people.chen):
        accounts.remove_member(actor=factories.SETUP, group=group, user=leaving, reason="moves to another desk")
    lea = factories.person("lea", name="Lea Novak")
    job = bank.pipeline(people.priya)
    version = bank.register(job)
    asked = bank.under_review(job, version, alias="champion")

    officer = enter(people.henrik)
    page = officer.page
    page.get_by_role("link", name="Administration").click()
    page.locator(".adm-models").get_by_role("link", name="Reviewer groups", exact=True).click()
    page.get_by_role("main").get_by_role("link", name=group.name, exact=True).click()
    expect(page.locator("main")).to_contain_text(f"too few members for #{asked}")
    page.get_by_role("link", name="Add a member").click()

    # An open browser on somebody's desk changes nothing: the password again, once.
    page.get_by_role("textbox", name="Your password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Continue").click()

    # Without a reason there is no change.
    page.get_by_role("combobox", name="Person").fill("lea")
    with officer.refused(400):
        page.get_by_role("button", name="Add a member").click()
        expect(page.locator("main")).to_contain_text("Give a reason: it is recorded with the event.")
    page.get_by_role("textbox", name="Reason").fill(REASON)
    page.get_by_role("button", name="Add a member").click()
    page.wait_for_url("**/changeproposal/*/change/")
    proposal = ChangeProposal.objects.get()
    expect(page.locator("main")).to_contain_text(str(proposal))
    assert not access.is_member(lea, group)
    factories.confirm(proposal, people.dorothy)
    event = Event.objects.filter(action="membership.added").latest("id")
    assert event.actor_id == people.dorothy.uid

    # The log has it, with the reason. The request that was open counts no one who joined later.
    page.goto(f"/audit/{event.event_id}/")
    expect(page.locator("main")).to_contain_text(REASON)
    reviewer = enter(lea).go(f"/promotions/{asked}/")
    expect(reviewer.locator("main")).to_contain_text("SoD-8")

    promotions.withdraw(
        actor=access.actor_for(people.priya), request=PromotionRequest.objects.get(pk=asked), reason="to count Lea"
    )
    again = bank.under_review(job, version, alias="champion")
    reviewer.goto("/reviews/")
    reviewer.get_by_role("link", name=f"#{again} ").click()
    expect(reviewer.get_by_role("heading", name="Your decision")).to_be_visible()
