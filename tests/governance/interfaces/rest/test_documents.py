"""The technical document and the model card, over HTTP."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from audit import canonical
from governance.documents import pdf_files
from governance.models import PdfFile
from registry.models import RegisteredModel
from registry.validation import ErrorCollector
from tests import factories
from tests.governance.interfaces.rest.conftest import CARD, Caller
from tests.personas import People


@pytest.fixture
def version(priya_calls: Caller, people: People) -> str:
    assert priya_calls.register_model(risk_tier=1).status == 201
    made = RegisteredModel.objects.get(slug="credit-risk-pd")
    factories.version(made, people.priya, {"m.json": b"1"}, card=CARD)
    return "/models/credit-risk-pd/versions/1"


def test_the_document_says_what_is_missing_and_where_to_give_it(priya_calls: Caller, version: str) -> None:
    found = priya_calls.get(f"{version}/document")
    assert found.status == 200, found
    body = found.json
    assert body["frozen"] is None
    assert body["others"] == []
    assert canonical.digest(body["document"]) == body["digest"]
    points = {p["clause"]: p for p in body["document"]["points"]}
    assert list(points)[:3] == ["1(a)", "1(b)", "1(c)"]
    assert points["8"]["state"] == "missing"
    assert points["8"]["missing"][0]["where"] == "evidence of the kind conformity.declaration"
    assert "Limitations" in [b["title"] for b in points["3"]["blocks"]]
    priya_calls.get(f"{version}/document?frozen=7").problem(404, "not_found")
    paper = priya_calls.get(f"{version}/document.pdf")
    assert paper.raw.startswith(b"%PDF-")


def test_the_card_taken_apart_and_its_earlier_revisions(priya_calls: Caller, version: str) -> None:
    body = priya_calls.get(f"{version}/card").json
    assert body["metadata"] == {"license": "apache-2.0", "datasets": ["loans-2026"], "metrics": ["accuracy"]}
    assert [s["title"] for s in body["sections"]][:2] == ["Intended use", "Limitations"]
    assert (body["asked"], body["lacks"], body["revisions"]) == (8, [], 1)
    priya_calls.put(f"{version}/card", {"text": "# Another"})
    body = priya_calls.get(f"{version}/card").json
    assert (body["revision"], body["revisions"]) == (2, 2)
    assert priya_calls.get(f"{version}/card?revision=1").json["text"] == CARD
    priya_calls.get(f"{version}/card?revision=3").problem(404, "not_found")


def test_a_long_document_is_prepared_by_a_worker(priya_calls: Caller, version: str, people: People) -> None:
    section = "## Limitations\n\n| a | b |\n|-|-|\n" + "| one | two |\n" * 900
    assert priya_calls.put(f"{version}/card", {"text": f"# Card\n\n{section}"}).status in (200, 201)
    answer = priya_calls.get(f"{version}/document.pdf")
    assert (answer.status, answer.json, answer.headers["Retry-After"]) == (202, {"state": "preparing"}, "2")
    assert priya_calls.get(f"{version}/document.pdf").status == 202
    (row,) = PdfFile.objects.all()
    assert pdf_files.draw(row.pk)
    answer = priya_calls.get(f"{version}/document.pdf")
    assert (answer.status, answer.raw[:5]) == (200, b"%PDF-")


NESTED = "[" * 3000 + "]" * 3000
HALF = '[{"name": "\\ud800", "type": "double"}]'
DEEP = json.dumps([{"type": "array", "items": [[[[[[[[]]]]]]]]}])


@pytest.mark.parametrize("side", ["inputs", "outputs", "params"])
@pytest.mark.parametrize(("written", "code"), [(NESTED, "too_deep"), (DEEP, "too_deep"), (HALF, "characters")])
def test_a_signature_that_cannot_be_shown_is_refused(
    priya_calls: Caller, version: str, side: str, written: str, code: str
) -> None:
    given = {"source": "s3://b/y", "signature": {side: written}}
    body = priya_calls.post("/models/credit-risk-pd/versions", given).problem(422, "invalid_input")
    assert [(e["pointer"], e["code"]) for e in body["errors"]] == [(f"/signature/{side}", code)]


@pytest.mark.parametrize("written", [NESTED, HALF])
def test_a_signature_stored_before_it_was_refused_is_shown_as_unreadable(
    priya_calls: Caller, version: str, people: People, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(ErrorCollector, "json_text", lambda *_: None)
        made = factories.version(
            RegisteredModel.objects.get(slug="credit-risk-pd"),
            people.priya,
            source="s3://b/y",
            signature={"inputs": written, "outputs": written},
        )
    path = f"/models/credit-risk-pd/versions/{made.number}"
    points = priya_calls.get(f"{path}/document").json["document"]["points"]
    shown = [
        item["value"] for p in points for b in p["blocks"] for item in b.get("items", ()) if item["name"] == "signature"
    ]
    assert shown
    assert all(value.startswith("unreadable: ") for value in shown)
    assert priya_calls.get(f"{path}/document.pdf").raw.startswith(b"%PDF-")
    browser = Client()
    browser.force_login(people.priya)
    for page in ("", "document/", "document.json", "document.pdf", "card/"):
        assert browser.get(f"{path}/{page}").status_code == 200, page
    compared = browser.get(f"/models/credit-risk-pd/compare/v1..v{made.number}/")
    assert compared.status_code == 200
