"""Reminders and escalation: each step once, to the right people, and nothing changes about who may decide."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit import clock
from audit.models import Event
from governance import promotions, selectors
from governance.models import PromotionRequest
from governance.policies import PolicyDocument, combine, parse
from governance.services import policies, setup
from governance.tasks import escalate_requests
from registry import access
from registry.exceptions import ValidationFailedError
from registry.models import ReviewerGroup
from registry.services import groups, people
from tests.governance.promotions.conftest import PASSWORD, ROOT, Bank

SOURCE = """slug: escalating
title: Waiting requests are escalated
applies_to: {{stages: [production]}}
priority: 10
checks: [{{check: integrity.digest}}]
approvals: [{{group: {group}, count: 2}}]
{more}
"""
STEPS = "escalation: {remind_after_days: 3, escalate: [{after_days: 5, to: deputies}, {after_days: 10, to: officers}]}"


def facts_of(event: Event, bank: Bank) -> tuple[str, str, set[str]]:
    names = {person.uid: name for name, person in bank.people.items()}
    data = event.body["data"]
    return str(event.action), data["to"], {names[uid] for uid in data["recipients"]}


def events_of(request: PromotionRequest) -> list[Event]:
    actions = ["promotion.reminded", "promotion.escalated"]
    return list(Event.objects.filter(action__in=actions, thing_id=str(request.uid)).order_by("id"))


@pytest.fixture
def waiting(bank: Bank) -> PromotionRequest:
    """A request under review, with an officer and a deputy beside the reviewers."""
    for name in ("olga", "dan"):
        bank.people[name] = people.register_person(actor=ROOT, username=name, name=name.title(), password=PASSWORD)
    access.grant_role(actor=ROOT, role=access.Role.OFFICER, user=bank.people["olga"], model=None, reason="officer")
    group = ReviewerGroup.objects.get(slug=setup.REVIEWERS)
    groups.add_member(actor=ROOT, group=group, user=bank.people["dan"], deputy=True, reason="deputy of the desk")
    policies.publish(actor=ROOT, source=SOURCE.format(group=setup.REVIEWERS, more=STEPS), reason="escalates")
    return bank.run_checks(bank.request(bank.in_staging()))


def test_each_step_is_taken_once_and_informs_the_right_people(bank: Bank, waiting: PromotionRequest) -> None:
    start = clock.now()
    mine = selectors.request_page(bank.actor("dan"), waiting.pk)
    assert [row.to for row in mine.escalation if row.event is None] == ["reviewers", "deputies", "officers"]
    with clock.freeze(start + timedelta(days=2)):
        assert promotions.requests_to_escalate() == []
    bank.decide(waiting, "marta")
    with clock.freeze(start + timedelta(days=3, hours=1)):
        assert promotions.requests_to_escalate() == [waiting.pk]
        for _ in range(2):
            escalate_requests()
            promotions.take_due_steps(waiting.pk)
        (reminded,) = events_of(waiting)
        # Not Marta, who has decided; not the people who made or requested it; not the deputy.
        assert facts_of(reminded, bank) == ("promotion.reminded", "reviewers", {"aiko", "chen", "tom"})
    with clock.freeze(start + timedelta(days=11)):
        promotions.take_due_steps(waiting.pk)
        assert promotions.take_due_steps(waiting.pk) == []
        assert [facts_of(event, bank) for event in events_of(waiting)[1:]] == [
            ("promotion.escalated", "deputies", {"dan"}),
            ("promotion.escalated", "officers", {"olga"}),
        ]
        page = selectors.request_page(bank.actor("marta"), waiting.pk)
        assert [row.recipients for row in page.escalation] == [("Aiko", "Chen", "Tom"), ("Dan",), ("Olga",)]
        # Who was informed decides no more than before.
        assert selectors.request_page(bank.actor("dan"), waiting.pk).my_places == mine.my_places
        assert "olga" not in {r.name.lower() for s in page.approvals for r in s.may_approve}


def test_nothing_is_recorded_where_no_approval_is_missing(bank: Bank, waiting: PromotionRequest) -> None:
    start = clock.now()
    bank.decide(waiting, "marta", "request_changes")
    with clock.freeze(start + timedelta(days=11)):
        assert promotions.take_due_steps(waiting.pk) == []
    promotions.withdraw(actor=bank.actor("priya"), request=bank.fresh(waiting), reason="later")
    with clock.freeze(start + timedelta(days=11)):
        assert promotions.take_due_steps(waiting.pk) == []
        assert promotions.requests_to_escalate() == []
    assert events_of(waiting) == []


@pytest.mark.parametrize(
    "more",
    [
        "escalation: {}",
        "escalation: {remind_after_days: 0}",
        "escalation: {remind_after_days: 5, escalate: [{after_days: 5, to: officers}]}",
        "escalation: {escalate: [{after_days: 5, to: officers}, {after_days: 7, to: officers}]}",
        "escalation: {escalate: [{after_days: 5, to: the-board}]}",
        "escalation: {after: 3}",
    ],
)
def test_a_section_that_cannot_be_followed_is_refused(more: str, bank: Bank) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        policies.read(SOURCE.format(group=setup.REVIEWERS, more=more))
    assert any("/escalation" in error.pointer for error in refused.value.errors)


def test_the_earliest_step_of_several_policies_counts_and_a_document_without_the_section_keeps_its_digest() -> None:
    def document(more: str) -> PolicyDocument:
        return parse(SOURCE.format(group="reviewers", more=more))

    combined = combine(
        [
            document("escalation: {remind_after_days: 4, escalate: [{after_days: 9, to: officers}]}"),
            document(""),
            document("escalation: {escalate: [{after_days: 2, to: deputies}, {after_days: 6, to: officers}]}"),
        ]
    )
    assert combined.escalation is not None
    assert combined.escalation.remind_after_days == 4
    assert [(r.to, r.after_days) for r in combined.escalation.escalate] == [("deputies", 2), ("officers", 6)]
    assert "escalation" not in document("").model_dump(mode="json")
