"""Approvals under conditions: what they count for, and what a condition that is late does."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection

from audit import clock
from audit.models import Event
from governance import promotions, selectors
from governance.models import Finding, PromotionRequest
from governance.promotions import ApprovalCondition
from governance.services import findings
from registry.exceptions import ValidationFailedError
from tests.governance.promotions.conftest import PASSWORD, Bank


def approve(
    bank: Bank, request: PromotionRequest, by: str, *conditions: ApprovalCondition, outcome: str = "approve"
) -> None:
    request = bank.fresh(request)
    promotions.decide(
        actor=bank.actor(by),
        request=request,
        outcome=outcome,
        packet_digest=request.packet_digest,
        comment="Looked at the evaluation.",
        signature=promotions.DecisionSignature(PASSWORD),
        conditions=conditions,
    )


def in_days(days: int) -> date:
    return clock.now().date() + timedelta(days=days)


def test_a_late_condition_lapses_the_approval(bank: Bank) -> None:
    request = bank.reviewed()
    approve(bank, request, "marta", ApprovalCondition("Test it on the loans of June", in_days(3)))
    decision = request.decisions.get()
    finding = Finding.objects.get(decision=decision)
    assert (finding.source, finding.owner, finding.state) == ("decision", bank.people["sofia"], "open")
    assert "under the conditions" in decision.signed_meaning
    shown = selectors.request_page(bank.actor("priya"), request.pk)
    assert shown.verdict is not None
    assert [len(standing.approved_by) for standing in shown.verdict.approvals] == [1]

    with clock.freeze(clock.now() + timedelta(days=4)):
        shown = selectors.request_page(bank.actor("priya"), request.pk)
        assert shown.verdict is not None
        assert [len(standing.approved_by) for standing in shown.verdict.approvals] == [0]
        (listed,) = selectors.promotion_summaries(bank.actor("priya"), selectors.requests_by_pk([request.pk]), None)
        assert listed.approvals_have == 0
        assert promotions.requests_affected_by_findings(timedelta(0)) == [request.pk]
        promotions.reevaluate(request.pk)
        decision.refresh_from_db()
        assert decision.lapsed_at is not None
        (change,) = Event.objects.get(action="decision.lapsed").body["changes"]
        assert change == {"field": "condition", "from": "open", "to": "late"}
        approve(bank, request, "marta")
        approve(bank, request, "aiko")
    assert bank.fresh(request).state == "promoted"
    connection.check_constraints()


def test_a_condition_that_is_late_after_the_promotion_blocks_the_next_one(bank: Bank) -> None:
    request = bank.reviewed()
    approve(bank, request, "marta", ApprovalCondition("Test it on the loans of June", in_days(3)))
    approve(bank, request, "aiko")
    assert bank.fresh(request).state == "promoted"
    following = bank.run_checks(bank.request(bank.in_staging()))
    finding = Finding.objects.select_related("model__owner", "version", "owner").get()

    def unmet() -> list[str]:
        shown = selectors.request_page(bank.actor("priya"), following.pk)
        assert shown.verdict is not None
        return [each.id for each in shown.verdict.unmet if each.kind == "condition"]

    assert unmet() == []
    with clock.freeze(clock.now() + timedelta(days=4)):
        assert unmet() == [f"finding:{finding.pk}"]
        assert promotions.reevaluate(following.pk).state == "blocked"
        assert selectors.open_findings_of(bank.model) == [finding]
        findings.close(actor=bank.actor("chen"), finding=finding, reason="The test was done in time, and added late.")
        assert unmet() == []


@pytest.mark.parametrize(
    ("outcome", "title", "days", "field"),
    [
        ("request_changes", "Test it", 3, "/conditions"),
        ("approve", " ", 3, "/conditions/0/title"),
        ("approve", "Test it", -1, "/conditions/0/due"),
    ],
)
def test_what_is_wrong_in_a_condition_is_named(bank: Bank, outcome: str, title: str, days: int, field: str) -> None:
    request = bank.reviewed()
    with pytest.raises(ValidationFailedError) as refused:
        approve(bank, request, "marta", ApprovalCondition(title, in_days(days)), outcome=outcome)
    assert [error.pointer for error in refused.value.errors] == [field]
    assert not Finding.objects.exists()
    assert not request.decisions.exists()
