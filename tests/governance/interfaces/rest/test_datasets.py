"""Datasets and lineage over REST."""

from __future__ import annotations

import pytest

from tests.governance.interfaces.rest.conftest import Caller

LOANS = {"role": "training", "name": "loans", "digest_algorithm": "sha256", "digest": "a" * 64}


@pytest.fixture
def versions(priya_calls: Caller) -> str:
    """Two versions on one dataset, and one made from the second."""
    assert priya_calls.register_model(risk_tier=1).status == 201
    base = "/models/credit-risk-pd/versions"
    for given in (
        {"datasets": [LOANS]},
        {"datasets": [{**LOANS, "role": "evaluation"}, {"role": "training", "name": "clicks", "reference": "2026-07"}]},
        {"parents": [{"model": "credit-risk-pd", "version": 2}]},
    ):
        made = priya_calls.post(base, given)
        assert made.status == 201, made
    return base


def test_what_rests_on_a_dataset(priya_calls: Caller, versions: str) -> None:
    found = priya_calls.get("/datasets?q=loans").json["items"]
    assert [(d["name"], d["strength"], d["versions"], d["live"]) for d in found] == [("loans", "strong", 2, 0)]
    assert priya_calls.get(f"/datasets/{'a' * 64}").json == found[0]
    assert priya_calls.get(f"/datasets/{found[0]['identity']}").json == found[0]

    resting = priya_calls.get(f"/datasets/{'a' * 64}/dependents").json
    assert [(d["version"], d["direct"], d["owner"]["username"]) for d in resting["items"]] == [
        (3, False, "priya"),
        (2, True, "priya"),
        (1, True, "priya"),
    ]
    assert (resting["by_stage"], resting["hidden"], resting["next"]) == ({"development": 3}, 0, None)
    assert priya_calls.get(f"/datasets/{'a' * 64}/dependents?stage=production").json["items"] == []

    first = priya_calls.get(f"/datasets/{'a' * 64}/dependents?limit=2").json
    rest = priya_calls.get(f"/datasets/{'a' * 64}/dependents?limit=2&cursor={first['next']}").json
    assert [d["version"] for d in first["items"] + rest["items"]] == [3, 2, 1]


def test_the_list_is_paged_by_identity(priya_calls: Caller, versions: str) -> None:
    first = priya_calls.get("/datasets?limit=1").json
    rest = priya_calls.get(f"/datasets?limit=1&cursor={first['next']}").json
    assert {d["name"] for d in first["items"] + rest["items"]} == {"loans", "clicks"}
    assert rest["next"] is None


def test_the_lineage_of_a_version(priya_calls: Caller, versions: str) -> None:
    near = priya_calls.get(f"{versions}/3/lineage").json
    assert near["version"] == "credit-risk-pd/3"
    assert [(v["version"], v["parents"]) for v in near["ancestors"]] == [(2, [])]
    assert {(d["name"], d["version"]) for d in near["datasets"]} == {
        ("loans", "credit-risk-pd/2"),
        ("clicks", "credit-risk-pd/2"),
    }
    assert [v["version"] for v in priya_calls.get(f"{versions}/2/lineage").json["descendants"]] == [3]


def test_what_is_not_there_or_not_for_the_caller_is_not_found(priya_calls: Caller, versions: str) -> None:
    assert priya_calls.get(f"/datasets/{'b' * 64}").problem(404, "not_found")
    assert priya_calls.get("/datasets/loans/dependents").problem(404, "not_found")
    assert priya_calls.get("/datasets?cursor=nonsense").problem(400, "invalid_request")
