"""Long polling of a promotion request."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection

from governance import promotions
from governance.interfaces.rest import long_poll
from governance.models import PromotionRequest
from registry import access
from tests.governance.interfaces.rest.conftest import Answer, Caller, caller_of, install
from tests.personas import People


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set whenever a waiting request looks at the database and finds nothing new."""
    looked = threading.Event()

    def pause(seconds: float) -> None:
        looked.set()
        threading.Event().wait(min(seconds, 0.02))

    monkeypatch.setattr(long_poll, "sleep", pause)
    return looked


@pytest.fixture
def caller(transactional_db: None) -> Caller:
    people = install(People())
    caller = caller_of(people.priya)
    caller.register_model("m", risk_tier=1)
    caller.ask(caller.register_version("m", {"a": b"x"}), "staging")
    return caller


def in_background(pool: ThreadPoolExecutor, caller: Caller, path: str, **headers: str) -> Any:
    def get() -> Answer:
        try:
            return Caller(caller.secret).get(path, **headers)
        finally:
            connection.close()

    return pool.submit(get)


def the_request() -> PromotionRequest:
    return PromotionRequest.objects.get()


def withdraw() -> None:
    request = the_request()
    promotions.withdraw(actor=access.actor_for(request.requested_by), request=request, reason="the test")


@pytest.mark.parametrize("suffix", ["", "/gate"])
@pytest.mark.parametrize("how", ["query", "header"])
def test_the_answer_comes_when_something_changes(caller: Caller, looks: threading.Event, suffix: str, how: str) -> None:
    path = f"/promotions/{the_request().pk}{suffix}"
    with ThreadPoolExecutor(1) as pool:
        held = (
            in_background(pool, caller, f"{path}?wait=25")
            if how == "query"
            else in_background(pool, caller, path, Prefer="respond-async, wait=25")
        )
        assert looks.wait(30)
        assert not held.done()
        withdraw()
        answer = held.result(30)

    assert answer.status == 200
    assert answer.json["state"] == "withdrawn"
    assert answer.headers["Preference-Applied"] == "wait"


def test_no_transaction_is_held_while_waiting(caller: Caller, looks: threading.Event) -> None:
    with ThreadPoolExecutor(1) as pool:
        held = in_background(pool, caller, f"/promotions/{the_request().pk}?wait=25")
        assert looks.wait(30)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
                "AND usename = current_user AND xact_start IS NOT NULL AND state <> 'active'"
            )
            assert cursor.fetchone() == (0,)
        withdraw()
        held.result(30)


def test_a_change_since_the_callers_tag_is_answered_at_once(caller: Caller) -> None:
    path = f"/promotions/{the_request().pk}"
    tag = caller.get(path).headers["ETag"]
    caller.post("/models/m/versions/1/metrics", {"metrics": [{"name": "auc", "value": 0.9}]})

    answer = caller.get(f"{path}?wait=25", If_None_Match=tag)

    assert answer.status == 200
    assert answer.json["live"] is True
    assert "Preference-Applied" not in answer.headers


def test_when_time_is_up_the_caller_is_requested_to_poll_again(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    hands = iter(range(0, 1000, 10))
    monkeypatch.setattr(long_poll, "monotonic", lambda: float(next(hands)))
    monkeypatch.setattr(long_poll, "sleep", lambda _: None)
    path = f"/promotions/{the_request().pk}"
    tag = caller.get(path).headers["ETag"]

    answer = caller.get(f"{path}?wait=25")
    assert (answer.status, answer.json["live"]) == (200, True)
    assert answer.headers["Retry-After"] == "2"
    assert caller.get(f"{path}?wait=25", If_None_Match=tag).status == 304


def test_a_closed_request_is_not_waited_for(caller: Caller) -> None:
    path = f"/promotions/{the_request().pk}"
    withdraw()

    assert caller.get(f"{path}?wait=25").json["state"] == "withdrawn"


def test_a_process_holds_few_and_answers_the_rest_at_once(caller: Caller, settings: LazySettings) -> None:
    settings.COUNTERSIGN_API_WAITERS = 0

    answer = caller.get(f"/promotions/{the_request().pk}?wait=25")

    assert answer.status == 200
    assert "Preference-Applied" not in answer.headers
    assert answer.headers["Retry-After"] == "2"


def test_places_are_given_back(caller: Caller, settings: LazySettings, looks: threading.Event) -> None:
    settings.COUNTERSIGN_API_WAITERS = 1
    path = f"/promotions/{the_request().pk}"
    for _ in range(3):
        answer = caller.get(f"{path}?wait=1")
        assert answer.headers["Preference-Applied"] == "wait"


@pytest.mark.parametrize(
    ("asked", "preference", "seconds"),
    [(None, "", 0), (7, "wait=3", 7), (None, "wait=3", 3), (900, "", 25), (None, "wait=600", 25),
     (None, "handling=lenient, wait=10", 10), (None, "await=10", 0), (None, "wait=x", 0), (0, "wait=3", 0)],
)  # fmt: skip
def test_how_long_is_meant(rf: Any, asked: int | None, preference: str, seconds: int) -> None:
    assert long_poll.requested_wait(rf.get("/", headers={"Prefer": preference}), asked) == seconds


@pytest.mark.parametrize("wait", ["-1", "x", "1.5", "3601", ""])
def test_wait_is_a_number_of_seconds(caller: Caller, wait: str) -> None:
    caller.get(f"/promotions/{the_request().pk}?wait={wait}").problem(400, "invalid_request")
