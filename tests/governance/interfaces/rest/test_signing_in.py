"""Authentication: tokens only."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client

from audit import clock
from registry import access
from registry.models import AccessToken, TokenUse
from registry.services import people as accounts
from registry.services import tokens
from tests import factories
from tests.governance.interfaces.rest.conftest import Caller, CallerOf
from tests.personas import People


def test_without_a_token_nothing_opens(nobody: Caller, db: None) -> None:
    for method, path in [("GET", "/whoami"), ("POST", "/models"), ("PUT", "/models/m/versions/1/artifacts/a"),
                         ("GET", "/audit/events"), ("DELETE", "/models")]:  # fmt: skip
        answer = nobody(method, path)
        answer.problem(401, "not_signed_in")
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="countersign"'


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Bearer cs_short",
        "Bearer cs_" + "0" * 46,
        "Bearer cs_" + "ü" * 46,
        "Basic cHJpeWE6c2VjcmV0",
        "Token abc",
        "\t",
    ],
)
def test_what_is_no_token_is_refused(nobody: Caller, db: None, header: str) -> None:
    answer = nobody.get("/whoami", Authorization=header)

    answer.problem(401, "token_refused")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="countersign", error="invalid_token"'


def test_a_token_ends(call: CallerOf, people: People) -> None:
    caller = call(people.priya)
    assert caller.get("/whoami").status == 200

    with clock.freeze(clock.now() + timedelta(days=31)):
        caller.get("/whoami").problem(401, "token_refused")
    tokens.revoke(
        actor=access.actor_for(people.priya),
        token=AccessToken.objects.filter(person=people.priya).latest("pk"),
        reason="leaked",
    )
    caller.get("/whoami").problem(401, "token_refused")


def test_a_closed_account_closes_its_tokens(call: CallerOf, people: People) -> None:
    caller = call(people.priya)
    accounts.deactivate(actor=access.actor_for(people.ada), person=people.priya, reason="left")

    caller.get("/whoami").problem(401, "token_refused")


def test_a_browsers_session_is_not_accepted_here(people: People) -> None:
    browser = Client()
    browser.force_login(people.priya, backend="registry.access.backend.RoleBackend")

    assert browser.get("/api/v1/whoami").status_code == 401
    assert browser.post("/api/v1/models", {"slug": "m"}, content_type="application/json").status_code == 401


def test_whoami_says_what_the_token_is(call: CallerOf, people: People) -> None:
    shown = call(people.priya, "models:read", "versions:write", models=["churn"]).get("/whoami")

    assert shown.status == 200
    assert shown.json["kind"] == "token"
    assert shown.json["id"].startswith("tok_")
    assert shown.json["person"] == {"id": people.priya.uid, "username": "priya", "name": "Priya Nair"}
    assert shown.json["scopes"] == ["models:read", "versions:write"]
    assert shown.json["models"] == ["churn"]
    assert shown.json["token"]["prefix"].startswith("cs_")
    assert shown.json["server"]["api"] == settings.SPECTACULAR_SETTINGS["VERSION"]
    assert "secret" not in shown.raw.decode()


def test_the_use_of_a_token_is_noted_with_its_address(call: CallerOf, people: People) -> None:
    call(people.priya).get("/whoami")

    assert TokenUse.objects.get().last_address == "127.0.0.1"


def test_the_word_bearer_is_not_case_sensitive(people: People) -> None:
    _, secret = factories.token(people.priya, ["models:read"])

    assert Caller(None).get("/whoami", Authorization=f"bearer {secret}").status == 200
