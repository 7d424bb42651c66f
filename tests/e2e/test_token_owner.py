"""Whoever runs a pipeline: makes a token, sees it once, uses it, and ends it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from governance.client import ApiError, Client
from tests.e2e.conftest import Bank, Enter

pytestmark = [pytest.mark.browser]


def test_a_token_is_shown_once_works_and_ends_when_it_is_revoked(bank: Bank, enter: Enter) -> None:
    page = enter(bank.people.priya).page
    page.locator("details.me > summary").click()
    page.get_by_role("link", name="Access tokens").click()
    expect(page.locator("main")).to_contain_text("No token in use")

    new = page.locator("#new")
    new.get_by_role("textbox", name="Name").fill("retail-credit CI")
    new.get_by_label("models:read").check()
    new.get_by_label("Valid for").select_option("30")
    new.get_by_role("button", name="Make token").click()
    shown = page.get_by_role("alert")
    expect(shown).to_contain_text("it is shown only once")
    secret = shown.locator(".secret code").inner_text()
    assert secret.startswith("cs_")

    # It works, for what it was made for.
    job = Client(bank.url, secret, attempts=1)
    assert job.whoami()["scopes"] == ["models:read"]
    with pytest.raises(ApiError, match=r"models:write"):
        job.ensure_model("another-model", risk_tier=3)

    # It is never shown again, and when and from where it was used is.
    page.goto("/profile/tokens/")
    assert secret not in page.content()
    row = page.get_by_role("row", name="retail-credit CI")
    expect(row).to_contain_text(secret[:8])
    expect(row).to_contain_text("127.0.0.1")

    page.get_by_role("link", name="Revoke retail-credit CI").click()
    page.get_by_role("button", name="Revoke retail-credit CI").click()
    expect(page.get_by_role("region", name="Ended")).to_contain_text("retail-credit CI")
    with pytest.raises(ApiError) as refusal:
        job.whoami()
    assert refusal.value.status == 401
