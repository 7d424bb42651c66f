"""A passkey of Chromium's virtual authenticator: enrolled on the page, and a decision signed with it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from governance import decision_signatures
from tests.factories import PASSWORD
from tests.fixtures.pages import Open
from tests.governance.interfaces.web import scene as scenes

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_decision_is_signed_with_a_passkey(
    transactional_db: None, open_as: Open, live_server: LiveServer, settings: Settings
) -> None:
    scene = scenes.build()
    settings.PUBLIC_URL = live_server.url
    page = open_as(scene.people.marta, "/profile/second-factor/")
    page.goto(page.url.replace("127.0.0.1", "localhost"))
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    cdp.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {**options, "isUserVerified": True, "automaticPresenceSimulation": True}},
    )
    page.get_by_label("Name of the passkey").fill("work laptop")
    page.locator("#passkey-password").fill(PASSWORD)
    page.get_by_role("button", name="Enrol a passkey").click()
    expect(page.get_by_text("The passkey work laptop is enrolled.")).to_be_visible()
    page.goto(f"{live_server.url.replace('127.0.0.1', 'localhost')}/promotions/{scene.request.pk}/")
    page.locator("#outcome-approve").check()
    page.get_by_label("What you looked at, and why").fill("Looked at the evaluation.")
    page.get_by_role("button", name="Sign with a passkey instead").click()
    expect(page.get_by_text("Recorded and signed")).to_be_visible()
    assert decision_signatures.verify_stored(scene.request.decisions.get()).proof == "passkey"
