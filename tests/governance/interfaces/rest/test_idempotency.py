"""A repeated POST is executed once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction

from audit import clock
from governance.interfaces.rest import idempotency
from governance.models import IdempotencyKey
from registry.models import AccessToken, ModelVersion, RegisteredModel
from tests.governance.interfaces.rest.conftest import Caller, CallerOf, caller_of, install
from tests.personas import People


def test_the_same_request_gets_the_same_answer(priya_calls: Caller) -> None:
    first = priya_calls.post("/models", {"slug": "m"}, Idempotency_Key="k-1")
    again = priya_calls.post("/models", {"slug": "m"}, Idempotency_Key='"k-1"')

    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert RegisteredModel.objects.count() == 1
    priya_calls.post("/models", {"slug": "m"}, Idempotency_Key="k-2").problem(422, "invalid_input")


def test_a_key_stands_for_one_request(priya_calls: Caller) -> None:
    priya_calls.post("/models", {"slug": "m"}, Idempotency_Key="k")

    priya_calls.post("/models", {"slug": "n"}, Idempotency_Key="k").problem(422, "idempotency_key_reused")
    elsewhere = priya_calls.post("/models/m/versions", {}, Idempotency_Key="k")
    assert "POST /api/v1/models" in elsewhere.problem(422, "idempotency_key_reused")["detail"]
    assert not RegisteredModel.objects.filter(slug="n").exists()


def test_keys_are_each_tokens_own(priya_calls: Caller, call: CallerOf, installed: People) -> None:
    priya_calls.post("/models", {"slug": "m"}, Idempotency_Key="k")

    other = call(installed.priya).post("/models", {"slug": "n"}, Idempotency_Key="k")
    assert other.status == 201


def test_a_refusal_is_not_kept(priya_calls: Caller) -> None:
    priya_calls.post("/models", {"slug": "m", "owner": "nobody"}, Idempotency_Key="k").problem(422, "invalid_input")
    assert not IdempotencyKey.objects.exists()

    assert priya_calls.post("/models", {"slug": "m"}, Idempotency_Key="k").status == 201


def test_a_key_is_kept_for_a_day(priya_calls: Caller) -> None:
    priya_calls.post("/models", {"slug": "m"}, Idempotency_Key="k")

    with clock.freeze(clock.now() + timedelta(hours=23, minutes=59)):
        assert priya_calls.post("/models", {"slug": "m"}, Idempotency_Key="k").status == 201
    with clock.freeze(clock.now() + timedelta(hours=24)):
        assert priya_calls.post("/models", {"slug": "n"}, Idempotency_Key="other").status == 201
        assert [kept.key for kept in IdempotencyKey.objects.all()] == ["other"]
        priya_calls.post("/models", {"slug": "m"}, Idempotency_Key="k").problem(422, "invalid_input")


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, '"', "é", 'a"b', "a\\b"])
def test_a_key_has_a_form(priya_calls: Caller, key: str) -> None:
    problem = priya_calls.post("/models", {"slug": "m"}, Idempotency_Key=key).problem(400, "invalid_request")

    assert problem["errors"][0]["pointer"] == "Idempotency-Key"
    assert not RegisteredModel.objects.exists()


def test_a_streamed_body_counts_by_its_digest(priya_calls: Caller) -> None:
    priya_calls.register_model("m")
    priya_calls.register_version("m", {"a": b"x"})
    where = "/models/m/versions/1/evidence/document.note?filename=t.txt"

    first = priya_calls("POST", where, body=b"1", Idempotency_Key="k")
    priya_calls("POST", where, body=b"2")
    again = priya_calls("POST", where, body=b"1", Idempotency_Key="k")

    assert (first.status, again.status) == (201, 201), again
    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"
    priya_calls("POST", where, body=b"3", Idempotency_Key="k").problem(422, "idempotency_key_reused")


def test_while_the_first_is_under_way_the_second_receives_a_conflict(transactional_db: None) -> None:
    people = install(People())
    caller = caller_of(people.priya)
    token = AccessToken.objects.filter(person=people.priya).latest("pk")
    with ThreadPoolExecutor(1) as elsewhere, transaction.atomic():
        idempotency._lock(token, "k")
        second = elsewhere.submit(_and_close, lambda: caller.post("/models", {"slug": "m"}, Idempotency_Key="k"))
        answer = second.result()
    answer.problem(409, "idempotency_in_progress")
    assert answer.headers["Retry-After"] == "1"
    assert caller.post("/models", {"slug": "m"}, Idempotency_Key="k").status == 201


def test_many_at_once_make_one_version(transactional_db: None) -> None:
    people = install(People())
    callers = [caller_of(people.priya)]
    callers[0].register_model("m")
    secret = callers[0].secret
    start = threading.Barrier(6)

    def post() -> int:
        start.wait()
        return Caller(secret).post("/models/m/versions", {"run_id": "1"}, Idempotency_Key="k").status

    with ThreadPoolExecutor(6) as pool:
        statuses = [future.result() for future in [pool.submit(_and_close, post) for _ in range(6)]]

    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert ModelVersion.objects.count() == 1
    assert IdempotencyKey.objects.count() == 1


def _and_close(work):  # type: ignore[no-untyped-def]  # a thread target
    """Work in a thread, which has a database connection of its own."""
    try:
        return work()
    finally:
        connection.close()
