"""Promotion requests over HTTP: create, follow, withdraw, execute; decisions are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance import promotions
from governance.checks import check_runs
from governance.models import CheckRun, Decision, PromotionRequest
from governance.services import policies, setup
from registry import access
from registry.exceptions import PermissionDeniedError
from registry.models import User
from registry.services import tokens
from tests import factories
from tests.checking import run_due_checks
from tests.governance.interfaces.rest.conftest import CARD, ROOT, Caller, CallerOf, viewer
from tests.personas import People

HOLD = """
slug: hold-staging
title: Staging waits for a word
applies_to: {stages: [staging]}
priority: 5
checks: [{check: integrity.digest}]
on_ready: hold
"""


def decide(number: int, by: User, outcome: str = "approve") -> None:
    """As the page does."""
    request = PromotionRequest.objects.get(pk=number)
    promotions.decide(
        actor=access.actor_for(by),
        request=request,
        outcome=outcome,
        packet_digest=request.packet_digest,
        comment="Looked at the evaluation and the card.",
        signature=promotions.DecisionSignature(factories.PASSWORD),
    )


@pytest.fixture
def version(priya_calls: Caller) -> dict[str, Any]:
    """A version with all that the starter policies ask."""
    priya_calls.register_model(risk_tier=1)
    return priya_calls.register_version(
        "credit-risk-pd",
        {"model.json": b'{"weights": [1]}'},
        card=CARD,
        metrics=[{"name": "accuracy", "value": 0.91}],
    )


@pytest.fixture
def hold() -> Callable[[], None]:
    """Have Staging wait for a word."""
    return lambda: policies.publish(actor=setup.INSTALLER, source=HOLD, reason="the test")  # type: ignore[return-value]  # the type is narrower than the case


def test_ask_follow_and_be_in_staging(priya_calls: Caller, version: dict[str, Any]) -> None:
    asked = priya_calls.ask(version, "staging")
    assert asked.status == 201, asked
    number = asked.json["id"]
    assert asked.headers["Location"] == f"{ROOT}/promotions/{number}"
    assert asked.json["state"] == "open"
    assert asked.json["live"] is True
    assert asked.json["target"] == {"stage": "staging", "alias": None}
    assert asked.json["from_stage"] == "development"
    assert asked.json["policy"]["slug"] == "starter-staging"
    assert asked.json["fingerprint"] == version["fingerprint"]
    assert asked.json["page"] == f"http://testserver/promotions/{number}/"
    assert {c["status"] for c in asked.json["checks"]} == {"queued"}
    waiting = {r["id"]: r for r in asked.json["requirements"]}["check:integrity.digest"]
    assert (waiting["kind"], waiting["state"], waiting["required"]) == ("check", "waiting", True)
    assert waiting["how_to_fulfil"]
    assert asked.json["next_actions"] == ["withdraw"]

    run_due_checks()

    read = priya_calls.get(f"/promotions/{number}")
    assert read.json["state"] == "promoted"
    assert read.json["live"] is False
    assert read.json["closed_at"]
    assert {c["conclusion"] for c in read.json["checks"] if c["mode"] == "required"} == {"success"}
    assert priya_calls.get(f"/promotions/{number}/gate").json["promoted"] is True
    assert priya_calls.get("/models/credit-risk-pd/versions/1").json["stage"] == "staging"
    assert priya_calls.get("/resolve?ref=credit-risk-pd/staging").json["version"] == 1


def test_into_production_by_two_people(priya_calls: Caller, installed: People, version: dict[str, Any]) -> None:
    priya_calls.ask(version, "staging")
    run_due_checks()
    number = priya_calls.ask(version, "production").json["id"]
    run_due_checks()

    open_ = priya_calls.get(f"/promotions/{number}").json
    assert open_["state"] == "open"
    assert open_["packet_digest"]
    approval = {r["id"]: r for r in open_["requirements"]}["approval:reviewers"]
    assert approval["who_can"] == ["Aiko Tanaka", "Chen Wei", "Marta Kovač"]
    assert open_["approvals"][0]["may_approve"] == approval["who_can"]
    assert open_["headline"].startswith("Not ready: 1 requirement left.")

    decide(number, installed.marta)
    one = priya_calls.get(f"/promotions/{number}").json
    assert one["approvals"][0]["approved_by"] == ["Marta Kovač"]
    assert one["revision"] > open_["revision"]
    decide(number, installed.aiko)

    done = priya_calls.get(f"/promotions/{number}").json
    assert done["state"] == "promoted"
    assert [d["person"]["name"] for d in done["decisions"]] == ["Marta Kovač", "Aiko Tanaka"]
    assert {d["packet_digest"] for d in done["decisions"]} == {open_["packet_digest"]}
    assert done["decisions"][0]["signed_meaning"]
    assert done["next_actions"] == []


def test_no_token_decides(priya_calls: Caller, call: CallerOf, installed: People, version: dict[str, Any]) -> None:
    priya_calls.ask(version, "staging")
    run_due_checks()
    number = priya_calls.ask(version, "production").json["id"]
    run_due_checks()

    for caller in (priya_calls, call(installed.marta), call(installed.aiko)):
        for body in ({"outcome": "approve"}, {}, ...):
            problem = caller.post(f"/promotions/{number}/decisions", body).problem(403, "tokens_do_not_decide")
            assert f"http://testserver/promotions/{number}/" in problem["detail"]
            assert problem["who_can"] == ["Aiko Tanaka", "Chen Wei", "Marta Kovač"]
    assert not Decision.objects.exists()


def test_nor_does_the_service_behind_it_take_a_token(
    priya_calls: Caller, installed: People, version: dict[str, Any]
) -> None:
    asked = priya_calls.ask(version, "staging").json["id"]
    token, _ = factories.token(installed.marta, access.SCOPES)

    with pytest.raises(PermissionDeniedError, match="Tokens and processes cannot decide"):
        promotions.decide(
            actor=tokens.actor_of(token),
            request=PromotionRequest.objects.get(pk=asked),
            outcome="approve",
            packet_digest="",
            comment="x",
            signature=promotions.DecisionSignature(factories.PASSWORD),
        )


def test_one_request_for_a_target_at_a_time(priya_calls: Caller, version: dict[str, Any]) -> None:
    first = priya_calls.ask(version, "staging").json["id"]

    problem = priya_calls.ask(version, "staging").problem(409, "already_open")
    assert problem["existing"]["id"] == first
    assert problem["existing"]["url"] == f"{ROOT}/promotions/{first}"
    assert problem["existing"]["state"] == "open"


@pytest.mark.parametrize(
    ("change", "status", "code", "pointer"),
    [
        ({"target": {}}, 400, "invalid_request", "/target"),
        ({"target": {"stage": "staging", "alias": "x"}}, 400, "invalid_request", "/target"),
        ({"target": {"stage": ""}}, 400, "invalid_request", "/target/stage"),
        ({"target": {"stage": None}}, 400, "invalid_request", "/target/stage"),
        ({"target": "staging"}, 400, "invalid_request", "/target"),
        ({"target": {"stage": "moon"}}, 422, "invalid_input", "/target/stage"),
        ({"target": {"alias": "not an alias"}}, 422, "invalid_input", None),
        ({"target": {"alias": "Champion"}}, 422, "invalid_input", None),
        ({"reason": ""}, 400, "invalid_request", "/reason"),
        ({"reason": "  "}, 422, "invalid_input", "/reason"),
        ({"reason": "x" * 5001}, 400, "invalid_request", "/reason"),
        ({"version": "1"}, 400, "invalid_request", "/version"),
        ({"version": 2}, 404, "not_found", None),
        ({"model": "absent"}, 404, "not_found", None),
        ({"urgent": True}, 400, "invalid_request", "/urgent"),
        ({"target": {"stage": "production"}}, 409, "illegal_move", None),
        ({"target": {"stage": "development"}}, 409, "already_there", None),
    ],
)
def test_what_is_asked_is_judged(
    priya_calls: Caller, version: dict[str, Any], change: dict[str, Any], status: int, code: str, pointer: str | None
) -> None:
    body = {"model": "credit-risk-pd", "version": 1, "target": {"stage": "staging"}, "reason": "because", **change}

    problem = priya_calls.post("/promotions", body).problem(status, code)

    assert pointer is None or pointer in [e["pointer"] for e in problem["errors"]], problem
    assert not PromotionRequest.objects.exists()


def test_a_model_without_owner_or_tier_goes_nowhere(priya_calls: Caller) -> None:
    priya_calls.register_model("m")
    made = priya_calls.register_version("m", {"a": b"x"})

    assert "risk tier" in priya_calls.ask(made, "staging").problem(409, "model_incomplete")["detail"]


def test_an_unprotected_alias_is_set_at_once_and_a_protected_one_is_asked_for(
    priya_calls: Caller, version: dict[str, Any]
) -> None:
    def ask(alias: str) -> Any:
        body = {"model": "credit-risk-pd", "version": 1, "target": {"alias": alias}, "reason": "to compare"}
        return priya_calls.post("/promotions", body)

    assert ask("shadow").json["state"] == "promoted"
    assert priya_calls.get("/resolve?ref=credit-risk-pd@shadow").json["aliases"] == ["shadow"]
    champion = ask("champion")
    assert (champion.json["state"], champion.json["target"]["alias"]) == ("open", "champion")


def test_withdraw(priya_calls: Caller, version: dict[str, Any]) -> None:
    asked = priya_calls.ask(version, "staging")
    where, tag = f"/promotions/{asked.json['id']}", asked.headers["ETag"]

    priya_calls.post(f"{where}/withdraw", {"reason": "typo"}).problem(428, "precondition_required")
    priya_calls.post(f"{where}/withdraw", {"reason": "typo"}, If_Match='"999-1"').problem(412, "stale_revision")
    priya_calls.post(f"{where}/withdraw", {}, If_Match=tag).problem(400, "invalid_request")
    withdrawn = priya_calls.post(f"{where}/withdraw", {"reason": "typo"}, If_Match=tag)
    assert (withdrawn.status, withdrawn.json["state"]) == (200, "withdrawn")
    again = priya_calls.post(f"{where}/withdraw", {"reason": "typo"}, If_Match=withdrawn.headers["ETag"])
    again.problem(409, "request_closed")
    assert priya_calls.ask(version, "staging").status == 201


def test_what_changed_since_it_was_read_is_read_again_first(priya_calls: Caller, version: dict[str, Any]) -> None:
    asked = priya_calls.ask(version, "staging")
    priya_calls.post(f"{version['url']}/metrics", {"metrics": [{"name": "accuracy", "value": 0.5}]})

    stale = priya_calls.post(
        f"/promotions/{asked.json['id']}/withdraw", {"reason": "x"}, If_Match=asked.headers["ETag"]
    )
    problem = stale.problem(412, "stale_revision")
    assert problem["existing"]["revision"] > asked.json["revision"]


def test_execute(priya_calls: Caller, call: CallerOf, installed: People, version: dict[str, Any],
                 hold: Callable[[], None]) -> None:  # fmt: skip
    hold()
    asked = priya_calls.ask(version, "staging")
    where = f"/promotions/{asked.json['id']}"

    early = priya_calls.post(f"{where}/execute", If_Match=asked.headers["ETag"]).problem(409, "not_ready")
    assert [r["id"] for r in early["requirements"]] == ["check:integrity.digest"]
    run_due_checks()
    ready = priya_calls.get(where)
    assert ready.json["state"] == "ready"
    assert set(ready.json["next_actions"]) == {"execute", "withdraw"}

    priya_calls.post(f"{where}/execute").problem(428, "precondition_required")
    priya_calls.post(f"{where}/execute", If_Match=asked.headers["ETag"]).problem(412, "stale_revision")
    narrow = call(installed.priya, "models:read", "promotions:write")
    narrow.post(f"{where}/execute", If_Match=ready.headers["ETag"]).problem(403, "missing_scope")
    done = priya_calls.post(f"{where}/execute", If_Match=ready.headers["ETag"], Idempotency_Key="go")
    assert (done.status, done.json["state"]) == (200, "promoted")
    again = priya_calls.post(f"{where}/execute", If_Match=ready.headers["ETag"], Idempotency_Key="go")
    assert (again.status, again.json) == (200, done.json)
    priya_calls.post(f"{where}/execute", If_Match="*").problem(409, "request_closed")


def test_forbidden_and_invisible(priya_calls: Caller, eve_calls: Caller, installed: People, version: dict[str, Any]
                                 ) -> None:  # fmt: skip
    asked = priya_calls.ask(version, "staging")
    where = f"/promotions/{asked.json['id']}"
    for path in (where, f"{where}/gate", f"{where}/checks", f"{where}?wait=25"):
        eve_calls.get(path).problem(404, "not_found")
    eve_calls.post(f"{where}/decisions").problem(404, "not_found")
    eve_calls.post(f"{where}/execute", If_Match="*").problem(404, "not_found")
    eve_calls.post(f"{where}/withdraw", {"reason": "x"}, If_Match="*").problem(404, "not_found")
    eve_calls.ask(version, "production").problem(404, "not_found")
    assert eve_calls.get("/promotions").json == {"items": [], "next": None}

    looks = viewer(installed.eve, "credit-risk-pd")
    assert looks.get(where).json["next_actions"] == []
    looks.ask(version, "production").problem(403, "not_permitted")
    refused = looks.post(f"{where}/withdraw", {"reason": "x"}, If_Match="*").problem(403, "not_yours")
    assert refused["who_can"] == ["Priya Nair"]
    looks.post(f"{where}/execute", If_Match="*").problem(403, "not_permitted")
    assert PromotionRequest.objects.get().state == "open"


def test_scopes_limit_a_token(call: CallerOf, installed: People, version: dict[str, Any]) -> None:
    call(installed.priya, "models:read", "versions:write").ask(version, "staging").problem(403, "missing_scope")
    call(installed.priya, "promotions:write").ask(version, "staging").problem(403, "missing_scope")
    asked = call(installed.priya, "models:read", "promotions:write").ask(version, "staging")
    assert asked.status == 201


def test_the_list(priya_calls: Caller, call: CallerOf, installed: People, version: dict[str, Any]) -> None:
    first = priya_calls.ask(version, "staging").json["id"]
    second = priya_calls.post(
        "/promotions",
        {"model": "credit-risk-pd", "version": 1, "target": {"alias": "champion"}, "reason": "x"},
    ).json["id"]
    run_due_checks()

    def numbers(query: str) -> list[int]:
        return [r["id"] for r in priya_calls.get(f"/promotions?{query}").json["items"]]

    assert numbers("") == [second, first]
    assert numbers("state=live") == [second]
    assert numbers("state=promoted&model=credit-risk-pd&version=1") == [first]
    assert numbers("model=other") == []
    page = priya_calls.get("/promotions?limit=1")
    assert numbers(f"limit=1&cursor={page.json['next']}") == [first]
    row = page.json["items"][0]
    assert (row["checks"], row["approvals"]) == ({"have": 5, "need": 5}, {"have": 0, "need": 2})
    priya_calls.get("/promotions?state=gone").problem(400, "invalid_request")
    call(installed.priya, "promotions:write").get("/promotions").problem(403, "missing_scope")


def test_check_runs_with_what_they_found(priya_calls: Caller, version: dict[str, Any]) -> None:
    number = priya_calls.ask(version, "staging").json["id"]
    run_due_checks()

    runs = priya_calls.get(f"/promotions/{number}/checks").json["items"]
    assert {r["check"] for r in runs} == {"integrity.digest", "artifact.format", "artifact.scan", "docs.model_card"}
    assert all(len(r["inputs_digest"]) == 64 for r in runs)
    assert all(r["status"] == "completed" for r in runs)
    page = priya_calls.get(f"/promotions/{number}/checks?limit=2").json
    assert len(page["items"]) == 2
    assert len(priya_calls.get(f"/promotions/{number}/checks?limit=2&cursor={page['next']}").json["items"]) == 2


def test_a_tag_is_about_all_that_is_shown(priya_calls: Caller, version: dict[str, Any]) -> None:
    """A check that begins to run changes no revision, and is seen all the same."""
    asked = priya_calls.ask(version, "staging")
    tag = asked.headers["ETag"]
    assert priya_calls.get(f"/promotions/{asked.json['id']}", If_None_Match=tag).status == 304

    run = CheckRun.objects.filter(check_slug="integrity.digest").get()
    check_runs.claim(run.pk)

    again = priya_calls.get(f"/promotions/{asked.json['id']}", If_None_Match=tag)
    assert again.status == 200
    assert "running" in {c["status"] for c in again.json["checks"]}
    assert again.json["revision"] == asked.json["revision"]
    # The tag of the older look still says which revision is meant.
    assert priya_calls.post(f"/promotions/{asked.json['id']}/withdraw", {"reason": "x"}, If_Match=tag).status == 200


def test_following_asks_the_database_little(
    priya_calls: Caller, version: dict[str, Any], django_assert_max_num_queries: Any
) -> None:
    number = priya_calls.ask(version, "staging").json["id"]

    with django_assert_max_num_queries(6):
        priya_calls.get(f"/promotions/{number}/gate")
    with django_assert_max_num_queries(45):
        priya_calls.get(f"/promotions/{number}")
