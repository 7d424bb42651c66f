"""The rate limit of a token."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import LazySettings

from audit import clock
from governance.interfaces.rest import throttling
from tests.governance.interfaces.rest.conftest import Caller, CallerOf
from tests.personas import People

MOMENT = datetime(2026, 12, 1, 12, 0, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def three_a_minute(settings: LazySettings) -> None:
    settings.COUNTERSIGN_API_RATE = (3, 60)


def test_what_is_left_is_said_and_then_nothing_is(call: CallerOf, people: People) -> None:
    with clock.freeze(MOMENT):
        priya, other = call(people.priya), call(people.priya)
        answers = [priya.get("/whoami") for _ in range(4)]

        assert [a.status for a in answers] == [200, 200, 200, 429]
        assert [a.headers["RateLimit"] for a in answers] == [
            '"token";r=2;t=40', '"token";r=1;t=40', '"token";r=0;t=40', '"token";r=0;t=40'
        ]  # fmt: skip
        assert answers[0].headers["RateLimit-Policy"] == '"token";q=3;w=60'
        answers[3].problem(429, "rate_limited")
        assert answers[3].headers["Retry-After"] == "40"
        assert other.get("/whoami").status == 200

        clock.advance(timedelta(seconds=40))
        assert priya.get("/whoami").status == 200


def test_without_redis_no_request_waits(
    call: CallerOf, people: People, settings: LazySettings, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(throttling, "_resting_until", 0.0)
    settings.REDIS_URL = "redis+socket:///nowhere/redis.sock?virtual_host=0"
    priya = call(people.priya)

    with caplog.at_level(logging.WARNING, "governance.interfaces.rest.throttling"):
        answers = [priya.get("/whoami") for _ in range(5)]

    assert [a.status for a in answers] == [200] * 5
    assert "RateLimit" not in answers[0].headers
    # One line, not one a request: the process leaves Redis alone for a while.
    assert len([r for r in caplog.records if "not counted" in r.message]) == 1


def test_who_is_not_signed_in_is_not_counted(nobody: Caller, db: None) -> None:
    assert [nobody.get("/whoami").status for _ in range(5)] == [401] * 5
    assert [nobody.get("/schema").status for _ in range(5)] == [200] * 5
