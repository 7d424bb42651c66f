"""The auditor: finds in the log who let a version into Production, and on what; changes nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from playwright.sync_api import expect

from audit.models import Event
from governance.models import PromotionRequest
from tests.e2e.conftest import SLUG, Bank, Enter

pytestmark = [pytest.mark.browser]


def test_an_auditor_finds_who_let_a_version_in_and_on_what(bank: Bank, enter: Enter, tmp_path: Path) -> None:
    number = bank.in_production(bank.pipeline(bank.people.priya))
    asked = PromotionRequest.objects.get(target_stage__slug="production")
    page = enter(bank.people.ingrid).page
    page.get_by_role("link", name="Audit log").click()

    # All of the model's, then the promotions alone; the address holds the filter.
    page.get_by_label("Search events").fill(f"model:{SLUG}")
    expect(page.locator("#results .chips")).to_contain_text(SLUG)
    expect(page.locator("#results")).to_contain_text("version.registered")
    page.get_by_label("What").select_option("promotion.promoted")
    rows = page.locator("#results tbody tr", has=page.locator(".rowlink"))
    expect(rows).to_have_count(2)
    page.wait_for_url("**action=promotion.promoted**")

    # The event: who, when, what it stands in relation to, and the exact bytes.
    rows.first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("promoted the version")
    event = Event.objects.get(event_id=page.url.rstrip("/").rpartition("/")[2])
    with page.expect_download() as download:
        page.get_by_role("link", name="Download record (JSON)").click()
    download.value.save_as(tmp_path / "event.json")
    assert (tmp_path / "event.json").read_bytes() == bytes(event.leaf)

    # From there to the request, the two signatures, and what was in front of whoever signed.
    page.locator(".actions").get_by_role("link", name=f"romotion #{asked.pk}").click()
    for name in ("Marta Kovač", "Aiko Tanaka"):
        expect(page.locator("#timeline .sig", has_text=name)).to_contain_text(
            "Meaning: I have reviewed the evidence and approve."
        )
    expect(page.locator("#password")).to_have_count(0)
    page.get_by_role("link", name="Evidence reviewed").first.click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "packet.json")
    assert hashlib.sha256((tmp_path / "packet.json").read_bytes()).hexdigest() == asked.packet_digest

    # She reads every model and may change none.
    page.goto(f"/models/{SLUG}/versions/{number}/")
    expect(page.get_by_role("link", name="Request promotion")).to_have_count(0)
    page.goto(f"/models/{SLUG}/")
    expect(page.get_by_role("link", name="Edit")).to_have_count(0)
