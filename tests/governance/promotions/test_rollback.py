"""Rolling a stage or an alias back to a version that was approved there before."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, transaction

from audit.models import Event
from governance import promotions
from governance.models import PromotionRequest
from governance.services import evidence, policies, setup
from registry.exceptions import InvalidStateError, ValidationFailedError
from registry.models import ModelVersion
from registry.services.versions import MetricSpec
from tests.fixtures.scenes import Share
from tests.governance.promotions.conftest import Bank, found_bank

PRODUCTION = """
slug: starter-production
title: Into Production, with a shorter way back
applies_to: {stages: [production], aliases: [champion]}
checks:
  - check: integrity.digest
  - check: performance.threshold
    params: {thresholds: [{metric: accuracy, op: ">=", value: 0.8}]}
approvals:
  - {group: reviewers, count: 2}
"""
ROLLBACK = """
rollback:
  checks: [{check: integrity.digest}]
  approvals: [{group: reviewers, count: 1}]
  within_days: 90
"""


def promoted(bank: Bank) -> ModelVersion:
    """Promote the next version to Production."""
    request = bank.decide(bank.decide(bank.reviewed(), "marta"), "aiko")
    assert request.state == "promoted"
    return ModelVersion.objects.get(pk=request.version_id)


def roll_back(bank: Bank, version: ModelVersion, *, by: str = "priya", **target: str) -> PromotionRequest:
    return promotions.request(
        actor=bank.actor(by),
        version=version,
        reason="The new version rejects good applicants.",
        kind="rollback",
        **(target or {"target_stage": "production"}),  # type: ignore[arg-type]  # the test names a stage or an alias
    )


@pytest.fixture(scope="module")
def _shared_bank(share_scene: Share) -> Bank:
    """The bank with two versions, the second of which replaced the first in Production, under the policy above."""

    def build() -> Bank:
        made = found_bank()
        policies.publish(actor=setup.INSTALLER, source=PRODUCTION + ROLLBACK, reason="for the test")
        promoted(made)
        promoted(made)
        return made

    made: Bank = share_scene(build)
    return made


@pytest.fixture
def displaced(bank: Bank) -> ModelVersion:
    """A version that was in Production until the next one replaced it."""
    first = ModelVersion.objects.get(model=bank.model, number=1)
    assert first.stage.slug == "archived"
    return first


def test_a_rollback_needs_the_checks_and_approvals_of_its_section(bank: Bank, displaced: ModelVersion) -> None:
    earlier = PromotionRequest.objects.get(version=displaced, target_stage__slug="production")

    request = bank.run_checks(roll_back(bank, displaced))

    assert (request.kind, request.restores_id, request.fingerprint) == ("rollback", earlier.pk, earlier.fingerprint)
    assert [run.check_slug for run in request.check_runs.all()] == ["integrity.digest"]
    packet = bank.packet(request)
    assert packet["request"]["kind"] == "rollback"
    assert packet["request"]["restores"] == earlier.pk
    assert packet["policy"]["approvals"] == [{"group": "reviewers", "count": 1, "order": 1}]
    request = bank.decide(request, "marta")
    displaced.refresh_from_db()
    assert (request.state, displaced.stage.slug) == ("promoted", "production")
    for action in ("promotion.requested", "promotion.promoted"):
        event = Event.objects.filter(action=action, touched__contains=[f"promotion:{request.uid}"]).get()
        assert (event.body["data"]["kind"], event.body["data"]["restores"]) == ("rollback", earlier.pk)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_separation_of_duties_holds_for_a_rollback(bank: Bank, displaced: ModelVersion) -> None:
    from registry.exceptions import PermissionDeniedError

    request = bank.run_checks(roll_back(bank, displaced, by="sofia"))

    with pytest.raises(PermissionDeniedError, match="registered this version"):
        bank.decide(request, "priya")


def test_a_rollback_without_the_section_names_the_ordinary_path(
    bank: Bank, displaced: ModelVersion, publish: Callable[[str], object]
) -> None:
    publish(PRODUCTION)

    with pytest.raises(InvalidStateError, match=r"no section `rollback`.*ordinary promotion") as refused:
        roll_back(bank, displaced)

    assert refused.value.code == "rollback_not_available"
    assert bank.request(displaced).kind == "ordinary"


@pytest.mark.parametrize("case", ["never approved", "changed", "too late", "unknown kind", "in place"])
def test_what_cannot_be_rolled_back_is_refused_with_the_reason(
    case: str, bank: Bank, displaced: ModelVersion, publish: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    version, code, words = displaced, "", ""
    if case == "never approved":
        version, code, words = bank.in_staging(), "rollback_never_approved", "never approved in Production"
    elif case == "changed":
        metric = MetricSpec("accuracy", 0.99)
        evidence.attach_metrics(actor=bank.actor("priya"), version=version, metrics=[metric])
        code, words = "rollback_inputs_changed", r"metric accuracy = 0\.99"
    elif case == "too late":
        from datetime import timedelta

        from audit import clock

        later = clock.now() + timedelta(days=91)
        monkeypatch.setattr("governance.gate.returning.clock.now", lambda: later)
        code, words = "rollback_too_late", "more than 90 days ago"
    elif case == "unknown kind":
        with pytest.raises(ValidationFailedError):
            promotions.request(
                actor=bank.actor("priya"), version=version, target_stage="production", reason="r", kind="sideways"
            )
        return
    else:
        version = ModelVersion.objects.get(model=bank.model, stage__slug="production")
        code, words = "already_there", "in Production already"

    with pytest.raises(InvalidStateError, match=words) as refused:
        roll_back(bank, version)

    assert refused.value.code == code


def test_a_rollback_is_blocked_while_its_inputs_differ_from_the_approved_ones(
    bank: Bank, displaced: ModelVersion
) -> None:
    request = bank.run_checks(roll_back(bank, displaced))

    metric = MetricSpec("accuracy", 0.99)
    evidence.attach_metrics(actor=bank.actor("priya"), version=displaced, metrics=[metric])

    request = bank.run_checks(request)
    assert request.state == "blocked"
    evidence.attach_metrics(actor=bank.actor("priya"), version=displaced, metrics=[MetricSpec("accuracy", 0.91)])
    assert bank.run_checks(request).state == "open"


def test_an_alias_is_rolled_back_as_well(bank: Bank, displaced: ModelVersion) -> None:
    current = ModelVersion.objects.get(model=bank.model, stage__slug="production")
    for version in (displaced, current):
        request = promotions.request(
            actor=bank.actor("priya"), version=version, target_alias="champion", reason="serves the callers"
        )
        request = bank.decide(bank.decide(bank.run_checks(request), "marta"), "aiko")
        assert request.state == "promoted"

    request = bank.run_checks(roll_back(bank, displaced, target_alias="champion"))

    assert bank.decide(request, "marta").state == "promoted"


def test_the_database_refuses_a_rollback_to_inputs_that_were_not_approved_there(
    bank: Bank, displaced: ModelVersion
) -> None:
    staged = PromotionRequest.objects.get(version=displaced, target_stage__slug="staging")
    request = bank.run_checks(roll_back(bank, displaced))

    with pytest.raises(IntegrityError, match=r"fixed|kind"), transaction.atomic():
        PromotionRequest.objects.filter(pk=request.pk).update(restores=staged)
