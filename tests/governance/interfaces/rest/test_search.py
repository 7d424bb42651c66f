"""Queries over HTTP: models and versions found, query errors with their position."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.governance.interfaces.rest.conftest import Answer, Caller

METRICS = [{"name": "auc", "value": 0.9}]


@pytest.fixture
def shelf(priya_calls: Caller) -> Caller:
    """Three models of Priya's with two versions each."""
    for n, slug in enumerate(("churn", "credit-risk-pd", "fraud")):
        priya_calls.register_model(slug, risk_tier=n + 1, team="Retail Credit" if n == 1 else "Other")
        for value in (0.8, 0.9 + n / 100):
            given = {"metrics": [{"name": "auc", "value": value}], "source": f"s3://models/{slug}/{value}"}
            assert priya_calls.post(f"/models/{slug}/versions", given).status == 201
    return priya_calls


def found(answer: Answer) -> list[str]:
    assert answer.status == 200, answer
    return [str(item.get("slug") or f"{item['model']}/{item['number']}") for item in answer.json["items"]]


def ask(caller: Caller, path: str, q: str, more: str = "") -> Answer:
    return caller.get(f"{path}?q={quote(q)}{more}")


def test_models_and_versions_are_found_by_the_same_words(shelf: Caller) -> None:
    assert found(ask(shelf, "/models", 'team:"Retail Credit" metric.auc>0.9')) == ["credit-risk-pd"]
    assert found(ask(shelf, "/models", "tier:>=2", "&sort=-updated")) == ["fraud", "credit-risk-pd"]
    assert found(ask(shelf, "/versions", "metric.auc>0.9")) == ["fraud/2", "credit-risk-pd/2"]
    assert found(ask(shelf, "/versions", "metric.auc<0.85 tier:1")) == ["churn/1"]
    assert found(ask(shelf, "/models/churn/versions", "metric.auc>0.85")) == ["churn/2"]
    assert found(ask(shelf, "/models", "tier:1", "&team=Other&status=any")) == ["churn"]
    assert found(shelf.get("/models?status=archived")) == []


@pytest.mark.parametrize(
    ("path", "q", "everything"),
    [
        ("/models", "status:any", ["churn", "credit-risk-pd", "fraud"]),
        ("/versions", "", ["churn/1", "churn/2", "credit-risk-pd/1", "credit-risk-pd/2", "fraud/1", "fraud/2"]),
    ],
)
@pytest.mark.parametrize("sort", ["", "&sort=-updated"])
def test_every_row_is_on_exactly_one_page(shelf: Caller, path: str, q: str, everything: list[str], sort: str) -> None:
    if path == "/versions" and sort:
        return
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = shelf.get(
            f"{path}?limit=2{f'&q={quote(q)}' if q else ''}{sort}{f'&cursor={cursor}' if cursor else ''}"
        )
        seen += found(answer)
        cursor = answer.json["next"]
    assert sorted(seen) == everything


@pytest.mark.parametrize("path", ["/models", "/versions", "/models/churn/versions"])
def test_a_wrong_word_is_a_problem_that_shows_where(shelf: Caller, path: str) -> None:
    body = ask(shelf, path, "auc teir:1 stage:produktion").problem(400, "invalid_query")
    (fault,) = body["errors"]
    assert (fault["pointer"], fault["code"], fault["offset"], fault["length"]) == ("?q", "unknown_word", 4, 4)
    assert fault["meant"] == "tier"
    assert "metric" in fault["allowed"]
    body = ask(shelf, path, "stage:produktion").problem(400, "invalid_query")
    assert body["errors"][0]["allowed"] == ["development", "staging", "production", "archived"]


@pytest.mark.parametrize(
    "cursor", ["nonsense", "WzFd", "WyJub3cgIiwiYSJd", "WyIyMDI2LTAxLTAxIiwiYSJd", "MQ", "a" * 400]
)
def test_a_cursor_of_another_list_is_refused(shelf: Caller, cursor: str) -> None:
    shelf.get(f"/models?sort=-updated&cursor={cursor}").problem(400, "invalid_request")


def test_no_person_finds_what_they_may_not_see(shelf: Caller, eve_calls: Caller) -> None:
    for path in ("/models", "/versions"):
        for q in ("tier:1", "churn", "metric.auc>0", "status:any", "owner:priya"):
            assert found(ask(eve_calls, path, q)) == []
    eve_calls.get("/models/churn/versions?q=tier:1").problem(404, "not_found")


@pytest.mark.parametrize("path", ["/models", "/versions", "/models/churn/versions"])
@pytest.mark.parametrize(
    "q", ["-" * 40 + "zzz", "-(" * 40 + "zzz", "zzz" + "!-" * 40 + "a", "zzz " + "-- " * 100 + "a", "z" * 500]
)
def test_operators_of_the_database_in_a_query_are_not_read(shelf: Caller, path: str, q: str) -> None:
    assert shelf.get(f"{path}?q={quote(q)}").status in (200, 400)


def test_a_word_with_hyphens_is_found_and_one_hyphen_negates(shelf: Caller) -> None:
    assert found(ask(shelf, "/models", "credit-risk-pd")) == ["credit-risk-pd"]
    assert found(ask(shelf, "/models", "-credit-risk-pd")) == ["churn", "fraud"]
    assert found(ask(shelf, "/models", "-" * 40 + "churn")) == ["credit-risk-pd", "fraud"]
