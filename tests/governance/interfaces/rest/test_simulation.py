"""A promotion is simulated before it is requested: the same verdict as the page of the version, and nothing written."""

from __future__ import annotations

from typing import Any

from audit.models import Event
from governance.models import CheckRun, PromotionRequest
from tests.checking import run_due_checks
from tests.governance.interfaces.rest.conftest import CARD, Caller, CallerOf, viewer
from tests.personas import People

WITHOUT_CHECKS = """
slug: starter-staging
title: Into Staging, by one approval
applies_to: {stages: [staging]}
approvals: [{group: reviewers, count: 4}]
"""


def simulate(calls: Caller, to: str = "staging", **more: Any) -> Any:
    target = {"alias": to[1:]} if to.startswith("@") else {"stage": to}
    return calls.post("/simulate", {"model": "credit-risk-pd", "version": 1, "target": target, **more})


def register(calls: Caller) -> None:
    calls.register_model("credit-risk-pd", risk_tier=2)
    calls.register_version("credit-risk-pd", {"model.json": b"{}"}, card=CARD)


def test_the_outcome_follows_what_is_known_and_nothing_is_written(priya_calls: Caller) -> None:
    register(priya_calls)
    events = Event.objects.count()

    before = simulate(priya_calls)
    assert before.status == 200, before
    assert before.json["outcome"] == "unknown"
    assert {step["state"] for step in before.json["steps"]} == {"waiting"}
    unreachable = simulate(priya_calls, "production").json
    assert unreachable["outcome"] == "unreachable"
    assert unreachable["obstacles"] == [unreachable["refusal"]]
    missing = simulate(priya_calls, "@champion").json
    assert missing["outcome"] == "missing"
    (lacking,) = [step for step in missing["steps"] if step["state"] == "failed"]
    assert lacking["check"] == "performance.threshold"
    assert lacking["additions"]
    assert [group["may_approve"] for group in missing["asked"]] == [["Aiko Tanaka", "Chen Wei", "Marta Kovač"]]
    assert simulate(priya_calls, "@shadow").json["outcome"] == "immediate"
    assert (Event.objects.count(), PromotionRequest.objects.count(), CheckRun.objects.count()) == (events, 0, 0)

    priya_calls.ask({"model": "credit-risk-pd", "number": 1}, "staging")
    run_due_checks()
    there = simulate(priya_calls).json
    assert (there["outcome"], there["refusal"]) == ("unreachable", "Version 1 is there already.")
    (passed,) = [step for step in simulate(priya_calls, "production").json["steps"] if step["check"] == "artifact.scan"]
    assert passed["state"] == "met", "its result of the request for Staging counts: the inputs are the same"
    listed = priya_calls.get("/models/credit-risk-pd/versions/1/readiness").json["targets"]
    for target in listed:
        to = f"@{target['alias']}" if target["alias"] else target["stage"]
        assert simulate(priya_calls, to).json.items() >= target.items()


def test_an_officer_evaluates_a_draft_and_no_one_else(
    priya_calls: Caller, ingrid_calls: Caller, call: CallerOf, installed: People
) -> None:
    register(priya_calls)
    henrik = call(installed.henrik)
    drafted = simulate(henrik, policy=WITHOUT_CHECKS).json
    assert drafted["draft"] == "starter-staging"
    assert drafted["policies"] == [{"slug": "starter-staging", "revision": 2}]
    assert drafted["steps"] == []
    assert drafted["outcome"] == "unreachable"
    assert any("Only 3 of the 4 approvals of reviewers can be given" in why for why in drafted["obstacles"])
    elsewhere = simulate(henrik, "@champion", policy=WITHOUT_CHECKS).json
    assert elsewhere["draft"] is None

    for caller in (priya_calls, ingrid_calls):
        simulate(caller, policy=WITHOUT_CHECKS).problem(403, "not_permitted")
    fault = simulate(henrik, policy=WITHOUT_CHECKS.replace("count: 4", "count: many")).problem(422, "invalid_input")
    (named,) = fault["errors"]
    assert named["pointer"] == "/policy"
    assert "line 5, field approvals[1].count" in named["detail"]
    for nonsense in ("", "\x00", "]", "- a"):
        assert simulate(henrik, policy=nonsense).status in (400, 422), nonsense


def test_who_cannot_see_the_version_or_names_no_stage(
    priya_calls: Caller, eve_calls: Caller, installed: People
) -> None:
    register(priya_calls)
    simulate(eve_calls).problem(404, "not_found")
    simulate(priya_calls, "moon").problem(422, "invalid_input")
    looking = simulate(viewer(installed.dorothy, "credit-risk-pd")).json
    assert looking["outcome"] == "unreachable"
    assert "you need the role" in looking["refusal"]
