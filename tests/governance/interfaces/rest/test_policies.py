"""Policies in force over HTTP."""

from __future__ import annotations

from audit import canonical
from tests.governance.interfaces.rest.conftest import Caller, CallerOf
from tests.personas import People


def test_what_is_in_force_is_open_to_readers_of_models(priya_calls: Caller, eve_calls: Caller) -> None:
    page = priya_calls.get("/policies")

    assert [p["slug"] for p in page.json["items"]] == [
        "starter-production", "starter-staging", "starter-staging-exit", "starter-way-out"
    ]  # fmt: skip
    production = page.json["items"][0]
    assert production["revision"] == 1
    assert production["digest"] == canonical.digest(production["document"])
    assert production["document"]["approvals"] == [{"group": "reviewers", "count": 2, "order": 1}]
    assert "starter-production" in production["source"]
    assert eve_calls.get("/policies").json == page.json


def test_pages_and_scopes(priya_calls: Caller, call: CallerOf, installed: People) -> None:
    first = priya_calls.get("/policies?limit=2").json
    rest = priya_calls.get(f"/policies?limit=2&cursor={first['next']}").json
    assert [p["slug"] for p in (*first["items"], *rest["items"])] == [
        "starter-production", "starter-staging", "starter-staging-exit", "starter-way-out"
    ]  # fmt: skip
    assert rest["next"] is None
    call(installed.priya, "audit:read").get("/policies").problem(403, "missing_scope")
