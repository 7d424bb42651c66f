"""The admin site in a real browser: no CSP violations, no inline code, no axe findings, in both themes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from governance.models import CheckRun, Decision, Policy, PolicyRevision, PromotionRequest
from registry.access import Role
from registry.models import AccessToken, ChangeProposal, Grant, Membership, RegisteredModel, ReviewerGroup, Stage, User
from tests import factories
from tests.accessibility import DARK, LIGHT, Theme, faults_of
from tests.governance.interfaces.admin.conftest import Rows, Visit, address, make_rows
from tests.governance.promotions.conftest import found_bank

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def rows(transactional_db: None) -> Rows:
    """One row of every kind, committed: a browser reads it over another connection."""
    return make_rows(found_bank())


SHOTS = os.environ.get("COUNTERSIGN_SHOTS", "")
"""A folder for pictures of every page, where somebody wants to look at them."""


def opened(browser: Browser, server: LiveServer, client: Client, *, theme: str, width: int) -> tuple[Page, list[str]]:
    """A page of the signed-in client, and the list of everything the browser complains of."""
    context = browser.new_context(viewport={"width": width, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])
    context.add_cookies([{"name": "theme", "value": theme, "url": server.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error('CSP ' + e.violatedDirective + e.blockedURI))"
    )
    return page, complaints


def pages(rows: Rows) -> dict[str, str]:
    """One page of every kind, and the richest of each."""
    return {
        "index": "/admin/",
        "accounts": address(User, "changelist") + "?_facets=True",
        "account": address(rows[User]),
        "account-add": address(User, "add"),
        "account-history": address(rows[User], "history"),
        "account-deactivate": address(rows[User], "deactivate"),
        "group": address(rows[ReviewerGroup]),
        "group-join": address(rows[ReviewerGroup], "join"),
        "membership-add": address(Membership, "add"),
        "memberships": address(Membership, "changelist"),
        "grants": address(Grant, "changelist"),
        "grant-add": address(Grant, "add"),
        "tokens": address(AccessToken, "changelist"),
        "token": address(rows[AccessToken]),
        "policy": address(rows[Policy]),
        "policy-publish": address(rows[Policy], "publish"),
        "revision": address(rows[PolicyRevision]),
        "requests": address(PromotionRequest, "changelist"),
        "request": address(rows[PromotionRequest]),
        "events": "/admin/audit/event/",
        "deciding": address(rows[Decision]),
        "run": address(rows[CheckRun]),
        "model": address(rows[RegisteredModel]),
        "stages": address(Stage, "changelist"),
        "nothing-found": address(User, "changelist") + "?q=unknown-name",
        "refused": address(rows[User], "delete"),
    }


class Clean:
    """The classes of the looks run in different processes."""

    theme: Theme
    widths: tuple[int, ...]

    def test_every_page(
        self, rows: Rows, officers: Any, visit: Visit, browser: Browser, live_server: LiveServer
    ) -> None:
        factories.grant(Role.ADMINISTRATOR, to=officers.officer)  # sees every command
        client = visit(officers.officer, confirmed=True)
        page, complaints = opened(browser, live_server, client, theme=self.theme, width=self.widths[0])
        found: dict[str, list[str]] = {}
        for name, url in pages(rows).items():
            page.goto(live_server.url + url)
            wrong = []
            for width in self.widths:
                wrong += faults_of(page, self.theme, width)
                if SHOTS:
                    page.screenshot(path=str(Path(SHOTS) / f"{name}-{self.theme}-{width}.png"), full_page=True)
            wrong += complaints
            complaints.clear()
            if name == "refused":  # the browser itself mentions that the answer was 403
                wrong = [fault for fault in wrong if "403" not in fault]
            if wrong:
                found[name] = wrong
        page.context.close()
        assert found == {}, "\n".join(f"{name}: {wrong}" for name, wrong in found.items())


class TestLight(Clean):
    theme, widths = LIGHT, (1440, 390)


class TestDark(Clean):
    theme, widths = DARK, (1440,)


def test_a_role_is_given_with_the_keyboard_alone(
    rows: Rows, officers: Any, visit: Visit, browser: Browser, live_server: LiveServer
) -> None:
    """Through the password, with suggestions while typing, a refusal at its field, and the event at the end."""
    client = visit(officers.administrator)
    page, complaints = opened(browser, live_server, client, theme="dark", width=1440)
    page.goto(live_server.url + address(Grant, "add"))
    page.locator("input[type=password]:focus").wait_for()
    page.keyboard.type(factories.PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**" + address(Grant, "add"))
    person = page.get_by_label("Person")
    person.focus()
    page.keyboard.type("tom")
    page.locator("#suggested-0 option[value='Tom (tom)']").wait_for(state="attached")
    page.keyboard.type(" (tom)")
    page.get_by_label("Reason").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#id_reason_error")).to_have_text("Give a reason: it is recorded with the event.")
    assert faults_of(page, DARK, 1440) == []

    person.fill("Tom (tom)")
    page.get_by_label("Reason").focus()
    page.keyboard.type("reads for the audit")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")
    expect(page.locator("h1")).to_contain_text("viewer, Tom, in the whole organisation")
    assert [complaint for complaint in complaints if "400" not in complaint] == []
    assert Grant.objects.filter(user__username="tom", role="viewer", closed_at=None).count() == 1
    page.context.close()


def test_commands_work_without_javascript(
    rows: Rows, officers: Any, visit: Visit, browser: Browser, live_server: LiveServer
) -> None:
    client = visit(officers.officer, confirmed=True)
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    page.goto(live_server.url + address(rows[ReviewerGroup], "join"))
    page.get_by_label("Person").fill("eve")
    page.get_by_label("Reason").fill("stands in")
    page.get_by_role("button", name="Add a member").click()
    page.wait_for_url("**/change/")
    proposal = ChangeProposal.objects.get(kind="group.membership")
    assert page.url.endswith(address(proposal)), "a member of a group that a policy calls upon needs a second officer"
    expect(page.get_by_role("heading", level=1)).to_contain_text("eve", ignore_case=True)
    context.close()
