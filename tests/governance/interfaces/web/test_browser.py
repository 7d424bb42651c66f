"""The pages in a real browser.

No CSP violations; a decision by keyboard only and without JavaScript; and live updates that keep the user's position.
"""

from __future__ import annotations

import gzip
import re

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from playwright.sync_api import expect

from governance.models import Decision
from tests import factories
from tests.fixtures.pages import Open
from tests.governance.interfaces.web import scene as scenes
from tests.governance.interfaces.web.scene import Scene

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FIRST_LOAD = 60_000
"""Bytes, compressed, of the first page that a browser loads."""


@pytest.fixture
def scene(transactional_db: None) -> Scene:
    return scenes.build()


def test_the_navigation_of_a_phone_opens_and_closes_by_keyboard(scene: Scene, open_as: Open) -> None:
    page = open_as(scene.people.marta, "/models/", viewport={"width": 390, "height": 900})
    link = page.get_by_role("link", name="Promotions", exact=True)
    expect(link).to_be_hidden()
    page.get_by_role("button", name="Menu").press("Enter")
    link.wait_for(state="visible")
    page.keyboard.press("Escape")
    link.wait_for(state="hidden")
    page.set_viewport_size({"width": 1440, "height": 900})
    link.wait_for(state="visible")
    expect(page.get_by_role("button", name="Menu")).to_be_hidden()


def test_a_decision_by_keyboard_alone(scene: Scene, open_as: Open) -> None:
    page = open_as(scene.people.marta, "/reviews/")
    keys = page.keyboard
    keys.press("j")
    expect(page.locator(":focus")).to_contain_text(f"#{scene.request.pk}")
    keys.press("Enter")
    page.wait_for_url("**/promotions/*/")
    keys.press("r")
    assert page.evaluate("document.activeElement.id") == "decide"
    keys.press("Tab")
    assert page.evaluate("document.activeElement.value") == "approve"
    keys.press("Space")
    expect(page.locator("q.means:visible")).to_have_text("I have reviewed the evidence and approve.")
    keys.press("Tab")
    assert page.evaluate("document.activeElement.name") == "comment"
    keys.type("Reproduced the numbers, r and j and / included.")
    for _ in range(6):
        keys.press("Tab")
        if page.evaluate("document.activeElement.id") == "password":
            break
    keys.type(factories.PASSWORD)
    keys.press("Enter")
    page.wait_for_selector("text=You approved this")
    decision = Decision.objects.get(request=scene.request)
    assert (decision.person, decision.outcome) == (scene.people.marta, "approve")
    assert decision.comment == "Reproduced the numbers, r and j and / included."


def test_few_stops_lie_before_the_decision(scene: Scene, open_as: Open) -> None:
    page = open_as(scene.people.marta, f"/promotions/{scene.request.pk}/")
    keys = page.keyboard
    keys.press("Tab")
    keys.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to your decision")
    keys.press("Enter")
    keys.press("Tab")
    assert page.evaluate("document.activeElement.value") == "approve"


def test_a_decision_without_javascript(scene: Scene, open_as: Open) -> None:
    page = open_as(None, f"/promotions/{scene.request.pk}/", java_script_enabled=False)
    page.fill("#id_username", "marta")
    page.fill("#id_password", factories.PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/promotions/*/")
    expect(page.locator(".js-only:visible")).to_have_count(0)
    page.check("input[value=request_changes]")
    page.fill("#comment", "Explain the thin-file segment.")
    page.fill("#password", factories.PASSWORD)
    sign = page.locator(".decide button[type=submit]")
    expect(sign).to_have_text("Sign and request changes", use_inner_text=True)
    sign.click()
    page.wait_for_selector("text=Recorded and signed")
    expect(page.locator("#head-state")).to_have_text("Blocked")
    page.goto("/models/")
    page.fill("#q", "credit-risk")
    page.click("text=Apply")
    page.wait_for_url("**/models/?*q=credit-risk*")
    expect(page.locator(".models .rowlink")).to_have_text(["credit-risk-pd"])
    page.locator("details.me > summary").click()
    page.click("text=Sign out")
    page.wait_for_url("**/sign-in/")


def test_a_change_arrives_by_itself_and_nothing_is_lost(scene: Scene, open_as: Open) -> None:
    page = open_as(scene.people.marta, f"/promotions/{scene.request.pk}/")
    page.check("input[value=approve]")
    page.fill("#comment", "Half a sentence that must")
    page.locator("#fold-conditions > summary").click()
    page.focus("#comment")
    scene.decide(scene.people.aiko)
    page.wait_for_selector("#gate-panel >> text=1 more of risk-team must approve", timeout=20_000)
    expect(page.locator("#announce")).to_contain_text("1 more of risk-team")
    expect(page.locator("#announce")).to_have_attribute("role", "status")
    expect(page.locator("#comment")).to_have_value("Half a sentence that must")
    expect(page.locator("#comment")).to_be_focused()
    expect(page.locator("#fold-conditions")).to_have_attribute("open", "")
    expect(page.locator("#timeline").get_by_text("Aiko Tanaka").first).to_be_visible()
    page.fill("#password", factories.PASSWORD)
    page.click("text=Sign and approve")
    page.wait_for_selector("text=v2 is in Production by this request")


@pytest.mark.parametrize("javascript", [True, False])
def test_a_refused_signature_keeps_text_and_place(scene: Scene, open_as: Open, javascript: bool) -> None:
    page = open_as(None, f"/promotions/{scene.request.pk}/", java_script_enabled=javascript)
    page.fill("#id_username", "marta")
    page.fill("#id_password", factories.PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/promotions/*/")
    page.check("input[value=approve]")
    page.fill("#comment", "A careful text.")
    page.fill("#password", "not mine")
    page.click(".decide button[type=submit]")
    page.wait_for_selector("#password-error")
    expect(page.locator("#password")).to_be_focused()
    box = page.locator("#password-error").bounding_box()
    assert box is not None
    assert 0 <= box["y"] <= 900 - box["height"], box
    expect(page.locator("#comment")).to_have_value("A careful text.")
    address = page.url
    page.goto("/models/")
    page.goto(address)
    assert page.url.endswith(f"/promotions/{scene.request.pk}/")


def test_a_page_that_is_promoted_meanwhile_is_drawn_again_in_every_part(scene: Scene, open_as: Open) -> None:
    page = open_as(scene.people.marta, f"/promotions/{scene.request.pk}/")
    page.fill("#comment", "Half a sentence that must")
    watching = open_as(scene.people.priya, f"/promotions/{scene.request.pk}/")
    watching.locator("#fold-withdraw > summary").click()
    watching.fill("#id_withdraw-reason", "Perhaps I should")
    scene.decide(scene.people.aiko)
    watching.wait_for_selector("#gate-panel >> text=1 more of risk-team must approve", timeout=20_000)
    expect(watching.locator("#id_withdraw-reason")).to_have_value("Perhaps I should")
    scene.decide(scene.people.marta)
    watching.wait_for_selector("#head-state >> text=Promoted", timeout=20_000)
    for gone in ("text=answer due", "#fold-withdraw", "text=Waiting for:", "#request-tabs >> text=0 of"):
        expect(watching.locator(gone)).to_have_count(0)
    page.wait_for_selector("text=Your decision can no longer be recorded.", timeout=20_000)
    expect(page.locator("#comment")).to_have_value("Half a sentence that must")


def test_filters_are_in_the_address_and_back_works(scene: Scene, open_as: Open) -> None:
    factories.model(scene.people.priya, "another-model", risk_tier=3)
    page = open_as(scene.people.priya, "/models/")
    page.select_option("#f-tier", "3")
    page.wait_for_url("**/models/?*tier=3*")
    page.wait_for_selector("text=Risk tier 3")
    expect(page.locator(".models .rowlink")).to_have_text(["another-model"])
    page.focus("#q")
    page.keyboard.type("another")
    page.wait_for_url("**/models/?*q=another*")
    expect(page.locator("#q")).to_be_focused()
    page.evaluate("history.back()")
    page.wait_for_function("!location.search.includes('q=another')")
    expect(page.locator("#q")).to_have_value("")
    expect(page.locator(".models .rowlink")).to_have_text(["another-model"])
    page.evaluate("history.back()")
    expect(page).to_have_url(re.compile(r"/models/$"))
    expect(page.get_by_text("credit-risk-pd").first).to_be_visible()


def test_theme_keys_and_search(scene: Scene, open_as: Open) -> None:
    page = open_as(scene.people.marta, "/models/")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.click("form.theme button")
        page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog#keys")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type(f"#{scene.request.pk}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/promotions/{scene.request.pk}/")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/models/")


def test_paper_shows_every_section_and_no_controls(scene: Scene, open_as: Open) -> None:
    page = open_as(scene.people.marta, f"/promotions/{scene.request.pk}/")
    page.emulate_media(media="print")
    expect(page.locator(".print-only")).to_be_visible()
    for hidden in (".rail", ".top", ".actions", ".decide", ".tabs"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.locator(".print-only")).to_contain_text("Printed by Marta")
    expect(page.locator("#fold-conditions .unmet")).to_be_visible()


def test_a_page_weighs_little(scene: Scene, client: Client) -> None:
    client.force_login(scene.people.marta, backend="registry.access.backend.RoleBackend")
    parts = [client.get(f"/promotions/{scene.request.pk}/").content]
    for name in ("css/app.css", "js/app.js", "django_htmx/htmx-2.min.js"):
        found = finders.find(name)
        assert isinstance(found, str)
        with open(found, "rb") as file:
            parts.append(file.read())
    weight = sum(len(gzip.compress(part)) for part in parts)
    assert weight <= FIRST_LOAD, f"{weight:,} bytes"
