"""Password confirmation before changes: for whom, for how long, and that submitted forms are kept."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from types import SimpleNamespace

import pytest
from django.test import Client

from audit import clock
from registry.models import User
from registry.services import sign_in
from tests import factories
from tests.governance.interfaces.admin.conftest import CONFIRM, Recorded, Visit, address
from tests.personas import People

pytestmark = pytest.mark.django_db

EDIT = {"name": "Eve Insider", "title": "Clerk & co", "email": "", "reason": "line one\r\nline two"}


@pytest.fixture
def admin(officers: SimpleNamespace) -> User:
    user: User = officers.administrator
    return user


def edits(client: Client, people: People) -> int:
    return client.post(address(people.eve, "edit"), EDIT).status_code


def test_reading_asks_for_nothing(people: People, admin: User, visit: Visit) -> None:
    client = visit(admin)
    for url in ("/admin/", address(User, "changelist"), address(people.eve), address(people.eve, "history")):
        assert client.get(url).status_code == 200


def test_a_change_goes_through_the_password_and_back(people: People, admin: User, visit: Visit) -> None:
    client, url = visit(admin), address(people.eve, "edit")
    asked = client.get(url)
    assert asked["Location"] == f"{CONFIRM}?next={url.replace('/', '%2F')}" or asked["Location"].startswith(CONFIRM)
    page = client.get(asked["Location"])
    assert page.status_code == 200
    assert 'autocomplete="current-password"' in page.content.decode()
    answer = client.post(CONFIRM, {"confirm-password": factories.PASSWORD, "next": url})
    assert (answer.status_code, answer["Location"]) == (302, url)
    assert edits(client, people) == 302


def test_it_holds_for_a_quarter_of_an_hour(people: People, admin: User, visit: Visit) -> None:
    with clock.freeze(clock.now()):
        client = visit(admin, confirmed=True)
        clock.advance(timedelta(minutes=14, seconds=59))
        assert edits(client, people) == 302
        clock.advance(timedelta(seconds=1))
        assert edits(client, people) == 403
    with clock.freeze(clock.now() - timedelta(days=1)):  # a clock set back does not keep it open
        assert edits(client, people) == 403


def test_a_form_filled_in_meanwhile_is_sent_with_the_password(
    people: People, admin: User, visit: Visit, recorded: Recorded
) -> None:
    client, url, eve = visit(admin), address(people.eve, "edit"), people.eve
    page = client.post(url, EDIT)
    shown = page.content.decode()
    assert page.status_code == 403
    assert f'action="{url}"' in shown
    carried = {
        name: unescape(value)
        for name, value in re.findall(r'<textarea name="([^"]+)" hidden>\n(.*?)</textarea>', shown, re.DOTALL)
    }
    assert carried == EDIT

    with recorded() as events:
        wrong = client.post(url, {**carried, "confirm-password": "wrong"})
        right = client.post(url, {**carried, "confirm-password": factories.PASSWORD})
    assert (wrong.status_code, right.status_code) == (403, 302)
    assert "That is not your password" in wrong.content.decode()
    assert [event.action for event in events] == [
        "person.reauthentication_failed",
        "person.reauthenticated",
        "person.updated",
    ]
    eve.refresh_from_db()
    assert eve.title == "Clerk & co"


def test_no_password_is_carried_through_a_page(people: People, admin: User, visit: Visit) -> None:
    answer = visit(admin).post(address(people.eve, "password"), {"password": "another-Green-bottle-9", "reason": "new"})
    assert answer.status_code == 403
    assert "another-Green-bottle-9" not in answer.content.decode()


def test_it_is_bound_to_the_person_and_the_session(
    people: People, admin: User, officers: SimpleNamespace, visit: Visit
) -> None:
    client = visit(admin, confirmed=True)
    assert edits(visit(admin), people) == 403, "another browser of the same person"
    session = client.session
    session["admin_confirmed"] = {**session["admin_confirmed"], "person": officers.superuser.uid}
    session.save()
    assert edits(client, people) == 403, "somebody else's password"


def test_the_session_gets_another_key(admin: User, visit: Visit) -> None:
    client = visit(admin)
    before = client.cookies["sessionid"].value
    client.post(CONFIRM, {"confirm-password": factories.PASSWORD})
    assert client.cookies["sessionid"].value != before


def test_signing_out_ends_it(people: People, admin: User, visit: Visit) -> None:
    client = visit(admin, confirmed=True)
    client.post("/sign-out/")
    client.force_login(admin)
    assert edits(client, people) == 403


@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example/admin/", "/models/", "javascript:alert(1)", "", "\\\\evil.example"],
)
def test_it_leads_nowhere_but_into_the_site(target: str, admin: User, visit: Visit) -> None:
    answer = visit(admin).post(CONFIRM, {"confirm-password": factories.PASSWORD, "next": target})
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")


def test_guessing_is_slow(people: People, admin: User, visit: Visit) -> None:
    client = visit(admin)
    for _ in range(sign_in.PER_ACCOUNT_AND_ADDRESS):
        assert client.post(CONFIRM, {"confirm-password": "wrong"}).status_code == 403
    answer = client.post(CONFIRM, {"confirm-password": factories.PASSWORD})
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()
    assert edits(client, people) == 403
