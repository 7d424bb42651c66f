"""Emergency changes: two people, a limit of time, and what is owed until it is repaid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from audit import clock
from audit.models import Event
from governance import promotions
from governance.gate import returning
from governance.models import EmergencyChange, Finding, PromotionRequest
from governance.promotions import DecisionSignature, EmergencyTerms
from governance.services import findings
from registry.exceptions import InvalidStateError, PermissionDeniedError, ValidationFailedError
from registry.models import ModelVersion
from registry.services import tokens
from tests import factories
from tests.governance.promotions.conftest import PASSWORD, Bank

PRODUCTION = """
slug: starter-production
title: Into Production, with an emergency path
applies_to: {stages: [production], aliases: [champion]}
checks:
  - check: integrity.digest
  - check: performance.threshold
    params: {thresholds: [{metric: accuracy, op: ">=", value: 0.99}]}
approvals:
  - {group: reviewers, count: 2}
rollback: {approvals: [{group: reviewers}], within_days: 30}
"""
EMERGENCY = "emergency: {groups: [reviewers], max_hours: 24, retrospective_within_days: 5%s}\n"
TERMS = EmergencyTerms(incident="INC-4711", hours=4, confirming_group="reviewers")


def ask(bank: Bank, version: ModelVersion, *, by: str = "priya", **changes: Any) -> PromotionRequest:
    given: dict[str, Any] = {
        "target_stage": "production",
        "reason": "The version in Production answers nothing.",
        "terms": TERMS,
        "signature": DecisionSignature(PASSWORD),
        **changes,
    }
    return promotions.request_emergency(actor=bank.actor(by), version=version, **given)


@pytest.fixture
def staged(bank: Bank, publish: Callable[[str], object]) -> ModelVersion:
    """A version in Staging that the ordinary checks of Production refuse."""
    publish(PRODUCTION + EMERGENCY % "")
    return bank.in_staging(accuracy=0.9)


def started(bank: Bank, version: ModelVersion) -> EmergencyChange:
    request = bank.decide(bank.run_checks(ask(bank, version, by="sofia")), "marta")
    assert request.state == "promoted"
    return EmergencyChange.objects.get(request=request)


def pass_time(monkeypatch: pytest.MonkeyPatch, **span: int) -> None:
    later = clock.now() + timedelta(**span)
    monkeypatch.setattr("governance.promotions.emergencies.clock.now", lambda: later)


def close_finding(bank: Bank, finding: Finding) -> None:
    findings.propose_closure(actor=bank.actor("sofia"), finding=finding, evidence="The retrospective is RETRO-12.")
    finding.refresh_from_db()
    findings.close(actor=bank.actor("marta"), finding=finding, reason="Read it.")


def test_another_person_confirms_and_the_change_is_owed(bank: Bank, staged: ModelVersion) -> None:
    request = bank.run_checks(ask(bank, staged, by="sofia"))

    assert (request.kind, request.confirming_group, request.state) == ("emergency", "reviewers", "open")
    assert {run.check_slug for run in request.check_runs.all()} == {"integrity.digest", "artifact.scan"}
    shown = bank.packet(request)["request"]
    assert (shown["incident"], shown["hours"], shown["signed"]["by"]) == (
        "INC-4711", 4, bank.people["sofia"].uid,
    )  # fmt: skip
    with pytest.raises(PermissionDeniedError, match="opened this request"):
        bank.decide(request, "sofia")
    with pytest.raises(PermissionDeniedError, match="registered this version"):
        bank.decide(request, "priya")

    request = bank.decide(request, "marta")

    change = EmergencyChange.objects.get(request=request)
    assert request.state == "promoted"
    assert change.began_at is not None
    assert change.ends_at == change.began_at + timedelta(hours=4)
    assert change.retrospective_due == clock.now().date() + timedelta(days=5)
    finding = change.finding
    assert finding is not None
    assert (finding.source, finding.severity, finding.due) == ("emergency", "critical", change.retrospective_due)
    assert "INC-4711" in finding.description
    events = Event.objects.filter(action__startswith="emergency.").order_by("id")
    assert [event.action for event in events] == ["emergency.requested", "emergency.started"]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_it_is_repaid_by_the_ordinary_approval_and_the_closed_finding(
    bank: Bank, staged: ModelVersion, publish: Callable[[str], object]
) -> None:
    change = started(bank, staged)
    publish(PRODUCTION.replace("0.99", "0.8") + EMERGENCY % "")
    assert change.finding is not None

    again = bank.run_checks(bank.request(ModelVersion.objects.get(pk=staged.pk)))
    assert again.reapproves_id == change.request_id
    bank.decide(bank.decide(again, "chen"), "marta")
    assert promotions.settle_emergency(change.pk).repaid_at is None
    close_finding(bank, change.finding)

    repaid = promotions.settle_emergency(change.pk)

    assert repaid.repaid_at is not None
    assert promotions.settle_emergency(change.pk).repaid_at == repaid.repaid_at
    assert Event.objects.filter(action="emergency.repaid").count() == 1


@pytest.mark.parametrize("when_ended", ["flag", "roll_back"])
def test_after_its_time_it_is_overdue_and_the_policy_decides_about_the_rollback(
    when_ended: str,
    bank: Bank,
    staged: ModelVersion,
    publish: Callable[[str], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish(PRODUCTION.replace("0.99", "0.8"))
    first = bank.decide(bank.decide(bank.reviewed(), "marta"), "aiko").version
    publish(PRODUCTION + EMERGENCY % f", when_ended: {when_ended}")
    change = started(bank, staged)
    assert promotions.settle_emergency(change.pk).overdue_at is None

    pass_time(monkeypatch, hours=5)
    promotions.settle_emergencies()
    promotions.settle_emergencies()

    change.refresh_from_db()
    assert change.overdue_at is not None
    assert Event.objects.filter(action="emergency.ended").count() == 1
    asked = PromotionRequest.objects.filter(kind="rollback", version=first)
    assert [row.requested_by.username for row in asked] == (["sofia"] if when_ended == "roll_back" else [])
    staged.refresh_from_db()
    assert staged.stage.slug == "production"
    # Another version can take the place; a rollback never returns to what only an emergency change put there.
    assert returning.earlier_approval(staged, stage=staged.stage, alias="") is None
    assert returning.earlier_approval(first, stage=staged.stage, alias="") is not None


def test_a_policy_without_the_section_refuses_and_names_the_remedy(
    bank: Bank, staged: ModelVersion, publish: Callable[[str], object]
) -> None:
    publish(PRODUCTION)

    with pytest.raises(InvalidStateError, match=r"no section `emergency`.*rollback") as refused:
        ask(bank, staged)

    assert refused.value.code == "emergency_not_available"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"signature": DecisionSignature("not the password")}, "/password"),
        ({"terms": EmergencyTerms(" ", 4, "reviewers")}, "/incident"),
        ({"terms": EmergencyTerms("INC-1", 25, "reviewers")}, "/hours"),
        ({"terms": EmergencyTerms("INC-1", 0, "reviewers")}, "/hours"),
        ({"terms": EmergencyTerms("INC-1", 4, "friends")}, "/confirming_group"),
        ({"reason": " "}, "/reason"),
    ],
)
def test_wrong_terms_are_refused_at_their_field(
    changes: dict[str, Any], field: str, bank: Bank, staged: ModelVersion
) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        ask(bank, staged, **changes)

    assert [error.pointer for error in refused.value.errors] == [field]
    assert not EmergencyChange.objects.exists()


def test_a_token_requests_no_emergency_change(bank: Bank, staged: ModelVersion) -> None:
    token, _ = factories.token(bank.people["priya"], ["models:read", "promotions:write"])

    with pytest.raises(PermissionDeniedError, match="a person signs in"):
        promotions.request_emergency(
            actor=tokens.actor_of(token),
            version=staged,
            target_stage="production",
            reason="r",
            terms=TERMS,
            signature=DecisionSignature(PASSWORD),
        )


def test_a_critical_finding_of_the_scan_is_not_passed(bank: Bank, publish: Callable[[str], object]) -> None:
    publish(PRODUCTION + EMERGENCY % "")
    version = bank.version(content=b"cos\nsystem\n(S'true'\ntR.")
    publish(
        "slug: starter-staging\ntitle: Into Staging, unseen\napplies_to: {stages: [staging]}\n"
        "checks: [{check: integrity.digest}]\n"
    )
    assert bank.run_checks(bank.request(version, stage="staging")).state == "promoted"

    request = bank.run_checks(ask(bank, ModelVersion.objects.get(pk=version.pk), by="sofia"))

    assert request.state == "blocked"
    assert bank.decide(request, "marta").state == "blocked"
