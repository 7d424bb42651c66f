"""Aliases over HTTP: set, remove, and protected aliases."""

from __future__ import annotations

from tests.governance.interfaces.rest.conftest import Caller

ALIASES = "/models/credit-risk-pd/aliases"


def made(caller: Caller) -> None:
    caller.register_model(risk_tier=1)
    caller.register_version("credit-risk-pd", {"a": b"x"})


def test_a_free_alias_points_at_once_and_asking_again_changes_nothing(priya_calls: Caller) -> None:
    made(priya_calls)
    given = {"version": 1, "reason": "to try"}

    first = priya_calls.put(f"{ALIASES}/shadow", given)
    assert (first.status, first.json["version"], first.json["protected"]) == (200, 1, False)
    assert priya_calls.put(f"{ALIASES}/shadow", given).json == first.json
    assert priya_calls.get(ALIASES).json["items"] == [first.json]
    assert priya_calls.get("/resolve?ref=credit-risk-pd@shadow").status == 200

    assert priya_calls("DELETE", f"{ALIASES}/shadow?reason=over").status == 204
    assert priya_calls.get(ALIASES).json["items"] == []
    priya_calls("DELETE", f"{ALIASES}/shadow?reason=over").problem(404, "not_found")


def test_a_protected_alias_is_asked_for(priya_calls: Caller) -> None:
    made(priya_calls)

    asked = priya_calls.put(f"{ALIASES}/champion", {"version": 1, "reason": "to be served"})
    assert (asked.status, asked.json["version"], asked.json["protected"]) == (202, None, True)
    assert priya_calls.get(asked.json["request"]).json["target"] == {"stage": None, "alias": "champion"}
    again = priya_calls.put(f"{ALIASES}/champion", {"version": 1, "reason": "to be served"})
    assert again.problem(409, "already_open")["existing"]["url"] == asked.json["request"]


def test_alias_errors_include_reason(priya_calls: Caller) -> None:
    made(priya_calls)

    priya_calls.put(f"{ALIASES}/Champion", {"version": 1, "reason": "x"}).problem(422, "invalid_input")
    priya_calls.put(f"{ALIASES}/shadow", {"version": 2, "reason": "x"}).problem(404, "not_found")
    priya_calls.put(f"{ALIASES}/shadow", {"version": 1}).problem(400, "invalid_request")
    priya_calls("DELETE", f"{ALIASES}/shadow").problem(400, "invalid_request")
