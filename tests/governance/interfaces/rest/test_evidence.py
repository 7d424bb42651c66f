"""Metrics, cards and evidence over HTTP."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from registry.models import Evidence, Metric, ModelCard
from tests.governance.interfaces.rest.conftest import CARD, Caller, viewer
from tests.personas import People

TABLE = b"id,label,score\n1,1,0.9\n"
VERSION = "/models/m/versions/1"


@pytest.fixture
def registered(priya_calls: Caller) -> Caller:
    priya_calls.register_model("m", risk_tier=1)
    priya_calls.register_version("m", {"model.json": b"{}"})
    return priya_calls


def test_metrics_are_added_and_the_newest_counts(registered: Caller) -> None:
    before = registered.get(VERSION).json

    added = registered.post(f"{VERSION}/metrics", {"metrics": [{"name": "auc", "value": 0.9, "slice": "age<30"}]})
    assert added.status == 201, added
    assert added.json["metrics"] == [
        {"name": "auc", "value": 0.9, "dataset": "", "slice": "age<30", "revision": before["evidence_revision"] + 1}
    ]
    registered.post(f"{VERSION}/metrics", {"metrics": [{"name": "auc", "value": 0.95, "slice": "age<30"}]})

    after = registered.get(VERSION).json
    assert [m["value"] for m in after["metrics"]] == [0.95]
    assert after["fingerprint"] != before["fingerprint"]
    assert after["revision"] > before["revision"]
    assert Metric.objects.count() == 2


@pytest.mark.parametrize(
    "body",
    [{}, {"metrics": []}, {"metrics": [{"name": "", "value": 1}]}, {"metrics": [{"name": "a"}]},
     {"metrics": [{"name": "a", "value": "1"}]}, {"metrics": [{"name": "a", "value": 1, "x": 2}]}, {"metrics": {}}],
)  # fmt: skip
def test_metrics_have_one_form(registered: Caller, body: Any) -> None:
    registered.post(f"{VERSION}/metrics", body).problem(400, "invalid_request")


def test_a_metric_is_finite(registered: Caller) -> None:
    for value in (b"NaN", b"Infinity", b"1e999"):
        raw = b'{"metrics": [{"name": "auc", "value": ' + value + b"}]}"
        registered("POST", f"{VERSION}/metrics", body=raw, content_type="application/json").problem(
            400, "malformed_json"
        )
    assert not Metric.objects.exists()


def test_the_card_is_written_in_revisions(registered: Caller) -> None:
    registered.get(f"{VERSION}/card").problem(404, "not_found")

    first = registered.put(f"{VERSION}/card", {"text": CARD})
    assert first.status == 200, first
    assert (first.json["revision"], first.json["text"]) == (1, CARD)
    assert first.json["sha256"] == hashlib.sha256(CARD.encode()).hexdigest()
    assert registered.put(f"{VERSION}/card", {"text": CARD}).json["revision"] == 1
    assert registered.put(f"{VERSION}/card", {"text": CARD + "\nMore."}).json["revision"] == 2

    read = registered.get(f"{VERSION}/card")
    assert read.json["text"].endswith("More.")
    assert registered.get(f"{VERSION}/card", If_None_Match=read.headers["ETag"]).status == 304
    registered.put(f"{VERSION}/card", {"text": ""}).problem(400, "invalid_request")
    registered.put(f"{VERSION}/card", {"text": "   "}).problem(422, "invalid_input")
    assert ModelCard.objects.count() == 2


def test_evidence_is_sent_as_it_is(registered: Caller) -> None:
    where = f"{VERSION}/evidence/evaluation.table"
    digest = hashlib.sha256(TABLE).hexdigest()
    registered.get(where).problem(404, "not_found")

    added = registered("POST", f"{where}?filename=table.csv&sha256={digest}", body=TABLE)
    assert added.status == 201, added
    assert (added.json["sha256"], added.json["size"], added.json["revision"]) == (digest, len(TABLE), 1)
    assert registered.get(VERSION).json["evidence"][0]["filename"] == "table.csv"

    back = registered.get(where)
    assert back.raw == TABLE
    assert back.headers["Content-Disposition"] == 'attachment; filename="table.csv"'


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("evidence/evaluation.table", 400, "invalid_request"),
        ("evidence/evaluation.table?filename=", 400, "invalid_request"),
        ("evidence/evaluation.table?filename=a&sha256=xyz", 400, "invalid_request"),
        ("evidence/evaluation.table?filename=a&sha256=" + "0" * 64, 422, "invalid_input"),
        ("evidence/evaluation.table?filename=../a", 422, "invalid_input"),
        ("evidence/evaluation..table?filename=a", 422, "invalid_input"),
        ("evidence/Evaluation?filename=a", 404, "not_found"),
        ("evidence/evaluation.table?filename=a&kind=b", 400, "invalid_request"),
    ],
)
def test_evidence_is_judged(registered: Caller, path: str, status: int, code: str) -> None:
    registered("POST", f"{VERSION}/{path}", body=TABLE).problem(status, code)

    assert not Evidence.objects.exists()


def test_what_no_check_can_read_is_refused_when_it_is_sent(registered: Caller) -> None:
    where = f"{VERSION}/evidence/evaluation.table?filename=table.csv"
    refused = registered("POST", where, body=b"id,label,score\n1,1,high\n").problem(422, "invalid_input")
    assert [(error["pointer"], error["code"]) for error in refused["errors"]] == [("", "unreadable_evidence")]
    assert refused["errors"][0]["detail"].startswith("table.csv, row 2")
    card = registered.put(f"{VERSION}/card", {"text": "---\nx: [\n---\n# Broken"}).problem(422, "invalid_input")
    assert card["errors"][0]["code"] == "card_unreadable"

    assert not Evidence.objects.exists()
    assert not ModelCard.objects.exists()


def test_forbidden_and_invisible(registered: Caller, eve_calls: Caller, installed: People) -> None:
    looks = viewer(installed.chen, "m")
    attempts: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "metrics", {"json": {"metrics": [{"name": "a", "value": 1}]}}),
        ("PUT", "card", {"json": {"text": "x"}}),
        ("POST", "evidence/a.b?filename=x", {"body": b"x"}),
    ]
    for method, path, facts in attempts:
        eve_calls(method, f"{VERSION}/{path}", **facts).problem(404, "not_found")
        looks(method, f"{VERSION}/{path}", **facts).problem(403, "not_permitted")
    eve_calls.get(f"{VERSION}/card").problem(404, "not_found")
    eve_calls.get(f"{VERSION}/evidence/a.b").problem(404, "not_found")
    assert not Metric.objects.exists()
