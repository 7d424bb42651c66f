"""Comparison of two versions over HTTP."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry import access
from registry.models import RegisteredModel
from registry.services.versions import MetricSpec
from tests import factories
from tests.governance.interfaces.rest.conftest import CARD, Caller
from tests.personas import People

COLUMN = {"name": "employer_code", "type": "string"}


@pytest.fixture
def model(priya_calls: Caller, people: People) -> str:
    assert priya_calls.register_model(risk_tier=1).status == 201
    made = RegisteredModel.objects.get(slug="credit-risk-pd")
    factories.version(
        made,
        people.priya,
        {"m.json": b"1"},
        card=CARD,
        metrics=[MetricSpec("auc", 0.86), MetricSpec("ks", 0.5)],
        parameters={"depth": 3},
        signature={"inputs": [COLUMN, {"name": "age", "type": "integer"}]},
        environment_lock="numpy==1.26.4\n",
    )
    made.refresh_from_db()
    factories.version(
        made,
        people.priya,
        {"m.json": b"2"},
        card=CARD.replace("one country", "two countries"),
        metrics=[MetricSpec("auc", 0.87), MetricSpec("ks", 0.5)],
        parameters={"depth": 3},
        signature={"inputs": [{"name": "age", "type": "long"}]},
        environment_lock="numpy==2.0.1\n",
    )
    return made.slug


def test_what_differs_between_two_versions(priya_calls: Caller, model: str) -> None:
    found = priya_calls.get(f"/models/{model}/compare/1..2")
    assert found.status == 200, found
    body = found.json
    assert (body["a"]["number"], body["b"]["number"]) == (1, 2)
    assert body["counts"] == {
        "metrics": 1,
        "parameters": 0,
        "signature": 2,
        "card": 5,
        "data": 0,
        "dependencies": 1,
        "code": 0,
        "artifacts": 1,
    }
    assert [m["name"] for m in body["metrics"]] == ["auc"]
    assert body["metrics"][0]["delta"] == pytest.approx(0.01)
    breaking = [c for c in body["signature"]["changes"] if c["breaking"]]
    assert [(c["name"], c["says"].split(":")[0]) for c in breaking] == [("employer_code", "removed input")]
    section = body["card"]["sections"][0]
    assert section["how"] == "words"
    assert "one country" in "".join(p["text"] for p in section["pieces"] if p["kind"] != "added")
    assert "two countries" in "".join(p["text"] for p in section["pieces"] if p["kind"] != "removed")
    assert body["dependencies"]["packages"][0] == {
        "name": "numpy",
        "before": "1.26.4",
        "after": "2.0.1",
        "kind": "upgraded",
        "major": True,
    }
    everything = priya_calls.get(f"/models/{model}/compare/1..2?all=true").json
    assert [p["kind"] for p in everything["parameters"]] == ["same"]
    assert everything["total"] == body["total"]


def test_a_version_does_not_differ_from_itself(priya_calls: Caller, model: str) -> None:
    assert priya_calls.get(f"/models/{model}/compare/2..2").json["total"] == 0


def test_versions_of_two_models_are_compared_where_both_may_be_seen(
    priya_calls: Caller, model: str, people: People
) -> None:
    mine = factories.model(people.priya, "other")
    theirs = factories.model(people.chen, "secret")
    factories.version(mine, people.priya)
    factories.version(theirs, people.chen)
    found = priya_calls.get(f"/models/{model}/compare/1..1?model=other")
    assert found.json["b"]["model"] == "other"
    priya_calls.get(f"/models/{model}/compare/1..1?model=secret").problem(404, "not_found")
    priya_calls.get(f"/models/{model}/compare/1..9").problem(404, "not_found")
    priya_calls.get(f"/models/{model}/compare/1..2?with=other").problem(400, "invalid_request")


def test_it_costs_few_queries(priya_calls: Caller, model: str, people: People) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert priya_calls.get(f"/models/{model}/compare/1..2").status == 200
    assert len(queries) <= 15
    assert access.actor_for(people.priya)
