"""Production signals over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from audit import clock, leaf
from governance.models import SignalReport
from governance.services import policies, setup
from tests.governance.interfaces.rest.conftest import Caller, caller_of
from tests.personas import People

VERSION = "/models/m/versions/1"
SIGNALS = f"{VERSION}/signals"
POLICY = """
slug: monitored-staging
title: Into Staging, monitored
applies_to: {stages: [staging]}
priority: 60
monitoring:
  silent_after_days: 7
  signals: [{signal: auc, op: ">=", limit: 0.8, warning: 0.82}, {signal: p95, kind: technical, op: "<", limit: 200}]
"""


@pytest.fixture
def monitored(priya_calls: Caller) -> Caller:
    policies.publish(actor=setup.INSTALLER, source=POLICY, reason="the scene of a test")
    priya_calls.register_model("m", risk_tier=1)
    made = priya_calls.register_version("m", {"model.json": b"{}"})
    assert priya_calls.ask(made, "staging").json["state"] == "promoted"
    return priya_calls


def report(*signals: dict[str, Any], **facts: Any) -> dict[str, Any]:
    now = clock.now()
    window = {"from": leaf.timestamp(now - timedelta(hours=1)), "to": leaf.timestamp(now)}
    return {"source": "nightly", **window, "signals": list(signals), **facts}


def auc(value: float, **facts: Any) -> dict[str, Any]:
    return {"name": "auc", "value": value, **facts}


def test_signals_are_reported_and_read_with_the_health(monitored: Caller, installed: People) -> None:
    assert monitored.get(VERSION).json["health"] == "watch"
    monitor = caller_of(installed.priya, "models:read", "signals:write", models=["m"])
    body = report(
        auc(0.9, sample_size=812, dataset="loans"),
        {"name": "p95", "value": 120, "kind": "technical", "labels": {"region": "eu", "api": "v2"}},
        {"name": "p95", "value": 110, "kind": "technical"},
    )
    made = monitor.post(SIGNALS, body)
    assert made.status == 201, made
    assert (made.json["signals"], made.json["findings"], made.json["health"]) == (3, [], "healthy")
    assert made.json["to"] == body["to"]
    again = monitor.post(SIGNALS, body)
    assert (again.status, again.json["id"]) == (200, made.json["id"])

    read = monitored.get(SIGNALS).json
    assert read["health"]["health"] == "healthy"
    assert read["health"]["policies"] == ["monitored-staging v1"]
    assert {(s["name"], s["slice"], s["dataset"], s["value"], s["judgement"]) for s in read["items"]} == {
        ("auc", "", "loans", 0.9, "within"),
        ("p95", "api=v2, region=eu", "", 120, None),
        ("p95", "", "", 110, "within"),
    }
    assert [s["name"] for s in monitored.get(f"{SIGNALS}?name=auc").json["items"]] == ["auc"]
    for path, member in ((VERSION, None), ("/models/m", None), ("/models", 0), ("/models/m/versions", 0)):
        found = monitored.get(path).json
        assert (found if member is None else found["items"][member])["health"] == "healthy", path


def test_a_breach_is_answered_with_its_finding(monitored: Caller) -> None:
    made = monitored.post(SIGNALS, report(auc(0.7)))
    (number,) = made.json["findings"]
    assert made.json["health"] == "breached"
    (finding,) = monitored.get("/models/m/findings").json["items"]
    assert (finding["number"], finding["signal"], finding["limit"], finding["first_value"]) == (number, "auc", 0.8, 0.7)
    assert monitored.get("/models/m/findings?state=closed").json["items"] == []
    assert monitored.get(VERSION).json["health"] == "breached"
    assert monitored.get("/models/m").json["health"] == "breached"


def test_an_idempotency_key_replays_the_answer(monitored: Caller) -> None:
    body = report(auc(0.9))
    first = monitored.post(SIGNALS, body, Idempotency_Key="night-1")
    again = monitored.post(SIGNALS, body, Idempotency_Key="night-1")
    assert (first.status, again.status) == (201, 201)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert SignalReport.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({}, 400, "invalid_request", "/source"),
        (report(), 400, "invalid_request", "/signals"),
        (report({"name": "auc"}), 400, "invalid_request", "/signals/0/value"),
        (report(auc("0.9")), 400, "invalid_request", "/signals/0/value"),  # type: ignore[arg-type]  # wrong on purpose
        (report(auc(0.9, kind="sound")), 400, "invalid_request", "/signals/0/kind"),
        (report(auc(0.9, slice="a", labels={"b": "c"})), 400, "invalid_request", "/signals/0/labels"),
        (report(auc(0.9, labels={"b": "c\nd"})), 422, "invalid_input", "/signals/0/slice"),
        (report(auc(0.9, labels={"1b": "c"})), 422, "invalid_input", "/signals/0/labels"),
        (report(auc(0.9), to="2099-01-01T00:00:00Z"), 422, "invalid_input", "/to"),
        (report(auc(0.9), **{"from": "yesterday"}), 400, "invalid_request", "/from"),
        (report(auc(0.9), **{"from": "2019-01-01T00:00:00Z", "to": "2019-01-02T00:00:00Z"}), 422, "invalid_input",
         "/to"),
    ],
)  # fmt: skip
def test_a_wrong_report_is_refused_with_its_place(
    monitored: Caller, body: Any, status: int, code: str, pointer: str
) -> None:
    refused = monitored.post(SIGNALS, body).problem(status, code)
    assert pointer in {error["pointer"] for error in refused["errors"]}, refused
    assert not SignalReport.objects.exists()


def test_a_body_has_a_bound(monitored: Caller) -> None:
    body = report(auc(0.9), source="x" * 1_100_000)
    assert "1,048,576" in monitored.post(SIGNALS, body).problem(413, "too_large")["detail"]


def test_a_token_without_the_scope_is_refused(monitored: Caller, installed: People) -> None:
    monitor = caller_of(installed.priya, "models:read", "versions:write")
    monitor.post(SIGNALS, report(auc(0.9))).problem(403, "missing_scope")


def test_reports_of_other_monitors_are_read(monitored: Caller) -> None:
    text = b'# TYPE p95 gauge\np95 120\np95_bucket{le="1"} NaN\n'
    made = monitored("POST", SIGNALS, body=text, content_type="text/plain; version=0.0.4")
    assert (made.status, made.json["format"], made.json["source"]) == (201, "prometheus", "prometheus"), made
    assert made.json["unread"] == [{"where": "line 3", "reason": "“nan” is not a finite number"}]

    run = b'{"run": {"data": {"metrics": [{"key": "auc", "value": NaN}, {"key": "auc", "value": 1, "timestamp": 1}]}}}'
    monitored("POST", f"{SIGNALS}?format=mlflow", body=run).problem(422, "invalid_input")  # of 1970
    window = f"?format=evidently&source=drift-job&to={leaf.timestamp(clock.now())}"
    report = b'{"metrics": [{"config": {"type": "evidently:metric_v2:RocAuc"}, "value": 0.9, "metric_name": "x"}]}'
    made = monitored("POST", f"{SIGNALS}{window}", body=report, content_type="application/json")
    assert (made.status, made.json["source"], made.json["signals"]) == (201, "drift-job", 1), made


@pytest.mark.parametrize(
    ("query", "body", "status", "code"),
    [
        ("?format=evidently", b"{}", 422, "invalid_input"),
        ("?format=evidently", b"{", 422, "invalid_input"),
        ("?format=sagemaker", b"\xff", 422, "invalid_input"),
        ("?format=word", b"{}", 400, "invalid_request"),
        ("?source=x", b"{}", 400, "invalid_request"),
        ("?format=mlflow&to=yesterday", b"{}", 400, "invalid_request"),
    ],
)
def test_what_is_no_report_is_refused(monitored: Caller, query: str, body: bytes, status: int, code: str) -> None:
    monitored("POST", f"{SIGNALS}{query}", body=body, content_type="application/json").problem(status, code)
