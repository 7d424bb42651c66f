"""Findings as a register: who works on them and closes them, and the requests that they block."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from audit import clock
from audit.models import Event
from governance import promotions, selectors
from governance.models import Finding
from governance.services import findings
from registry.exceptions import (
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)
from tests.governance.promotions.conftest import Bank


def opened(bank: Bank, by: str = "marta", **facts: Any) -> Finding:
    given: dict[str, Any] = {"source": "review", "severity": "medium", "title": "No test on recent loans"}
    return findings.open_for(actor=bank.actor(by), model=bank.model, **{**given, **facts})


def read(finding: Finding) -> Finding:
    return Finding.objects.select_related("model__owner", "version", "owner").get(pk=finding.pk)


@pytest.mark.parametrize(("severity", "days"), [("critical", 7), ("high", 30), ("medium", 90), ("low", 180)])
def test_owner_and_due_date_have_defaults(bank: Bank, severity: str, days: int) -> None:
    finding = read(opened(bank, severity=severity))
    today = clock.now().date()
    assert (finding.owner, finding.due) == (bank.people["sofia"], today + timedelta(days=days))
    assert not finding.is_late(today + timedelta(days=days))
    assert finding.is_late(today + timedelta(days=days + 1))
    event = Event.objects.get(action="finding.opened")
    assert event.body["data"]["severity"] == severity
    assert "recent loans" not in str(event.body)
    connection.check_constraints()


def test_what_is_wrong_in_a_finding_is_named(bank: Bank) -> None:
    wrong: dict[str, Any] = {
        "source": "signal",
        "severity": "grave",
        "title": " ",
        "owner": bank.people["eve"],
        "due": date(2020, 1, 1),
        "blocks": ["production", "nowhere", "@free"],
    }
    with pytest.raises(ValidationFailedError) as refused:
        opened(bank, **wrong)
    fields = [error.pointer for error in refused.value.errors]
    assert fields == ["/source", "/severity", "/title", "/owner", "/due", "/blocks", "/blocks"]
    with pytest.raises(NotFoundError):
        opened(bank, by="eve")


def test_a_blocking_finding_holds_requests_until_it_is_closed(bank: Bank) -> None:
    request = bank.reviewed()
    bank.decide(request, "marta")
    about_another = opened(bank, version=bank.version(), blocks=["production"])
    assert promotions.reevaluate(request.pk).state == "open"
    finding = read(opened(bank, blocks=["production"]))
    assert request.pk in promotions.requests_affected_by_findings(timedelta(minutes=2))
    assert promotions.reevaluate(request.pk).state == "blocked"
    assert bank.decide(request, "aiko").state == "blocked"
    shown = selectors.request_page(bank.actor("priya"), request.pk)
    assert shown.verdict is not None
    (condition,) = [each for each in shown.verdict.unmet if each.kind == "condition"]
    assert condition.id == f"finding:{finding.pk}"
    assert "Sofia, due " in condition.detail
    found = selectors.readiness(bank.actor("priya"), request.version)
    production = next(one for one in found if one.stage == "production")
    assert f"Finding {finding.pk} is closed" in [step.title for step in production.missing]

    findings.close(actor=bank.actor("marta"), finding=finding, reason="The test of recent loans is attached.")
    assert promotions.reevaluate(request.pk).state == "promoted"
    assert read(about_another).state == "open"


def test_the_owner_does_not_close_and_does_not_extend(bank: Bank) -> None:
    finding = read(opened(bank))
    sofia, marta, chen = (bank.actor(name) for name in ("sofia", "marta", "chen"))
    later = clock.now().date() + timedelta(days=300)
    with pytest.raises(PermissionDeniedError):
        findings.close(actor=sofia, finding=finding, reason="done")
    with pytest.raises(PermissionDeniedError):
        findings.reschedule(actor=sofia, finding=finding, due=later, reason="busy")
    findings.acknowledge(actor=sofia, finding=finding, note="A test is planned.")
    findings.assign(actor=sofia, finding=read(finding), owner=bank.people["marta"], reason="She has the loans.")
    with pytest.raises(PermissionDeniedError, match="owns this finding"):
        findings.close(actor=marta, finding=read(finding), reason="done")
    findings.reschedule(actor=chen, finding=read(finding), due=later, reason="The loans arrive in spring.")
    findings.propose_closure(actor=marta, finding=read(finding), evidence="The test is attached.")
    assert read(finding).state == "closure_proposed"
    findings.return_closure(actor=chen, finding=read(finding), reason="It lacks 2026.")
    assert (read(finding).state, read(finding).closure_evidence) == ("acknowledged", "")
    findings.close(actor=chen, finding=read(finding), reason="The test covers 2026.")
    with pytest.raises(InvalidStateError):
        findings.assign(actor=sofia, finding=read(finding), owner=bank.people["chen"], reason="late")
    names = Event.objects.filter(action__startswith="finding.").order_by("pk").values_list("action", flat=True)
    assert [name.removeprefix("finding.") for name in names] == [
        *("opened", "acknowledged", "assigned", "rescheduled", "closure_proposed", "reopened", "closed"),
    ]
    connection.check_constraints()


def test_a_critical_finding_is_closed_by_two(bank: Bank) -> None:
    finding = read(opened(bank, severity="critical"))
    marta, chen = bank.actor("marta"), bank.actor("chen")
    with pytest.raises(InvalidStateError, match="closed by two"):
        findings.close(actor=marta, finding=finding, reason="done")
    findings.propose_closure(actor=marta, finding=finding, evidence="The file was replaced.")
    with pytest.raises(InvalidStateError, match="another person confirms"):
        findings.close(actor=marta, finding=read(finding), reason="done")
    with pytest.raises(IntegrityError, match="finding_critical_closed_by_two"), transaction.atomic():
        Finding.objects.filter(pk=finding.pk).update(
            closed_at=clock.now(), closed_by=bank.people["marta"], closure="done"
        )
    findings.close(actor=chen, finding=read(finding), reason="I compared the digests.")
    assert read(finding).state == "closed"
    with pytest.raises(IntegrityError, match="final"), transaction.atomic():
        Finding.objects.filter(pk=finding.pk).update(closure="otherwise")


def test_a_process_closes_no_finding(bank: Bank) -> None:
    finding = read(opened(bank))
    with pytest.raises(PermissionDeniedError, match="by people"):
        findings.close(actor=findings.NOTIFIER, finding=finding, reason="done")
