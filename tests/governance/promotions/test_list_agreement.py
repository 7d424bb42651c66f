"""Lists, inboxes and counts of promotion requests agree with the page of the request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit import clock
from governance import promotions, selectors
from governance.checks.builtin.integrity_digest import IntegrityDigest
from governance.models import CheckRun, PromotionRequest
from governance.selectors import ListRow, PromotionDetail
from governance.services import policies, setup
from registry import access
from registry.models import Grant, ReviewerGroup
from registry.services import groups, people
from tests.governance.promotions.conftest import ROOT, Bank

TWO_REVIEWERS = """slug: ageing
title: Results age
applies_to: {{stages: [production]}}
priority: 10
checks: [{{check: integrity.digest, max_age_days: 5}}]
approvals: [{{group: {group}, count: 2}}]
"""


def row_of(bank: Bank, who: str, request: PromotionRequest) -> ListRow:
    rows = PromotionRequest.objects.filter(pk=request.pk)
    (row,) = selectors.promotion_summaries(bank.actor(who), rows)
    return row


def assert_agreement(bank: Bank, who: str, request: PromotionRequest) -> tuple[ListRow, PromotionDetail]:
    """Return the row and the page of a request for a reader, after comparing all that both show."""
    row, page = row_of(bank, who, request), selectors.request_page(bank.actor(who), request.pk)
    required = [check.requirement for check in page.checks if check.rule.mode == "required"]
    assert (row.checks_met, row.checks_total) == (sum(r.satisfied for r in required), len(required))
    assert row.approvals_have == sum(len(progress.approved_by) for progress in page.approvals)
    assert row.approvals_need == sum(progress.rule.count for progress in page.approvals)
    open_now = page.verdict is not None and page.verdict.review_open
    if row.needs_me:
        assert page.can_decide
    if page.can_decide and open_now and any(p.open and p.missing > 0 for p in page.approvals):
        assert row.needs_me
    inbox = selectors.my_reviews(bank.actor(who))
    assert row.needs_me == (request.pk in {one.request.pk for one in inbox.needs_me})
    counted = selectors.model_ids_awaiting_review(bank.actor(who), bank.people[who])
    assert len(counted) == len(inbox.needs_me)
    return row, page


def ageing(bank: Bank) -> PromotionRequest:
    """Return a request under review whose check results are valid for five days."""
    source = TWO_REVIEWERS.format(group=setup.REVIEWERS)
    policies.publish(actor=ROOT, source=source, reason="results age")
    request = bank.run_checks(bank.request(bank.in_staging()))
    assert request.packet_digest
    return request


def revoke_decide(bank: Bank) -> None:
    for grant in Grant.objects.filter(closed_at__isnull=True, role=access.Role.APPROVER):
        access.revoke_role(actor=ROOT, grant=grant, reason="the desk decides on this model no more")


def test_a_member_without_permission_to_decide_has_nothing_to_review(bank: Bank) -> None:
    request = bank.reviewed()
    row, _ = assert_agreement(bank, "marta", request)
    assert row.needs_me
    revoke_decide(bank)
    access.grant_role(
        actor=ROOT, role=access.Role.VIEWER, user=bank.people["marta"], model=bank.model, reason="still reads"
    )
    row, page = assert_agreement(bank, "marta", request)
    assert not row.needs_me
    assert not page.can_decide


def test_an_approval_without_permission_to_decide_is_not_counted(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "marta")
    row, _ = assert_agreement(bank, "priya", request)
    assert row.approvals_have == 1
    revoke_decide(bank)
    row, _ = assert_agreement(bank, "priya", request)
    assert row.approvals_have == 0


def test_an_approval_of_a_member_who_left_the_group_is_not_counted(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "marta")
    group = ReviewerGroup.objects.get(slug=setup.REVIEWERS)
    groups.remove_member(actor=ROOT, group=group, user=bank.people["marta"], reason="leaves the desk")
    row, page = assert_agreement(bank, "aiko", request)
    assert row.approvals_have == 0
    assert row.needs_me
    assert [len(progress.approved_by) for progress in page.approvals] == [0]


def test_a_result_older_than_the_policy_allows_is_not_counted(bank: Bank) -> None:
    request = ageing(bank)
    assert assert_agreement(bank, "marta", request)[0].needs_me
    with clock.freeze(clock.now() + timedelta(days=6)):
        row, page = assert_agreement(bank, "marta", request)
        assert (row.checks_met, row.checks_total) == (0, 1)
        assert not row.needs_me
        assert page.checks[0].stale


def test_a_closed_request_keeps_the_results_that_it_was_closed_with(bank: Bank) -> None:
    request = ageing(bank)
    for name in ("marta", "aiko"):
        request = bank.decide(request, name)
    assert request.state == "promoted"
    with clock.freeze(clock.now() + timedelta(days=60)):
        row, page = assert_agreement(bank, "marta", request)
        assert (row.checks_met, row.approvals_have) == (1, 2)
        assert not page.checks[0].stale


def test_an_objection_of_a_deactivated_account_is_no_reason_to_wait(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "marta", "request_changes")
    (found,) = selectors.waiting_for_author(bank.actor("priya"), bank.people["priya"])
    assert "asked for changes" in found.reason
    people.deactivate(actor=ROOT, person=bank.people["marta"], reason="left the bank")
    assert bank.fresh(request).decisions.get().lapsed_at is None
    page = selectors.request_page(bank.actor("priya"), request.pk)
    assert page.verdict is not None
    assert not any(r.id.startswith("changes:") for r in page.verdict.unmet)
    reasons = [row.reason for row in selectors.waiting_for_author(bank.actor("priya"), bank.people["priya"])]
    assert not any("asked for changes" in reason for reason in reasons)


def test_a_result_of_another_version_of_the_check_is_not_counted(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    request = ageing(bank)
    monkeypatch.setattr(IntegrityDigest, "version", "2.0.0")
    row, page = assert_agreement(bank, "marta", request)
    assert row.checks_met == 0
    assert page.checks[0].stale


def _list(bank: Bank) -> object:
    return selectors.promotion_summaries(bank.actor("aiko"), PromotionRequest.objects.order_by("-pk"))


def _inbox(bank: Bank) -> object:
    return selectors.my_reviews(bank.actor("aiko"))


def _count(bank: Bank) -> object:
    return selectors.model_ids_awaiting_review(bank.actor("aiko"), bank.people["aiko"])


@pytest.mark.parametrize("read", [_list, _inbox, _count])
def test_more_requests_and_decisions_need_no_more_queries(bank: Bank, read: Callable[[Bank], object]) -> None:
    bank.decide(bank.reviewed(), "marta")
    with CaptureQueriesContext(connection) as one:
        read(bank)
    for name in ("marta", "chen"):
        bank.decide(bank.reviewed(), name)
    with CaptureQueriesContext(connection) as three:
        read(bank)
    assert PromotionRequest.objects.filter(state="open", packet_digest__gt="").count() == 3
    assert len(three) == len(one)
    assert CheckRun.objects.exists()
    assert promotions.to_settle(timedelta(0)) == []
