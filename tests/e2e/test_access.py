"""Somebody without a role asks for one where the page says no, holds it for a week, and no longer."""

from __future__ import annotations

from contextvars import ContextVar
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import expect

from audit import clock
from tests import factories
from tests.e2e.conftest import SLUG, Bank, Enter

pytestmark = [pytest.mark.browser]


def test_asked_granted_and_over(bank: Bank, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    people = bank.people
    factories.model(people.priya, SLUG, title="Credit risk PD", risk_tier=2)

    eve = enter(people.eve)
    with eve.refused(404):
        page = eve.go(f"/models/{SLUG}/")
    page.get_by_role("link", name="Request access").click()
    expect(page.get_by_label("Model", exact=True)).to_have_value(SLUG)
    page.get_by_label("What you need it for").fill("The winter project.")
    page.get_by_role("button", name="Send request").click()
    expect(page.locator("main")).to_contain_text("Waiting for an answer")

    owner = enter(people.priya)
    page = owner.go("/reviews/")
    page.get_by_role("link", name=f"viewer on {SLUG}").click()
    week = (clock.now() + timedelta(days=7)).date().isoformat()
    page.locator("#id_grant-until").fill(week)
    page.get_by_role("button", name="Grant").click()
    expect(page.locator("main")).to_contain_text("Granted")

    page = eve.go(f"/models/{SLUG}/")
    expect(page.get_by_role("heading", level=1)).to_contain_text(SLUG)
    page = eve.go(f"/models/{SLUG}/access/")
    expect(page.locator("main")).to_contain_text("What you may do")

    # The server answers in threads of its own, so the clock is set for all of them.
    later = ContextVar("later", default=lambda: datetime.now(UTC) + timedelta(days=9))
    monkeypatch.setattr(clock, "_source", later)
    with eve.refused(404):
        page = eve.go(f"/models/{SLUG}/")
    expect(page.locator("main")).to_contain_text("Page not found")
