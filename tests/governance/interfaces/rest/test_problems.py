"""Errors: one format for all of them, and a page for every type."""

from __future__ import annotations

import ast
import inspect
import logging
from html import unescape
from pathlib import Path

import pytest
from django.db import OperationalError
from django.test import Client

from governance.interfaces.rest import problems
from governance.interfaces.rest.whoami import WhoAmIView
from registry import exceptions
from tests.governance.interfaces.rest.conftest import ROOT, Answer, Caller

PROJECT = Path(__file__).resolve().parents[4]
ELSEWHERE = ("governance/interfaces/web/", "governance/interfaces/mlflow/", "governance/interfaces/admin/")


def codes_in_the_source() -> set[str]:
    """Every `code="…"` of a refusal raised anywhere, and every default."""
    kinds = {name for name, kind in inspect.getmembers(exceptions, inspect.isclass) if issubclass(kind, Exception)}
    kinds |= {"Denied", "Problem", "_no"}
    found = {kind.default_code for _, kind in inspect.getmembers(exceptions, inspect.isclass)
             if issubclass(kind, exceptions.DomainError)}  # fmt: skip
    for path in [*PROJECT.glob("registry/**/*.py"), *PROJECT.glob("governance/**/*.py")]:
        if str(path.relative_to(PROJECT)).startswith(ELSEWHERE):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in kinds:
                found |= {
                    str(k.value.value) for k in node.keywords if k.arg == "code" and isinstance(k.value, ast.Constant)
                }
            if name == "Problem" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
                found.add(str(node.args[1].value))
    return found


def test_every_code_of_a_refusal_has_its_page() -> None:
    assert codes_in_the_source() - problems.CATALOGUE.keys() == set()


def test_the_pages_are_there_for_everyone(nobody: Caller, client: Client) -> None:
    index = client.get(f"{ROOT}/problems")
    assert index.status_code == 200
    for code, problem in problems.CATALOGUE.items():
        assert f'href="{ROOT}/problems/{code}"' in index.text
        page = client.get(f"{ROOT}/problems/{code}")
        assert page.status_code == 200
        assert page.headers["Content-Type"].startswith("text/html")
        assert problem.title in unescape(page.text)
        assert "`" not in page.text
    nobody.get("/problems/nothing-like-it").problem(404, "not_found")


def test_where_a_type_points_there_is_a_page(nobody: Caller, client: Client, db: None) -> None:
    from django.conf import settings

    problem = nobody.get("/whoami").problem(401, "not_signed_in")
    assert client.get(problem["type"].removeprefix(settings.PUBLIC_URL)).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/", "/models/", "/models/Bad", "/models/m/versions/0", "/models/m/versions/x",
     "/models/m/versions/007", "/promotions/0", "/promotions/99999999999", "/promotions/-1", "/models/a%00b",
     "/models/m/versions/1/artifacts/", "/audit/events/7", "/models/%ed%a0%80", "/%ff"],
)  # fmt: skip
def test_an_address_that_is_none_is_a_problem(priya_calls: Caller, path: str) -> None:
    priya_calls.get(f"{ROOT}{path}").problem(404, "not_found")


def test_addresses_beside_the_interface_are_problems_too(priya_calls: Caller) -> None:
    priya_calls.get("/api/v2/models").problem(404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/models", "GET, POST, HEAD, OPTIONS"),
        ("PUT", "/whoami", "GET, HEAD, OPTIONS"),
        ("PATCH", "/promotions", "GET, POST, HEAD, OPTIONS"),
        ("TRACE", "/models", "GET, POST, HEAD, OPTIONS"),
        ("POST", "/schema", "GET, HEAD, OPTIONS"),
        ("BREW", "/models", "GET, POST, HEAD, OPTIONS"),
    ],
)
def test_a_method_an_address_does_not_take(priya_calls: Caller, method: str, path: str, allowed: str) -> None:
    answer = priya_calls(method, path)

    answer.problem(405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == set(allowed.split(", "))


def test_options_names_the_methods(priya_calls: Caller) -> None:
    answer = priya_calls("OPTIONS", "/models")

    assert (answer.status, answer.raw) == (204, b"")
    assert "POST" in answer.headers["Allow"]


def test_a_host_that_is_not_ours_is_a_problem(priya_calls: Caller) -> None:
    priya_calls.get("/whoami", Host="evil.example").problem(400, "bad_request")


def test_head_is_a_get_without_the_body(priya_calls: Caller) -> None:
    answer = priya_calls("HEAD", "/whoami")

    assert (answer.status, answer.raw) == (200, b"")


def broken(caller: Caller, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> Answer:
    def breaks(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(WhoAmIView, "get", breaks)
    caller.client.raise_request_exception = False
    return caller.get("/whoami")


def test_a_fault_of_ours_is_a_problem_and_says_nothing_of_itself(
    priya_calls: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = broken(priya_calls, monkeypatch, RuntimeError("the secret is swordfish"))

    answer.problem(500, "server_error")
    assert b"swordfish" not in answer.raw
    assert "the secret is swordfish" in caplog.text


def test_a_database_that_is_away_is_no_fault_of_the_caller(
    priya_calls: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answer = broken(priya_calls, monkeypatch, OperationalError("server closed the connection"))

    answer.problem(503, "unavailable")
    assert answer.headers["Retry-After"]
    assert b"closed" not in answer.raw


def test_the_request_id_is_taken_over_and_given_back(priya_calls: Caller) -> None:
    named = priya_calls.get("/models/absent", X_Request_Id="build-4711_ab")
    assert named.headers["X-Request-Id"] == "build-4711_ab"
    assert named.problem(404, "not_found")["request_id"] == "build-4711_ab"

    for forged in ("short", "x" * 65, "a b c d e f g", "line\tbreak123"):
        answer = priya_calls.get("/models/absent", X_Request_Id=forged)
        assert answer.headers["X-Request-Id"] != forged
        assert answer.json["request_id"] == answer.headers["X-Request-Id"]


def test_answers_belong_to_their_caller_alone(priya_calls: Caller) -> None:
    answer = priya_calls.get("/whoami")

    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_answers_are_no_pages(priya_calls: Caller) -> None:
    policy = priya_calls.get("/models").headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'"
