"""The installed checks over HTTP."""

from __future__ import annotations

from governance.checks import entry_points
from tests.governance.interfaces.rest.conftest import Caller


def test_checks_are_listed_with_their_documentation(eve_calls: Caller) -> None:
    listed = eve_calls.get("/checks").json
    assert [row["slug"] for row in listed["items"]] == [check.slug for check in entry_points.all()]
    assert listed["broken"] == []
    one = eve_calls.get("/checks/license.allowed").json
    assert one == next(row for row in listed["items"] if row["slug"] == "license.allowed")
    assert one["parameters"]["properties"]["allow"]["title"] == "Allowed licences"
    assert one["evidence"][0]["example"] == "model_card.md"
    assert one["origin"] == "countersign"


def test_a_check_that_is_not_installed_is_not_found(eve_calls: Caller) -> None:
    assert "installed are" in eve_calls("GET", "/checks/no.such").problem(404, "not_found")["detail"]
    assert eve_calls("GET", "/checks/no").status == 404
