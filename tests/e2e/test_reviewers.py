"""Two reviewers: each signs in, finds the request, reads, signs; the second signature moves the version. And back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from governance.models import PromotionRequest
from registry.models import ModelVersion
from tests import factories
from tests.e2e.conftest import SLUG, Bank, Enter
from tests.fixtures.visitors import Visitor

pytestmark = [pytest.mark.browser]


def sign(visitor: Visitor, number: int, outcome: str, comment: str) -> Page:
    """From the list of what waits to the signature, by what is on the pages."""
    page = visitor.go("/reviews/")
    page.locator("section", has=page.locator("#needs-h")).get_by_role("link", name=f"#{number} ").click()
    page.get_by_role("link", name="Review and sign").click()
    page.get_by_role("radio", name=outcome).check()
    page.get_by_label("What you looked at, and why").fill(comment)
    page.locator("#decide").get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name=f"Sign and {outcome.lower()}").click()
    expect(page.locator("#toasts")).to_contain_text("signed")
    return page


def stages() -> dict[int, str]:
    return {v.number: v.stage.slug for v in ModelVersion.objects.select_related("stage").order_by("number")}


def test_two_people_promote_a_version_and_take_it_back(bank: Bank, enter: Enter) -> None:
    people = bank.people
    job = bank.pipeline(people.priya)
    champion = bank.in_production(job, accuracy=0.88)
    challenger = bank.register(job, accuracy=0.91)
    bank.to_staging(job, challenger)
    asked = bank.under_review(job, challenger)
    marta, aiko, priya = enter(people.marta), enter(people.aiko), enter(people.priya)

    # The first approval is not enough. Whoever looks on sees it arrive.
    watched = priya.go(f"/promotions/{asked}/")
    page = sign(marta, asked, "Approve", "Reproduced the accuracy from the pinned holdout.")
    expect(page.locator("#gate-panel")).to_contain_text("1 more of reviewers must approve")
    expect(page.get_by_role("heading", name="You approved this")).to_be_visible()
    expect(watched.locator("#gate-panel")).to_contain_text("1 more of reviewers must approve")
    assert stages() == {champion: "production", challenger: "staging"}

    # The second one is: the version moves with it, and what it replaces leaves.
    page = sign(aiko, asked, "Approve", "The limitations are where users see them.")
    expect(page.locator("#head-state")).to_contain_text("Promoted")
    expect(page.locator("#gate-panel")).to_contain_text(f"v{challenger} is in Production by this request")
    expect(page.locator("#timeline")).to_contain_text("Reproduced the accuracy from the pinned holdout.")
    expect(watched.locator("#head-state")).to_contain_text("Promoted")
    assert stages() == {champion: "archived", challenger: "production"}

    # What each of them saw can be opened as it was.
    page.get_by_role("link", name="Evidence reviewed").first.click()
    expect(page.locator("main")).to_contain_text("Digest verified")
    expect(page.locator("main")).to_contain_text("Marta Kovač")

    # Back again: the engineer asks for the version before, and the same two decide.
    page = priya.go(f"/models/{SLUG}/versions/{champion}/")
    page.get_by_role("link", name="Request promotion").click()
    page.get_by_label("Production, decided by policy").check()
    page.get_by_label("Why").fill(f"v{challenger} drifts: back to what ran before.")
    page.get_by_role("button", name="Open the request").click()
    expect(page.locator("#gate-panel")).to_contain_text("5 of 5 required satisfied")
    back = PromotionRequest.objects.latest("pk").pk
    sign(marta, back, "Approve", "Right: the drift is real.")
    page = sign(aiko, back, "Approve", "Agreed.")
    expect(page.locator("#gate-panel")).to_contain_text(f"v{champion} is in Production by this request")
    assert stages() == {champion: "production", challenger: "archived"}

    # Out of Production altogether needs one of them, and one says no.
    page = priya.go(f"/models/{SLUG}/versions/{champion}/")
    page.get_by_role("link", name="Request promotion").click()
    page.get_by_label("Archived, decided by policy").check()
    page.get_by_label("Why").fill("The product is closed.")
    page.get_by_role("button", name="Open the request").click()
    expect(page.locator("#gate-panel")).to_contain_text("1 more of reviewers must approve")
    out = PromotionRequest.objects.latest("pk").pk
    page = sign(marta, out, "Reject", "It runs until the end of the year.")
    expect(page.locator("#head-state")).to_contain_text("Rejected")
    expect(page.locator("#fold-approvals")).to_contain_text("No approval recorded")
    assert stages() == {champion: "production", challenger: "archived"}


def test_what_changes_under_the_reader_is_not_signed(bank: Bank, enter: Enter) -> None:
    people = bank.people
    job = bank.pipeline(people.priya)
    number = bank.register(job)
    bank.to_staging(job, number)
    asked = bank.under_review(job, number)
    marta = enter(people.marta)
    page = marta.go(f"/promotions/{asked}/")
    page.get_by_role("radio", name="Approve").check()
    page.get_by_label("What you looked at, and why").fill("The accuracy of 0.91 is what I measured.")

    job.add_metrics(SLUG, number, [{"name": "accuracy", "value": 0.84}])
    expect(page.locator("#packet-note")).to_contain_text("This page was updated while you were reading")
    expect(page.locator("#gate-panel")).to_contain_text("5 of 5 required satisfied")
    page.locator("#decide").get_by_label("Password").fill(factories.PASSWORD)
    with marta.refused(409):
        page.get_by_role("button", name="Sign and approve").click()
        expect(page.locator("#changed")).to_contain_text("so nothing was signed")
    assert PromotionRequest.objects.get(pk=asked).decisions.count() == 0

    # Her text is still there; she reads what is different, and signs that.
    comment = page.get_by_label("What you looked at, and why")
    expect(comment).to_have_value("The accuracy of 0.91 is what I measured.")
    comment.fill("0.84 is still above the limit.")
    page.get_by_role("radio", name="Approve").check()
    page.locator("#decide").get_by_label("Password").fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign and approve").click()
    expect(page.get_by_role("heading", name="You approved this")).to_be_visible()
    request = PromotionRequest.objects.get(pk=asked)
    assert request.decisions.get().packet_digest == request.packet_digest
