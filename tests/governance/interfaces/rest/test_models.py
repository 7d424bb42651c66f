"""Registered models over HTTP."""

from __future__ import annotations

import pytest

from registry.access import Role
from registry.models import RegisteredModel
from tests import factories
from tests.governance.interfaces.rest.conftest import Caller, CallerOf, viewer
from tests.personas import People


def test_register_read_change(priya_calls: Caller) -> None:
    made = priya_calls.register_model(
        title="Probability of default", risk_tier=1, declared=True, tags={"team": "retail"}
    )

    assert made.status == 201, made
    assert made.headers["Location"] == "/api/v1/models/credit-risk-pd"
    assert made.json["owner"]["username"] == "priya"
    assert made.json["risk_tier"] == 1
    assert made.json["created_at"].endswith("Z")

    read = priya_calls.get("/models/credit-risk-pd")
    assert read.json == made.json
    assert read.headers["ETag"] == made.headers["ETag"]

    changed = priya_calls.patch(
        "/models/credit-risk-pd",
        {"purpose": "Unsecured lending", "next_review": "2027-03-31"},
        If_Match=read.headers["ETag"],
    )
    assert changed.status == 200, changed
    assert changed.json["purpose"] == "Unsecured lending"
    assert changed.json["next_review"] == "2027-03-31"
    assert changed.json["title"] == "Probability of default"
    assert changed.json["revision"] == read.json["revision"] + 1
    assert changed.headers["ETag"] != read.headers["ETag"]


def test_a_change_needs_the_revision_it_is_about(priya_calls: Caller) -> None:
    tag = priya_calls.register_model().headers["ETag"]

    priya_calls.patch("/models/credit-risk-pd", {"title": "x"}).problem(428, "precondition_required")
    # Preconditions come after everything else (RFC 9110 section 13.2.1).
    priya_calls.patch("/models/credit-risk-pd", {"colour": "x"}).problem(400, "invalid_request")
    priya_calls.patch("/models/absent", {"title": "x"}).problem(404, "not_found")
    assert priya_calls.patch("/models/credit-risk-pd", {"title": "first"}, If_Match=tag).status == 200
    stale = priya_calls.patch("/models/credit-risk-pd", {"title": "second"}, If_Match=tag)
    stale.problem(412, "stale_revision")
    priya_calls.patch("/models/credit-risk-pd", {"title": "x"}, If_Match='"other-1"').problem(412, "stale_revision")
    assert priya_calls.patch("/models/credit-risk-pd", {"title": "third"}, If_Match="*").json["title"] == "third"


def test_what_the_caller_has_is_not_sent_again(priya_calls: Caller) -> None:
    tag = priya_calls.register_model().headers["ETag"]

    again = priya_calls.get("/models/credit-risk-pd", If_None_Match=f'W/"x", {tag}')
    assert (again.status, again.raw) == (304, b"")
    assert again.headers["ETag"] == tag
    assert priya_calls.get("/models/credit-risk-pd", If_None_Match='"other"').status == 200


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/slug", "required"),
        ({"slug": 7}, "/slug", "string_type"),
        ({"slug": "Bad Name"}, "/slug", "string_pattern_mismatch"),
        ({"slug": "m", "colour": "red"}, "/colour", "unknown_field"),
        ({"slug": "m", "risk_tier": "1"}, "/risk_tier", "int_type"),
        ({"slug": "m", "risk_tier": 4}, "/risk_tier", "less_than_equal"),
        ({"slug": "m", "risk_tier": 1.0}, "/risk_tier", "int_type"),
        ({"slug": "m", "risk_tier": True}, "/risk_tier", "int_type"),
        ({"slug": "m", "affects_people": "yes"}, "/affects_people", "bool_type"),
        ({"slug": "m", "affects_people": 1}, "/affects_people", "bool_type"),
        ({"slug": "m", "title": None}, "/title", "string_type"),
        ({"slug": "m", "tags": {"a/b": 1}}, "/tags/a~1b", "string_type"),
        ({"slug": "m", "regulations": ["x", 1]}, "/regulations/1", "string_type"),
        ({"slug": "m", "next_review": "31.3.2027"}, "/next_review", "date"),
        ({"slug": "m", "next_review": "2027-02-30"}, "/next_review", "date"),
        ({"slug": "m", "next_review": 20270331}, "/next_review", "date"),
        ([], "", "model_type"),
        ("text", "", "model_type"),
        (None, "", "model_type"),
    ],
)
def test_the_form_of_a_document_is_strict(priya_calls: Caller, body: object, pointer: str, code: str) -> None:
    problem = priya_calls.post("/models", body).problem(400, "invalid_request")

    assert (pointer, code) in [(e["pointer"], e["code"]) for e in problem["errors"]], problem
    assert not RegisteredModel.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"slug": "new"}, "/slug", "reserved"),
        ({"slug": "m", "owner": "nobody"}, "/owner", "unknown_person"),
        ({"slug": "m", "title": "two\nlines"}, "/title", "invisible_characters"),
    ],
)
def test_what_a_document_says_is_judged_by_the_registry(
    priya_calls: Caller, body: object, pointer: str, code: str
) -> None:
    problem = priya_calls.post("/models", body).problem(422, "invalid_input")

    assert (pointer, code) in [(e["pointer"], e["code"]) for e in problem["errors"]], problem


def test_a_name_is_given_once(priya_calls: Caller, eve_calls: Caller) -> None:
    assert priya_calls.register_model().status == 201
    problem = priya_calls.register_model().problem(422, "invalid_input")
    assert problem["errors"][0]["code"] == "taken"
    assert "existing" not in problem
    # Who may not see the model is not told that there is one.
    problem = eve_calls.register_model().problem(422, "invalid_input")
    assert problem["errors"][0]["code"] == "name_unavailable"


def test_lists_hold_what_the_caller_may_see(priya_calls: Caller, eve_calls: Caller, installed: People) -> None:
    for slug in ("alpha", "beta", "gamma"):
        priya_calls.register_model(slug)
    factories.grant(Role.VIEWER, to=installed.eve, on=RegisteredModel.objects.get(slug="beta"))

    assert [m["slug"] for m in priya_calls.get("/models").json["items"]] == ["alpha", "beta", "gamma"]
    assert [m["slug"] for m in eve_calls.get("/models").json["items"]] == ["beta"]
    assert eve_calls.get("/models/beta").status == 200


def test_invisible_and_absent_are_one_answer(priya_calls: Caller, eve_calls: Caller) -> None:
    priya_calls.register_model("hidden")

    hidden, absent = eve_calls.get("/models/hidden"), eve_calls.get("/models/absent")
    assert hidden.problem(404, "not_found")["detail"].replace("hidden", "X") == absent.problem(404, "not_found")[
        "detail"
    ].replace("absent", "X")
    eve_calls.patch("/models/hidden", {"title": "x"}, If_Match="*").problem(404, "not_found")


def test_a_viewer_may_look_and_is_shown_who_may_change(priya_calls: Caller, installed: People) -> None:
    tag = priya_calls.register_model().headers["ETag"]
    eve = viewer(installed.eve, "credit-risk-pd")

    problem = eve.patch("/models/credit-risk-pd", {"title": "x"}, If_Match=tag).problem(403, "not_permitted")
    assert problem["who_can"] == ["Priya Nair"]
    sensitive = eve.patch("/models/credit-risk-pd", {"risk_tier": 3}, If_Match=tag).problem(403, "accountability")
    assert "owners" in sensitive["detail"]


def test_scopes_limit_a_token(call: CallerOf, installed: People, priya_calls: Caller) -> None:
    priya_calls.register_model()
    reads, writes = call(installed.priya, "models:read"), call(installed.priya, "models:write")

    assert reads.get("/models/credit-risk-pd").status == 200
    reads.register_model("other").problem(403, "missing_scope")
    reads.patch("/models/credit-risk-pd", {"title": "x"}, If_Match="*").problem(403, "missing_scope")
    writes.get("/models/credit-risk-pd").problem(403, "missing_scope")
    writes.get("/models").problem(403, "missing_scope")


def test_a_token_limited_to_models_sees_no_other(call: CallerOf, installed: People, priya_calls: Caller) -> None:
    priya_calls.register_model("one")
    priya_calls.register_model("two")
    limited = call(installed.priya, models=["one"])

    assert [m["slug"] for m in limited.get("/models").json["items"]] == ["one"]
    limited.get("/models/two").problem(404, "not_found")
    limited.register_model("three").problem(403, "token_limited")


def test_pages_follow_each_other(priya_calls: Caller) -> None:
    for number in range(5):
        priya_calls.register_model(f"model-{number}")

    seen, path = [], "/models?limit=2"
    for _ in range(3):
        page = priya_calls.get(path)
        seen += [m["slug"] for m in page.json["items"]]
        # What is added before the place where the page ended shifts nothing.
        priya_calls.register_model(f"a-{len(seen)}")
        if page.json["next"] is None:
            assert "Link" not in page.headers
            break
        assert page.headers["Link"].endswith('; rel="next"')
        path = page.headers["Link"].partition(">")[0].removeprefix("<")

    assert seen == [f"model-{number}" for number in range(5)]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=+5", "limit"),
        ("limit=1_0", "limit"),
        ("limit=1.0", "limit"),
        ("limit=", "limit"),
        ("limit=2&limit=3", "limit"),
        ("colour=red", "colour"),
        ("q=%00", "q"),
        ("q=" + "x" * 501, "q"),
        ("status=gone", "status"),
        ("cursor=nonsense", "cursor"),
        ("cursor=NTU", "cursor"),
        ("cursor=Ilx1MDAwMCI", "cursor"),
        ("cursor=%ff", "cursor"),
    ],
)
def test_the_query_is_strict_too(priya_calls: Caller, query: str, name: str) -> None:
    problem = priya_calls.get(f"/models?{query}").problem(400, "invalid_request")

    assert problem["errors"][0]["pointer"] == f"?{name}"


def test_search_and_filters(priya_calls: Caller) -> None:
    priya_calls.register_model("churn", title="Customer churn", team="retail")
    priya_calls.register_model("fraud", title="Card fraud", team="risk")

    def found(query: str) -> list[str]:
        return [m["slug"] for m in priya_calls.get(f"/models?{query}").json["items"]]

    assert found("q=customer") == ["churn"]
    assert found("team=risk") == ["fraud"]
    assert found("status=archived") == []
    assert found("q=%27%3B--") == []
