"""Versions over HTTP: declare, upload, complete, resolve."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry.access import Role
from registry.models import ModelVersion, RegisteredModel
from tests import factories
from tests.governance.interfaces.rest.conftest import CARD, Caller, CallerOf, file, viewer
from tests.personas import People

WEIGHTS = b'{"weights": [1, 2, 3]}'


@pytest.fixture
def model(priya_calls: Caller) -> str:
    assert priya_calls.register_model(risk_tier=1).status == 201
    return "credit-risk-pd"


def test_declare_upload_complete_read(priya_calls: Caller, model: str) -> None:
    declared = priya_calls.post(
        f"/models/{model}/versions",
        {
            "artifacts": [file("model.json", WEIGHTS), file("deep/a b#ü.txt", b"")],
            "code_repository": "https://git.example/pd",
            "code_commit": "0" * 40,
            "code_clean": True,
            "parameters": {"depth": 3, "rate": 0.1},
            "signature": {"inputs": []},
            "datasets": [{"role": "training", "name": "loans", "digest_algorithm": "sha256", "digest": "a" * 64}],
            "metrics": [{"name": "accuracy", "value": 0.91}, {"name": "auc", "value": 1}],
            "card": CARD,
            "tags": {"run": "nightly"},
            "trained_by": "priya",
        },
    )
    assert declared.status == 201, declared
    assert declared.headers["Location"] == "/api/v1/models/credit-risk-pd/versions/1"
    assert declared.json["status"] == "registering"
    assert declared.json["fingerprint"] is None
    urls = {a["path"]: a["url"] for a in declared.json["artifacts"]}
    assert urls["deep/a b#ü.txt"].endswith("/artifacts/deep/a%20b%23%C3%BC.txt")

    incomplete = priya_calls.post(f"/models/{model}/versions/1/complete").problem(409, "files_missing")
    assert {r["title"] for r in incomplete["requirements"]} == {"model.json", "deep/a b#ü.txt"}

    assert priya_calls.upload(urls["model.json"], WEIGHTS).json["stored"] is True
    assert priya_calls.upload(urls["deep/a b#ü.txt"], b"").status == 200
    completed = priya_calls.post(f"/models/{model}/versions/1/complete")
    assert completed.status == 200, completed
    assert completed.json["status"] == "registered"
    assert len(completed.json["fingerprint"]) == 64
    assert completed.json["stage"] == "development"
    assert priya_calls.post(f"/models/{model}/versions/1/complete").json == completed.json

    read = priya_calls.get(f"/models/{model}/versions/1")
    assert read.json == completed.json
    assert read.headers["ETag"] == completed.headers["ETag"]
    assert read.json["datasets"][0]["strength"] == "strong"
    assert {m["name"]: m["value"] for m in read.json["metrics"]} == {"accuracy": 0.91, "auc": 1.0}
    assert read.json["card"]["sha256"] == hashlib.sha256(CARD.encode()).hexdigest()
    assert read.json["trained_by"]["username"] == "priya"
    assert priya_calls.get(f"/models/{model}/versions/1", If_None_Match=read.headers["ETag"]).status == 304


def test_a_pipeline_may_repeat_itself(priya_calls: Caller, call: CallerOf, installed: People, model: str) -> None:
    declaration = {"artifacts": [file("model.json", WEIGHTS)], "run_id": "42"}

    first = priya_calls.post(f"/models/{model}/versions", declaration)
    again = priya_calls.post(f"/models/{model}/versions", declaration)
    other = priya_calls.post(f"/models/{model}/versions", {**declaration, "run_id": "43"})
    elsewhere = call(installed.priya).post(f"/models/{model}/versions", declaration)

    assert [first.status, again.status, other.status, elsewhere.status] == [201, 200, 201, 201]
    assert [v.json["number"] for v in (first, again, other, elsewhere)] == [1, 1, 2, 3]


def test_without_files_a_version_is_registered_at_once(priya_calls: Caller, model: str) -> None:
    made = priya_calls.post(f"/models/{model}/versions", {"source": "s3://models/pd/1"})

    assert (made.status, made.json["status"]) == (201, "registered")


def test_parents_are_versions_the_caller_may_see(priya_calls: Caller, call: CallerOf, installed: People, model: str
                                                 ) -> None:  # fmt: skip
    priya_calls.post(f"/models/{model}/versions", {"run_id": "1"})
    child = priya_calls.post(f"/models/{model}/versions", {"run_id": "2", "parents": [{"model": model, "version": 1}]})
    assert child.json["parents"] == ["credit-risk-pd/1"]

    chen = call(installed.eve)
    chen.register_model("other")
    hidden = chen.post("/models/other/versions", {"parents": [{"model": model, "version": 1}]})
    absent = chen.post("/models/other/versions", {"parents": [{"model": "none", "version": 1}]})
    for answer in (hidden, absent):
        problem = answer.problem(422, "invalid_input")
        assert [(e["pointer"], e["code"]) for e in problem["errors"]] == [("/parents/0", "unknown_version")]


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"artifacts": [{"path": "a", "sha256": "A" * 64, "size": 1}]}, 400, "/artifacts/0/sha256"),
        ({"artifacts": [{"path": "a", "sha256": "a" * 64, "size": "1"}]}, 400, "/artifacts/0/size"),
        ({"artifacts": [{"path": "a", "sha256": "a" * 64, "size": -1}]}, 400, "/artifacts/0/size"),
        ({"artifacts": [{"path": "a", "sha256": "a" * 64}]}, 400, "/artifacts/0/size"),
        ({"artifacts": [{"path": "../a", "sha256": "a" * 64, "size": 1}]}, 422, "/artifacts/0/path"),
        ({"artifacts": [{"path": "/etc/passwd", "sha256": "a" * 64, "size": 1}]}, 422, "/artifacts/0/path"),
        ({"artifacts": [file("A", b""), file("a", b"")]}, 422, "/artifacts/1/path"),
        ({"artifacts": [{"path": "a", "sha256": "a" * 64, "size": 2**53 - 1}]}, 422, "/artifacts/0/size"),
        ({"metrics": [{"name": "auc", "value": "0.9"}]}, 400, "/metrics/0/value"),
        ({"metrics": [{"name": "auc", "value": True}]}, 400, "/metrics/0/value"),
        ({"metrics": [{"name": "auc", "value": None}]}, 400, "/metrics/0/value"),
        ({"metrics": [{"name": "auc", "value": 1}, {"name": "auc", "value": 2}]}, 422, "/metrics/1"),
        ({"datasets": [{"role": "test", "name": "x"}]}, 400, "/datasets/0/role"),
        ({"parameters": []}, 400, "/parameters"),
        ({"parameters": {"a": [[[[[[[[[1]]]]]]]]]}}, 422, None),
        ({"code_clean": "yes"}, 400, "/code_clean"),
        ({"trained_by": "nobody"}, 422, "/trained_by"),
        ({"parents": [{"model": "m", "version": 0}]}, 400, "/parents/0/version"),
        ({"number": 7}, 400, "/number"),
    ],
)
def test_a_declaration_is_judged(priya_calls: Caller, model: str, body: Any, status: int, pointer: str | None) -> None:
    code = "invalid_request" if status == 400 else "invalid_input"
    problem = priya_calls.post(f"/models/{model}/versions", body).problem(status, code)

    assert pointer is None or pointer in [e["pointer"] for e in problem["errors"]], problem
    assert not ModelVersion.objects.exists()


def test_lists_are_newest_first_and_filtered(priya_calls: Caller, model: str) -> None:
    for number in range(3):
        priya_calls.post(f"/models/{model}/versions", {"run_id": str(number)})
    priya_calls.post(f"/models/{model}/versions", {"artifacts": [file("m", b"x")]})

    def numbers(query: str) -> list[int]:
        return [v["number"] for v in priya_calls.get(f"/models/{model}/versions?{query}").json["items"]]

    assert numbers("limit=100") == [4, 3, 2, 1]
    assert numbers("status=registered") == [3, 2, 1]
    assert numbers("stage=production") == []
    page = priya_calls.get(f"/models/{model}/versions?limit=3")
    assert priya_calls.get(page.headers["Link"].split(">")[0][1:]).json["items"][0]["number"] == 1


def test_forbidden_and_invisible(priya_calls: Caller, eve_calls: Caller, installed: People, model: str) -> None:
    priya_calls.register_version(model, {"m": b"x"})
    for method, path in [("GET", "versions"), ("POST", "versions"), ("GET", "versions/1"),
                         ("POST", "versions/1/complete")]:  # fmt: skip
        json: Any = {} if (method, path) == ("POST", "versions") else ...
        eve_calls(method, f"/models/{model}/{path}", json=json).problem(404, "not_found")

    looks = viewer(installed.chen, model)
    assert looks.get(f"/models/{model}/versions/1").status == 200
    refused = looks.post(f"/models/{model}/versions", {}).problem(403, "not_permitted")
    assert refused["who_can"] == ["Priya Nair"]
    looks.post(f"/models/{model}/versions/1/complete").problem(403, "not_permitted")
    priya_calls.get(f"/models/{model}/versions/2").problem(404, "not_found")


def test_a_registrar_may_add_versions_and_nothing_else(
    priya_calls: Caller, call: CallerOf, installed: People, model: str
) -> None:
    factories.grant(Role.REGISTRAR, to=installed.ci_retail, on=RegisteredModel.objects.get(slug=model))
    pipeline = call(installed.ci_retail)

    made = pipeline.register_version(model, {"m": b"x"})
    assert made["registered_by"]["username"] == "ci-retail"
    pipeline.patch(f"/models/{model}", {"title": "x"}, If_Match="*").problem(403, "not_permitted")
    pipeline.ask(made, "staging").problem(403, "not_permitted")


@pytest.mark.parametrize(
    "reference",
    ["credit-risk-pd/1", "credit-risk-pd@latest", "credit-risk-pd/development", "credit-risk-pd:development"],
)
def test_references_are_resolved(priya_calls: Caller, model: str, reference: str) -> None:
    made = priya_calls.register_version(model, {"m": b"x"})

    found = priya_calls.get(f"/resolve?ref={reference}")

    assert found.status == 200, found
    assert found.json["reference"] == reference
    assert (found.json["model"], found.json["version"]) == (model, 1)
    assert found.json["fingerprint"] == made["fingerprint"]
    assert found.json["artifacts"][0]["sha256"] == hashlib.sha256(b"x").hexdigest()
    assert priya_calls.get(f"/resolve?ref={reference}", If_None_Match=found.headers["ETag"]).status == 304


@pytest.mark.parametrize(
    "reference",
    ["credit-risk-pd", "credit-risk-pd@champion", "credit-risk-pd/2", "credit-risk-pd/99999999999999999999",
     "credit-risk-pd/production", "credit-risk-pd/", "@latest", "absent@latest", "credit-risk-pd/²", "a/b/c", "::"],
)  # fmt: skip
def test_references_to_nothing_are_not_found(priya_calls: Caller, model: str, reference: str) -> None:
    priya_calls.register_version(model, {"m": b"x"})

    priya_calls.get(f"/resolve?ref={reference}").problem(404, "not_found")


def test_what_is_registering_is_not_resolved(priya_calls: Caller, eve_calls: Caller, model: str) -> None:
    priya_calls.post(f"/models/{model}/versions", {"artifacts": [file("m", b"x")]})

    priya_calls.get(f"/resolve?ref={model}@latest").problem(404, "not_found")
    priya_calls.get("/resolve").problem(400, "invalid_request")
    eve_calls.get(f"/resolve?ref={model}/1").problem(404, "not_found")


def test_hot_reads_ask_the_database_little(priya_calls: Caller, model: str) -> None:
    priya_calls.register_version(
        model, {f"part-{n}": b"%d" % n for n in range(10)}, card=CARD, metrics=[{"name": "auc", "value": 0.9}]
    )
    for number in range(10):
        priya_calls.post(f"/models/{model}/versions", {"run_id": str(number)})

    def queries(path: str) -> int:
        priya_calls.get(path)
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert priya_calls.get(path).status == 200
        return len(seen)

    assert queries(f"/resolve?ref={model}/1") <= 6
    assert queries(f"/models/{model}/versions/1") <= 12
    assert queries(f"/models/{model}/versions") <= 6
    assert queries("/models") <= 5  # one of them reads the policies that monitor


def test_a_dataset_is_given_in_the_form_people_have(priya_calls: Caller, model: str) -> None:
    pasted = "outs:\n- md5: a304afb96060aad90176268345e10355\n  hash: md5\n  size: 12\n  path: train.csv\n"
    made = priya_calls.post(
        f"/models/{model}/versions",
        {
            "datasets": [
                {"role": "training", "form": "dvc", "text": pasted},
                {"role": "evaluation", "form": "lakefs", "text": "lakefs://loans/main/holdout.csv", "name": "holdout"},
                {"role": "validation", "name": "loans", "reference": "2026-07"},
            ]
        },
    )
    assert made.status == 201, made
    weak, label, dvc = sorted(made.json["datasets"], key=lambda d: str(d["name"]))
    assert (dvc["form"], dvc["strength"], dvc["digest_algorithm"]) == ("dvc", "medium", "md5")
    assert dvc["reference"] == "12 bytes"
    assert (weak["form"], weak["strength"], weak["reference"]) == ("lakefs", "weak", "main")
    assert "commit" in weak["stronger"]
    assert (label["form"], label["strength"]) == ("", "weak")
    assert len({d["identity"] for d in made.json["datasets"]}) == 3


@pytest.mark.parametrize(
    ("dataset", "status", "pointer", "code"),
    [
        ({"form": "dvc", "text": "outs: []"}, 422, "/datasets/0/text", "not_dvc"),
        ({"form": "s3", "text": "s3://b"}, 422, "/datasets/0/text", "s3"),
        ({"form": "etag", "text": "x"}, 400, "/datasets/0/form", "literal_error"),
        ({"form": "dvc"}, 400, "/datasets/0", "form_and_text"),
        ({"form": "dvc", "text": "x", "digest": "a"}, 400, "/datasets/0", "form_and_facts"),
        ({"name": "x", "strength": "strong"}, 400, "/datasets/0/strength", "unknown_field"),
        ({"digest_algorithm": "sha256", "digest": "a" * 64}, 422, "/datasets/0/name", "required"),
        (
            {"name": "x", "uri": f"lakefs://loans/{'a' * 64}/x", "digest_algorithm": "lakefs", "digest": "b" * 64},
            422,
            "/datasets/0/uri",
            "another_state",
        ),
    ],
)
def test_a_reference_in_no_form_is_refused_by_field(
    priya_calls: Caller, model: str, dataset: dict[str, str], status: int, pointer: str, code: str
) -> None:
    refused = priya_calls.post(f"/models/{model}/versions", {"datasets": [{"role": "training", **dataset}]})
    assert refused.status == status, refused
    assert (pointer, code) in [(e["pointer"], e["code"]) for e in refused.json["errors"]]


def test_what_is_free_changes_and_what_is_fixed_does_not(priya_calls: Caller, model: str) -> None:
    made = priya_calls.post(f"/models/{model}/versions", {"parameters": {"depth": 3}, "tags": {"a": "1"}})
    path = f"/models/{model}/versions/1"
    priya_calls.patch(path, {"notes": "x"}).problem(428, "precondition_required")
    tag = priya_calls.get(path).headers["ETag"]
    changed = priya_calls.patch(path, {"notes": "**Read** this", "tags": {"b": "2"}}, If_Match=tag)
    assert changed.status == 200, changed
    assert (changed.json["notes"], changed.json["tags"]) == ("**Read** this", {"b": "2"})
    assert changed.json["fingerprint"] == made.json["fingerprint"]
    assert priya_calls.get(path).json == changed.json
    priya_calls.patch(path, {"notes": "y"}, If_Match=tag).problem(412, "stale_revision")
    fixed = priya_calls.patch(path, {"parameters": {}}, If_Match="*").problem(422, "invalid_input")
    assert [(e["pointer"], e["code"]) for e in fixed["errors"]] == [("/parameters", "fixed_at_registration")]
    for nonsense in ([], [["notes", "x"]], "notes", 1, True, None):
        refused = priya_calls.patch(path, nonsense, If_Match="*")
        assert refused.status == 400, (nonsense, refused)


def test_the_same_files_with_other_inputs_name_the_older_version(priya_calls: Caller, model: str) -> None:
    given = {"artifacts": [file("model.json", WEIGHTS)]}
    first = priya_calls.post(f"/models/{model}/versions", given)
    assert first.json["same_artifacts"] == []
    priya_calls.upload(first.json["artifacts"][0]["url"], WEIGHTS)
    assert priya_calls.post(f"/models/{model}/versions/1/complete").status == 200
    again = priya_calls.post(f"/models/{model}/versions", given)
    assert (again.status, again.json["number"]) == (200, 1)
    other = priya_calls.post(f"/models/{model}/versions", {**given, "parameters": {"depth": 4}})
    assert (other.status, other.json["number"], other.json["same_artifacts"]) == (201, 2, [f"{model}/1"])


CARD_TEXT = "---\nlicense: apache-2.0\n{}\n---\n# Model\n\nWords.\n"


@pytest.mark.parametrize(
    "line", ["x: !!bool maybe", 'x: !!int ""', "x: !!timestamp 1", "x: [", '"a": "\\ud800"', "? [a]\n: b"]
)
def test_a_text_that_cannot_be_read_is_kept_and_reported_and_can_be_repaired(
    priya_calls: Caller, model: str, line: str
) -> None:
    lock = "dependencies:\n- python=3.11\nx: !!bool maybe\n"
    made = priya_calls.post(
        f"/models/{model}/versions", {"card": CARD_TEXT.format(line), "environment_lock": lock, "source": "s3://a/b"}
    )
    assert made.status == 201, made
    assert [text["field"] for text in made.json["unreadable"]] == ["/card", "/environment_lock"]
    assert "line 3" in made.json["unreadable"][0]["detail"]
    number = made.json["number"]
    where = f"/models/{model}/versions/{number}"
    other = priya_calls.post(f"/models/{model}/versions", {"card": CARD_TEXT.format("y: 1")}).json["number"]
    for path in (f"{where}/document", f"/models/{model}/compare/{number}..{other}"):
        assert priya_calls.get(path).status == 200, path
    card = priya_calls.get(f"{where}/card")
    assert (card.status, card.json["metadata"]) == (200, {})
    assert card.json["unreadable"]

    repaired = priya_calls.put(f"{where}/card", {"text": CARD_TEXT.format("language: no")})
    assert repaired.status in (200, 201), repaired
    assert [text["field"] for text in priya_calls.get(where).json["unreadable"]] == ["/environment_lock"]
    assert priya_calls.get(f"{where}/card").json["metadata"]["language"] == "no"
