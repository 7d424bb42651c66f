"""Sign-in and sign-out: who is admitted, which events are recorded, and the limit on password guessing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import hashers
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from audit import clock, context
from audit.models import Event
from registry.exceptions import PermissionDeniedError
from registry.models import PasswordAttempt, User
from registry.services import people as accounts
from registry.services import sign_in
from tests import factories
from tests.governance.interfaces.web.scene import Page, PageTest
from tests.personas import People


def attempt(client: Client, username: str, password: str = factories.PASSWORD, **more: str) -> Page:
    return Page(client.post("/sign-in/", {"username": username, "password": password, **more}))


def events(person: User) -> list[str]:
    return [str(e.action) for e in Event.objects.filter(stream_id=f"person:{person.uid}").order_by("stream_seq")]


def test_the_right_password_opens_a_session_and_is_recorded(client: Client, marta: User) -> None:
    answer = client.post("/sign-in/", {"username": "marta", "password": factories.PASSWORD, "next": "/models/"})
    assert answer.status_code == 302
    assert answer["Location"] == "/models/"
    assert client.get("/models/").status_code == 200
    assert events(marta)[-1] == "person.signed_in"
    assert not PasswordAttempt.objects.exists()


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(client: Client, marta: User) -> None:
    wrong, unknown = attempt(client, "marta", "not it at all"), attempt(client, "unknown-name")
    assert wrong.response.status_code == unknown.response.status_code == 403
    sentence = "User name or password is incorrect."
    wrong.has(sentence)
    unknown.has(sentence)
    assert events(marta)[-1] == "person.sign_in_failed"
    assert "not it at all" not in wrong.html


@pytest.mark.parametrize("kind", ["unknown", "deactivated", "service", "too long"])
def test_every_refusal_takes_the_work_of_a_wrong_password(
    marta: User, people: People, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The same number of hashes, of statements and of events, so that the time tells nothing about the account."""
    accounts.deactivate(actor=factories.SETUP, person=people.chen, reason="left the bank")
    name = {"unknown": "unknown-name", "deactivated": "chen", "service": people.ci_retail.username}.get(kind, "marta")
    password = "x" * 1024 if kind == "too long" else factories.PASSWORD
    made: list[int] = []
    encode = hashers.MD5PasswordHasher.encode

    def counted(self: hashers.MD5PasswordHasher, password: str, salt: str) -> str:
        made.append(len(password))
        return encode(self, password, salt)

    def work(name: str, password: str) -> tuple[int, int, list[str]]:
        made.clear()
        events = Event.objects.count()
        with CaptureQueriesContext(connection) as queries, pytest.raises(PermissionDeniedError):
            sign_in.sign_in(username=name, password=password)
        verbs = [query["sql"].split()[0] for query in queries.captured_queries]
        return len(made), Event.objects.count() - events, verbs

    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", counted)
    wrong = work("marta", "wrong")
    assert work(name, password) == wrong
    assert wrong[:2] == (1, 1)


@pytest.mark.parametrize("kind", ["deactivated", "service"])
def test_a_deactivated_account_and_a_service_account_do_not_sign_in(client: Client, people: People, kind: str) -> None:
    if kind == "deactivated":
        accounts.deactivate(actor=factories.SETUP, person=people.marta, reason="left the bank")
        name = "marta"
    else:
        name = people.ci_retail.username
    assert attempt(client, name).response.status_code == 403
    assert "_auth_user_id" not in client.session


def test_an_account_deactivated_while_signed_in_is_out_at_once(client: Client, marta: User) -> None:
    attempt(client, "marta")
    accounts.deactivate(actor=factories.SETUP, person=marta, reason="left the bank")
    assert client.get("/models/").status_code == 302


def test_guessing_is_slowed_and_the_right_password_waits_as_well(client: Client, marta: User) -> None:
    start = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)
    with clock.freeze(start):
        for _ in range(sign_in.PER_ACCOUNT_AND_ADDRESS):
            assert attempt(client, "marta", "wrong").response.status_code == 403
        refused = attempt(client, "marta")
        assert refused.response.status_code == 429
        refused.has("Too many attempts. Wait 15 minutes")
        clock.advance(timedelta(minutes=14))
        assert attempt(client, "marta").response.status_code == 429
        clock.advance(timedelta(minutes=2))
        assert attempt(client, "marta").response.status_code == 302


def test_a_right_password_frees_no_guesses_at_other_accounts(client: Client, marta: User) -> None:
    """An address is not cleared by an account its user knows: neither one after another nor at the same time."""
    attempts = 0
    with context.bind_request_context(address="127.0.0.1"):
        while attempts < sign_in.PER_ADDRESS:
            for _ in range(min(5, sign_in.PER_ADDRESS - attempts)):
                with pytest.raises(PermissionDeniedError):
                    sign_in.sign_in(username=f"name-{attempts}", password="guess")
                attempts += 1
            if attempts < sign_in.PER_ADDRESS:
                sign_in.sign_in(username="marta", password=factories.PASSWORD)
    assert attempt(client, "marta").response.status_code == 429


def test_a_right_password_frees_no_guesses_from_other_addresses(marta: User) -> None:
    for n in range(sign_in.PER_ACCOUNT):
        attempt(Client(REMOTE_ADDR=f"198.51.100.{n}"), "marta", "wrong")
        if n == sign_in.PER_ACCOUNT // 2:
            assert attempt(Client(REMOTE_ADDR="203.0.113.1"), "marta").response.status_code == 302
    assert attempt(Client(REMOTE_ADDR="203.0.113.2"), "marta", "wrong").response.status_code == 429


def test_right_passwords_do_not_count(client: Client, marta: User) -> None:
    """Somebody who signs many decisions is not held up, and neither is an office behind one address."""
    with context.bind_request_context(address="127.0.0.1"):
        for _ in range(sign_in.PER_ACCOUNT + 5):
            sign_in.reauthenticate(marta, factories.PASSWORD, pointer="/password")
    assert not PasswordAttempt.objects.exists()


def test_the_addresses_of_one_ipv6_host_count_together(marta: User) -> None:
    for n in range(sign_in.PER_ACCOUNT_AND_ADDRESS):
        attempt(Client(REMOTE_ADDR=f"2001:db8::{n}"), "marta", "wrong")
    assert attempt(Client(REMOTE_ADDR="2001:db8::ffff"), "marta").response.status_code == 429
    assert attempt(Client(REMOTE_ADDR="2001:db8:0:1::1"), "marta").response.status_code == 302


def test_guessing_from_one_address_leaves_other_addresses_alone(client: Client, marta: User) -> None:
    for _ in range(sign_in.PER_ACCOUNT_AND_ADDRESS + 1):
        attempt(client, "marta", "wrong")
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert attempt(elsewhere, "marta").response.status_code == 302


def test_many_addresses_together_are_slowed_by_the_account(marta: User) -> None:
    for n in range(sign_in.PER_ACCOUNT):
        attempt(Client(REMOTE_ADDR=f"198.51.100.{n}"), "marta", "wrong")
    assert attempt(Client(REMOTE_ADDR="203.0.113.1"), "marta").response.status_code == 429


def test_many_accounts_from_one_address_are_slowed_by_the_address(client: Client, marta: User) -> None:
    with context.bind_request_context(address="127.0.0.1"):
        for n in range(sign_in.PER_ADDRESS):
            with pytest.raises(PermissionDeniedError):
                sign_in.sign_in(username=f"name-{n}", password="guess")
    assert attempt(client, "marta").response.status_code == 429


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example", ""]
)
def test_no_person_is_sent_to_another_site_after_signing_in(client: Client, marta: User, target: str) -> None:
    answer = client.post("/sign-in/", {"username": "marta", "password": factories.PASSWORD, "next": target})
    assert answer["Location"] == "/"


def test_a_person_who_is_signed_in_is_not_asked_again(client: Client, marta: User) -> None:
    attempt(client, "marta")
    assert client.get("/sign-in/?next=/models/")["Location"] == "/models/"


def test_signing_out_is_a_post_and_is_recorded(client: Client, marta: User) -> None:
    attempt(client, "marta")
    assert client.get("/sign-out/")["Location"] == "/"
    assert client.get("/models/").status_code == 200
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/models/").status_code == 302
    assert events(marta)[-1] == "person.signed_out"


def test_a_form_without_its_key_is_refused_with_a_way_out(marta: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/sign-in/", {"username": "marta", "password": factories.PASSWORD})
    assert answer.status_code == 403
    Page(answer).has("This form is out of date", "Reload the page")


def test_the_sign_in_page_says_which_installation_it_is(client: Client, db: None, settings: object) -> None:
    settings.COUNTERSIGN_DEMO = True  # type: ignore[attr-defined]  # a setting of the demo
    Page(client.get("/sign-in/")).has("Demo", "Made-up data")
    settings.COUNTERSIGN_DEMO = False  # type: ignore[attr-defined]  # a setting of the demo
    Page(client.get("/sign-in/")).has_not("Demo")


class TestTextIsKept(PageTest):
    """A session may end while somebody writes an assessment; the text must not end with it."""

    def test_the_text_of_a_decision_survives_the_end_of_the_session(self) -> None:
        client = Client()
        path = f"/promotions/{self.scene.request.pk}/"
        answer = client.post(
            f"{path}decision/", {"outcome": "approve", "comment": "A long and careful text.", "password": "x"}
        )
        assert answer.status_code == 401
        asked = Page(answer)
        asked.has("Your session ended while you were writing", "Nothing was signed")
        assert "password" not in {k for k, v in asked.fields.items() if v == "x"}
        back = client.post("/sign-in/", {**asked.fields, "username": "marta", "password": factories.PASSWORD})
        assert back["Location"] == path
        page = Page(client.get(path))
        assert page.fields["comment"] == "A long and careful text."
        assert page.fields["outcome"] == "approve"
        assert not self.scene.fresh().decisions.exists()
        assert "A long and careful" not in Page(client.get(path)).html, "it is given back once"
