"""Reads that one prepared query answers: refused to everyone who may not see the model, and from the moment of a change
of permission or place."""

from __future__ import annotations

from typing import Any

import pytest

from audit.actor import process
from registry import access
from registry.models import Grant
from tests import factories
from tests.governance.interfaces.rest.conftest import Caller, CallerOf, viewer
from tests.personas import People

ONE = [
    "/models/credit-risk-pd",
    "/models/credit-risk-pd/versions/1",
    "/resolve?ref=credit-risk-pd/1",
    "/resolve?ref=credit-risk-pd@latest",
    "/resolve?ref=credit-risk-pd@candidate",
    "/resolve?ref=credit-risk-pd/development",
]
LISTS = ["/models", "/versions", "/promotions"]


@pytest.fixture
def paths(priya_calls: Caller) -> list[str]:
    """A path of each read of one thing."""
    priya_calls.register_model(risk_tier=1)
    priya_calls.register_version("credit-risk-pd", {"model.json": b"{}"})
    pointed = priya_calls.put("/models/credit-risk-pd/aliases/candidate", {"version": 1, "reason": "on trial"})
    assert pointed.status == 200, pointed
    asked: Any = priya_calls.post(
        "/promotions", {"model": "credit-risk-pd", "version": 1, "target": {"stage": "staging"}, "reason": "ready"}
    )
    assert asked.status == 201, asked
    number = asked.json["id"]
    return [*ONE, f"/promotions/{number}", f"/promotions/{number}/gate"]


def test_a_stranger_finds_nothing(paths: list[str], call: CallerOf) -> None:
    stranger = call(factories.person("stranger"))
    for path in paths:
        stranger.get(path).problem(404, "not_found")
    for path in LISTS:
        assert stranger.get(path).json["items"] == []


def test_a_token_without_the_scope_is_refused(paths: list[str], call: CallerOf, people: People) -> None:
    writes = call(people.priya, "versions:write")
    for path in paths:
        writes.get(path).problem(403, "missing_scope")


def test_a_token_limited_to_another_model_finds_nothing(paths: list[str], call: CallerOf, people: People) -> None:
    limited = call(people.priya, models=["another-model"])
    for path in paths:
        limited.get(path).problem(404, "not_found")
    for path in LISTS:
        assert limited.get(path).json["items"] == []


def test_a_role_opens_them_until_it_is_taken_back(paths: list[str]) -> None:
    someone = factories.person("someone")
    sees = viewer(someone, "credit-risk-pd")
    for path in paths:
        assert sees.get(path).status == 200, path
    for path in LISTS:
        assert sees.get(path).json["items"], path
    access.revoke_role(actor=process("initialise"), grant=Grant.objects.get(user=someone), reason="left the team")
    for path in paths:
        sees.get(path).problem(404, "not_found")
    for path in LISTS:
        assert sees.get(path).json["items"] == []


def test_an_alias_means_another_version_from_the_moment_it_is_moved(paths: list[str], priya_calls: Caller) -> None:
    priya_calls.register_version("credit-risk-pd", {"model.json": b'{"b": 1}'})
    assert priya_calls.get("/resolve?ref=credit-risk-pd@candidate").json["version"] == 1
    priya_calls.put("/models/credit-risk-pd/aliases/candidate", {"version": 2, "reason": "the better one"})
    assert priya_calls.get("/resolve?ref=credit-risk-pd@candidate").json["version"] == 2
    assert priya_calls.get("/models/credit-risk-pd/versions/1").json["aliases"] == []
    assert priya_calls.get("/models/credit-risk-pd/versions/2").json["aliases"] == ["candidate"]
