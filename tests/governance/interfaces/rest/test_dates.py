"""Dates and times in requests: parsed alike everywhere, rejected at their field, never a server error."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from audit import clock
from registry.models import AccessRequest
from tests.governance.interfaces.rest.conftest import Caller

BEYOND = [
    "2026-07-01T00:00:00+16:00",
    "2026-07-01T00:00:00-23:59",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
]
SLUG = "credit-risk-pd"


def encoded(text: str) -> str:
    return text.replace("+", "%2B")


def future(days: int) -> str:
    return (clock.now() + timedelta(days=days)).isoformat(timespec="seconds")


@pytest.mark.parametrize("moment", BEYOND)
def test_no_moment_of_a_query_breaks_the_server(ingrid_calls: Caller, priya_calls: Caller, moment: str) -> None:
    priya_calls.register_model(SLUG)
    for path, field in [
        ("/audit/events?before=", "?before"),
        ("/audit/events?after=", "?after"),
        (f"/models/{SLUG}/stages/production?at=", "?at"),
    ]:
        problem = ingrid_calls.get(path + encoded(moment)).problem(400, "invalid_request")
        assert [e["pointer"] for e in problem["errors"]] == [field]


@pytest.mark.parametrize("moment", BEYOND)
def test_no_moment_of_a_document_breaks_the_server(priya_calls: Caller, eve_calls: Caller, moment: str) -> None:
    priya_calls.register_model(SLUG)
    grant = {"role": "viewer", "person": "eve", "expires_at": moment, "reason": "she audits it"}
    asked = {"model": SLUG, "role": "viewer", "purpose": "to audit it", "until": moment}

    for answer, field in [
        (priya_calls.post(f"/models/{SLUG}/grants", grant), "/expires_at"),
        (eve_calls.post("/access-requests", asked), "/until"),
    ]:
        problem = answer.problem(400, "invalid_request")
        assert [e["pointer"] for e in problem["errors"]] == [field]


def test_a_role_is_asked_for_until_a_moment(priya_calls: Caller, eve_calls: Caller) -> None:
    priya_calls.register_model(SLUG)
    until = future(60)

    asked = eve_calls.post(
        "/access-requests", {"model": SLUG, "role": "viewer", "purpose": "to audit it", "until": until}
    )
    assert asked.status == 201, asked
    assert AccessRequest.objects.get().until.isoformat(timespec="seconds") == until


@pytest.mark.parametrize("wrong", [1751362200, None, True, ["2026-07-01T00:00:00Z"], {}])
def test_a_moment_of_a_document_is_text(eve_calls: Caller, wrong: object) -> None:
    asked = {"model": SLUG, "role": "viewer", "purpose": "to audit it", "until": wrong}
    if wrong is None:
        assert eve_calls.post("/access-requests", asked).status == 201
    else:
        problem = eve_calls.post("/access-requests", asked).problem(400, "invalid_request")
        assert problem["errors"][0]["pointer"] == "/until"


@pytest.mark.parametrize("moment", BEYOND)
def test_a_cursor_with_such_a_moment_is_none_of_ours(priya_calls: Caller, moment: str) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps([moment, "a"]).encode()).decode()

    problem = priya_calls.get(f"/models?sort=-updated&cursor={cursor}").problem(400, "invalid_request")

    assert problem["errors"][0]["pointer"] == "?cursor"


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "2026-02-30", "2026-07-01T00:00:00Z"])
def test_a_day_of_a_document_is_one_every_part_can_store(priya_calls: Caller, day: str) -> None:
    priya_calls.register_model(SLUG)
    revision = priya_calls.get(f"/models/{SLUG}").headers["ETag"]

    problem = priya_calls.patch(f"/models/{SLUG}", {"next_review": day}, If_Match=revision).problem(
        400, "invalid_request"
    )

    assert problem["errors"][0]["pointer"] == "/next_review"
