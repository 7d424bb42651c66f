"""The engineer: registers from a job, asks on the page, and reads there why the version is not in Production yet."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from governance import client
from tests.e2e.conftest import SLUG, Bank, Enter

pytestmark = [pytest.mark.browser]


def test_an_engineer_registers_asks_and_sees_why_not_yet(bank: Bank, enter: Enter) -> None:
    engineer = bank.people.priya
    job = bank.pipeline(engineer)
    number = bank.register(job)
    page = enter(engineer).page

    # Staging: the machine's checks decide, and the page says so without being loaded again.
    page.get_by_role("link", name="Models", exact=True).click()
    page.get_by_role("link", name=SLUG).click()
    page.get_by_role("link", name=f"v{number}", exact=True).first.click()
    page.get_by_role("link", name="Request promotion").click()
    page.get_by_label("Staging, decided by policy").check()
    page.get_by_label("Why").fill("Trained on the new quarter.")
    page.get_by_role("button", name="Open the request").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{SLUG} v{number} to Staging")
    expect(page.locator("#gate-panel")).to_contain_text(f"v{number} is in Staging by this request")

    # Production: five checks complete, then two approvals are missing, and the page states that she may not give one.
    page.goto(f"/models/{SLUG}/versions/{number}/")
    page.get_by_role("link", name="Request promotion").click()
    page.get_by_label("Production, decided by policy").check()
    page.get_by_label("Why").fill("Ranks risk better.\nWay back: the version before.")
    page.get_by_role("button", name="Open the request").click()
    gate = page.locator("#gate-panel")
    expect(gate).to_contain_text("Not ready: 1 requirement left. 2 more of reviewers must approve.")
    expect(gate).to_contain_text("5 of 5 required satisfied")
    expect(gate).to_contain_text("Priya Nair cannot approve: opened this request (SoD-1).")
    expect(page.locator("#waiting")).to_contain_text("0 of 2")
    expect(page.locator("#why")).to_contain_text("Way back: the version before.")

    # The model's page says the same, and so does the job that waits.
    asked = int(re.findall(r"/promotions/(\d+)/", page.url)[0])
    page.goto(f"/models/{SLUG}/")
    expect(page.get_by_text(f"v{number} requested in #{asked}")).to_be_visible()
    assert job.gate(asked)["state"] == "open"


def test_a_version_below_the_limit_is_blocked_and_the_page_says_by_what(bank: Bank, enter: Enter) -> None:
    engineer = bank.people.priya
    job = bank.pipeline(engineer)
    number = bank.register(job, accuracy=0.71)
    bank.to_staging(job, number)
    asked = int(job.request_promotion(SLUG, number, stage="production", reason="Perhaps it is enough.")["id"])
    page = enter(engineer).go(f"/promotions/{asked}/")
    gate = page.locator("#gate-panel")
    expect(gate).to_contain_text("Blocked")
    failed = page.locator("[id='check-performance.threshold']")
    expect(failed).to_contain_text("0.71")
    expect(failed).to_contain_text("0.8")

    # Better numbers of the same version are new evidence: the check runs again and the way is free for people.
    job.add_metrics(SLUG, number, [{"name": "accuracy", "value": 0.86}])
    expect(gate).to_contain_text("2 more of reviewers must approve")
    expect(failed).to_contain_text("0.86")

    # It was a slip of hers: she takes the request back.
    page.get_by_text("Withdraw this request").click()
    page.locator(".withdraw").get_by_label("Why").fill("The holdout was not the pinned one.")
    page.get_by_role("button", name=f"Withdraw #{asked}").click()
    expect(page.locator("#head-state")).to_contain_text("Withdrawn")
    assert client.settled(job.promotion(asked))
