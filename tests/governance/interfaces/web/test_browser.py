"""The pages in a real browser.

No axe findings and no CSP violations; a decision by keyboard only and without JavaScript; and live updates that keep
the user's position.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

from governance.models import Decision, PromotionRequest
from registry.access import actor_for
from registry.models import User
from registry.services import access_requests
from tests import factories
from tests.governance.interfaces.web import scene as scenes
from tests.governance.interfaces.web.scene import Scene

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TAGS = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
"""The rules that can fail in one theme alone."""
FIRST_LOAD = 60_000
"""Bytes, compressed: what somebody on a train waits for."""

Open = Callable[..., "Page"]


@pytest.fixture
def scene(transactional_db: None) -> Scene:
    return scenes.build()


@pytest.fixture
def open_as(browser: Browser, live_server: Any) -> Iterator[Open]:
    """Open a page of the running product as somebody: `open_as(person, path, **context)`. Whatever the browser writes
    to its console fails the test: a blocked style or script is written there."""
    contexts: list[BrowserContext] = []
    said: list[str] = []

    def opened(person: User | None, path: str, **options: Any) -> Page:
        context = browser.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        if person is not None:
            client = Client()
            client.force_login(person, backend="registry.access.backend.RoleBackend")
            session = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        page = context.new_page()
        page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()
    # A page that answers 403 or 404 is reported as a failed resource; the pages that should do so are the ones opened.
    assert not [line for line in said if "the server responded with a status of 40" not in line]


def test_the_navigation_of_a_phone_opens_and_closes_by_keyboard(scene: Scene, open_as: Open) -> None:
    page = open_as(scene.people.marta, "/models/", viewport={"width": 390, "height": 900})
    link = page.get_by_role("link", name="Promotions", exact=True)
    assert not link.is_visible()
    page.get_by_role("button", name="Menu").press("Enter")
    link.wait_for(state="visible")
    page.keyboard.press("Escape")
    link.wait_for(state="hidden")
    page.set_viewport_size({"width": 1440, "height": 900})
    link.wait_for(state="visible")
    assert not page.get_by_role("button", name="Menu").is_visible()


def test_axe_finds_nothing_in_either_theme_at_either_width(scene: Scene, open_as: Open) -> None:
    from axe_playwright_python.sync_playwright import Axe

    people = scene.people
    first = PromotionRequest.objects.filter(state="promoted", target_stage__slug="production").first()
    decision = Decision.objects.first()
    assert first is not None
    assert decision is not None
    slug, number = scene.model.slug, scene.request.pk
    asked = access_requests.create_access_request(
        actor=actor_for(people.eve), slug=slug, role="viewer", purpose="the winter project"
    )
    long = factories.model(people.priya, "a" * 60 + "-name-without-breaks" * 6, team="W" * 100, purpose="P" * 150).slug
    pages: list[tuple[User | None, str]] = [
        (None, "/sign-in/"),
        (people.marta, "/reviews/"),
        (people.eve, "/reviews/"),
        (people.marta, "/promotions/?state=any"),
        (people.marta, "/promotions/?q=nothing-like-it"),
        (people.marta, f"/promotions/{number}/"),
        (people.priya, f"/promotions/{number}/"),
        (people.chen, f"/promotions/{first.pk}/"),
        (people.chen, f"/promotions/{number}/packets/{scene.request.packet_digest}/"),
        (people.marta, "/models/"),
        (people.eve, "/models/"),
        (people.marta, "/models/?q=nothing-like-it"),
        (people.priya, "/models/?q=tier%3A1+-stage%3Aproduction"),
        (people.priya, "/models/?q=teir%3A1"),
        (people.priya, "/search/help/"),
        (people.priya, "/help/"),
        (people.priya, "/search/views/"),
        (people.priya, f"/models/{slug}/"),
        (people.priya, f"/models/{slug}/edit/"),
        (people.chen, f"/models/{slug}/access/?person=priya&number={number}"),
        (people.marta, f"/models/{slug}/access/"),
        (people.eve, f"/access-requests/new/?model={slug}"),
        (people.eve, "/access-requests/"),
        (people.chen, f"/access-requests/{asked.pk}/"),
        (people.eve, f"/access-requests/{asked.pk}/"),
        (people.priya, f"/models/{slug}/risk/"),
        (people.priya, f"/models/{slug}/risk/assess/"),
        (people.priya, f"/models/{slug}/archive/"),
        (people.marta, f"/models/{slug}/reviews/"),
        (people.priya, f"/models/{slug}/reviews/"),
        (people.marta, "/reviews/calendar/"),
        (people.priya, f"/models/{slug}/versions/2/"),
        (people.priya, f"/models/{slug}/versions/2/promote/"),
        (people.priya, f"/models/{slug}/versions/2/card/"),
        (people.priya, f"/models/{slug}/versions/2/card/edit/"),
        (people.priya, f"/models/{slug}/versions/2/metrics/"),
        (people.priya, f"/models/{slug}/versions/2/documents/?kind=evaluation.table"),
        (people.marta, f"/models/{slug}/versions/1/document/"),
        (people.marta, f"/models/{slug}/versions/1/document/?frozen={first.pk}"),
        (people.priya, f"/models/{slug}/compare/v1..v2/?all=1"),
        (people.marta, "/policies/"),
        (people.marta, "/policies/scene-production/"),
        (people.marta, "/checks/"),
        (people.marta, "/checks/license.allowed/"),
        (people.ingrid, "/audit/"),
        (people.marta, "/audit/"),
        (people.marta, f"/audit/?request={number}"),
        (people.ingrid, "/stages/production/"),
        (people.priya, f"/models/{long}/"),
        (people.ingrid, f"/audit/?model={long}"),
        (people.ingrid, f"/audit/{decision.event}/"),
        (people.marta, "/profile/"),
        (people.priya, "/profile/tokens/"),
        (people.eve, f"/models/{slug}/"),
    ]
    faults = []
    axe = Axe()
    for person, path in pages:
        page = open_as(person, path)
        for scheme in ("light", "dark"):
            for width in (1440, 390):
                page.emulate_media(color_scheme=scheme)
                page.set_viewport_size({"width": width, "height": 900})
                where = f"{path} as {person} in {scheme} at {width}"
                options = {"runOnly": TAGS if scheme == "light" else COLOURS, "resultTypes": ["violations"]}
                for violation in axe.run(page, options=options).response["violations"]:
                    node = violation["nodes"][0]
                    faults.append(f"{where}: {violation['id']}: {node['html'][:120]} {node['failureSummary'][:200]}")
                if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
                    faults.append(f"{where}: scrolls sideways to {wide}")
        page.context.close()
    assert not faults, "\n".join(faults)


def test_a_decision_by_keyboard_alone(scene: Scene, open_as: Open) -> None:
    page = open_as(scene.people.marta, "/reviews/")
    keys = page.keyboard
    keys.press("j")
    assert f"#{scene.request.pk}" in page.locator(":focus").inner_text()
    keys.press("Enter")
    page.wait_for_url("**/promotions/*/")
    keys.press("r")
    assert page.evaluate("document.activeElement.id") == "decide"
    keys.press("Tab")
    assert page.evaluate("document.activeElement.value") == "approve"
    keys.press("Space")
    assert page.locator("q.means:visible").inner_text() == "I have reviewed the evidence and approve."
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
    assert page.locator(":focus").inner_text() == "Skip to your decision"
    keys.press("Enter")
    keys.press("Tab")
    assert page.evaluate("document.activeElement.value") == "approve"


def test_a_decision_without_javascript(scene: Scene, open_as: Open) -> None:
    page = open_as(None, f"/promotions/{scene.request.pk}/", java_script_enabled=False)
    page.fill("#id_username", "marta")
    page.fill("#id_password", factories.PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/promotions/*/")
    assert page.locator(".js-only:visible").count() == 0
    page.check("input[value=request_changes]")
    page.fill("#comment", "Explain the thin-file segment.")
    page.fill("#password", factories.PASSWORD)
    sign = page.locator(".decide button[type=submit]")
    assert " ".join(sign.inner_text().split()) == "Sign and request changes"
    sign.click()
    page.wait_for_selector("text=Recorded and signed")
    assert page.locator("#head-state").inner_text() == "Blocked"
    page.goto("/models/")
    page.fill("#q", "credit-risk")
    page.click("text=Apply")
    assert page.locator(".models .rowlink").all_inner_texts() == ["credit-risk-pd"]
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
    assert "1 more of risk-team" in page.locator("#announce").inner_text()
    assert page.locator("#announce").get_attribute("role") == "status"
    assert page.input_value("#comment") == "Half a sentence that must"
    assert page.evaluate("document.activeElement.id") == "comment"
    assert page.locator("#fold-conditions").get_attribute("open") is not None
    assert page.locator("#timeline >> text=Aiko Tanaka").count() > 0
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
    assert page.locator("#password:focus").count() == 1
    box = page.locator("#password-error").bounding_box()
    assert box is not None
    assert 0 <= box["y"] <= 900 - box["height"], box
    assert page.input_value("#comment") == "A careful text."
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
    assert watching.input_value("#id_withdraw-reason") == "Perhaps I should"
    scene.decide(scene.people.marta)
    watching.wait_for_selector("#head-state >> text=Promoted", timeout=20_000)
    for gone in ("text=answer due", "#fold-withdraw", "text=Waiting for:", "#request-tabs >> text=0 of"):
        assert watching.locator(gone).count() == 0, gone
    page.wait_for_selector("text=Your decision can no longer be recorded.", timeout=20_000)
    assert page.input_value("#comment") == "Half a sentence that must"


def test_filters_are_in_the_address_and_back_works(scene: Scene, open_as: Open) -> None:
    factories.model(scene.people.priya, "another-model", risk_tier=3)
    page = open_as(scene.people.priya, "/models/")
    page.select_option("#f-tier", "3")
    page.wait_for_url("**/models/?*tier=3*")
    page.wait_for_selector("text=Risk tier 3")
    assert page.locator(".models .rowlink").all_inner_texts() == ["another-model"]
    page.focus("#q")
    page.keyboard.type("another")
    page.wait_for_url("**/models/?*q=another*")
    assert page.evaluate("document.activeElement.id") == "q"
    page.evaluate("history.back()")
    page.wait_for_function("!location.search.includes('q=another')")
    page.wait_for_load_state("networkidle")
    assert page.input_value("#q") == ""
    assert page.locator(".models .rowlink").all_inner_texts() == ["another-model"]
    page.evaluate("history.back()")
    page.wait_for_selector("text=credit-risk-pd")
    assert page.url.endswith("/models/")


def test_theme_keys_and_search(scene: Scene, open_as: Open) -> None:
    page = open_as(scene.people.marta, "/models/")
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.click("form.theme button")
        page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    page.reload()
    assert page.get_attribute("html", "data-theme") == "light"
    page.keyboard.press("?")
    assert page.locator("dialog#keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog#keys").is_visible()
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
    assert page.locator(".print-only").is_visible()
    for hidden in (".rail", ".top", ".actions", ".decide", ".tabs"):
        assert not page.locator(hidden).first.is_visible(), hidden
    assert "Printed by Marta" in page.locator(".print-only").inner_text()
    assert page.locator("#fold-conditions .unmet").is_visible()


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
