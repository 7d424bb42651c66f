"""Versions with additions since their approval: what the API reports, and which files it serves."""

from __future__ import annotations

import pytest

from governance.models import PromotionRequest
from governance.services import policies, setup
from registry.access import Role
from registry.models import User
from tests import factories
from tests.governance.interfaces.rest.conftest import Caller, caller_of
from tests.governance.promotions.test_adopting import adopt, brought

STAGING_FOR_ALL = "slug: staging\ntitle: Whoever asks\napplies_to: {stages: [staging]}\npriority: 10\n"
MODEL = "credit-risk-pd"


@pytest.fixture
def staged(priya_calls: Caller) -> Caller:
    """Version 1 is in Staging by a promotion; the caller may add to it."""
    policies.publish(actor=setup.INSTALLER, source=STAGING_FOR_ALL, reason="the scene of a test")
    priya_calls.register_model(risk_tier=2)
    version = priya_calls.register_version(MODEL, {"model.json": b"{}"})
    assert priya_calls.ask(version, "staging").json["state"] == "promoted"
    return priya_calls


def test_resolve_and_version_carry_the_approved_fingerprint(staged: Caller) -> None:
    for shown in (staged.get(f"/resolve?ref={MODEL}/staging").json, staged.get(f"/models/{MODEL}/versions/1").json):
        assert shown["approved_fingerprint"] == shown["fingerprint"]
        assert shown["deviates"] is False
        (place,) = shown["places"]
        assert (place["stage"], place["alias"], place["deviates"]) == ("staging", None, False)
        assert place["request"] == "/api/v1/promotions/1" or place["request"].startswith("/api/v1/promotions/")
        assert place["later_additions"] == []


def test_later_additions_are_listed_and_the_approved_fingerprint_stays(staged: Caller) -> None:
    approved = staged.get(f"/resolve?ref={MODEL}/staging").json["fingerprint"]
    tag = staged.get(f"/resolve?ref={MODEL}/staging").headers["ETag"]

    added = staged.post(f"/models/{MODEL}/versions/1/metrics", {"metrics": [{"name": "auc", "value": 0.9}]})
    assert added.status == 201

    for reference in (f"{MODEL}/staging", f"{MODEL}/1", f"{MODEL}@latest"):
        shown = staged.get(f"/resolve?ref={reference}", If_None_Match=tag).json
        assert shown["approved_fingerprint"] == approved != shown["fingerprint"]
        assert shown["deviates"] is True
        (addition,) = shown["places"][0]["later_additions"]
        assert (addition["kind"], addition["what"]) == ("metric", "auc = 0.9")
        assert addition["added_by"]["name"].startswith("Priya Nair through the token")
        assert addition["added_at"].endswith("Z")
        assert [file["path"] for file in shown["artifacts"]] == ["model.json"]
    assert staged.get("/models?q=approval:deviating").json["items"][0]["slug"] == MODEL


def test_a_token_asks_for_the_approval_of_what_was_added(staged: Caller) -> None:
    again = {"model": MODEL, "version": 1, "target": {"stage": "staging"}, "reason": "a better evaluation"}
    staged.post("/promotions", again).problem(409, "already_there")
    staged.post(f"/models/{MODEL}/versions/1/metrics", {"metrics": [{"name": "auc", "value": 0.9}]})

    made = staged.post("/promotions", again)

    assert (made.status, made.json["state"]) == (201, "promoted")
    assert made.json["reapproves"] is not None
    shown = staged.get(f"/resolve?ref={MODEL}/staging").json
    assert (shown["deviates"], shown["approved_fingerprint"]) == (False, shown["fingerprint"])
    assert staged.get("/models?q=approval:deviating").json["items"] == []


@pytest.fixture
def imported(henrik: User) -> Caller:
    """Version 4 of churn came in Production and as the champion."""
    setup.initialise()
    version = brought(henrik, 4, aliases=("champion",))
    adopt(henrik, version, target_stage="production")
    adopt(henrik, version, target_alias="champion")
    factories.assessed(version.model, 2)
    return caller_of(henrik)


def test_an_unreviewed_file_is_not_served_from_where_the_import_put_the_version(imported: Caller) -> None:
    sent = imported.upload("/models/churn/versions/4/artifacts/model.json?reason=found%20it", b"{}")

    assert sent.status == 200, sent
    assert sent.json["approved"] is False
    assert len(sent.json["requests"]) == 2
    assert PromotionRequest.objects.filter(state="open", reason="found it").count() == 2
    for reference in ("churn@champion", "churn/production", "churn/4"):
        shown = imported.get(f"/resolve?ref={reference}").json
        assert shown["artifacts"] == []
        assert [file["path"] for file in shown["unapproved_files"]] == ["model.json"]
        assert (shown["before_governance"], shown["approved_fingerprint"], shown["deviates"]) == (True, None, True)
        assert {place["reapproval"] for place in shown["places"]} == set(sent.json["requests"])
    (file,) = imported.get("/models/churn/versions/4").json["artifacts"]
    assert file["approved"] is False
    imported.get(file["url"]).problem(409, "file_unapproved")
    reviewed = imported.get(f"{file['url']}?unapproved=true")
    assert (reviewed.status, reviewed.raw) == (200, b"{}")


def test_who_may_only_add_versions_is_refused_with_who_can_help(imported: Caller, priya: User) -> None:
    from registry.models import RegisteredModel

    factories.grant(Role.REGISTRAR, to=priya, on=RegisteredModel.objects.get(slug="churn"))

    refused = caller_of(priya).upload("/models/churn/versions/4/artifacts/model.json", b"{}")

    assert refused.problem(403, "not_permitted")["who_can"]
    narrow = caller_of(User.objects.get(username="henrik"), "models:read", "versions:write")
    narrow.upload("/models/churn/versions/4/artifacts/model.json", b"{}").problem(403, "missing_scope")
    assert imported.get("/models/churn/versions/4").json["artifacts"] == []
