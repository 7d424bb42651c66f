"""Further reasons: delegations, requests that wait, changed approvals, and tokens of service accounts."""

from __future__ import annotations

from datetime import timedelta

from audit import clock
from governance import promotions
from governance.models import Notification
from governance.notifications import scheduled
from governance.services import delegations, evidence, impacts, policies
from registry import access
from registry.models import User
from registry.services import people
from registry.services.account_controls import add_service_account_user
from registry.services.versions import MetricSpec
from tests import factories
from tests.governance.notifications.conftest import carry_out
from tests.governance.notifications.test_notifications import got
from tests.governance.promotions.conftest import PASSWORD, ROOT, Bank

ESCALATING = """slug: escalating
title: Waiting requests are escalated
applies_to: {stages: [production]}
priority: 10
checks: [{check: integrity.digest}]
approvals: [{group: reviewers}]
escalation: {remind_after_days: 3, escalate: [{after_days: 5, to: officers}]}
"""


def titles(reason: str) -> list[str]:
    return list(Notification.objects.filter(reason=reason).order_by("pk").values_list("title", flat=True))


def test_delegate_and_delegator_are_notified_and_the_delegate_of_the_review(bank: Bank) -> None:
    access.grant_role(
        actor=ROOT, role=access.Role.VIEWER, user=bank.people["eve"], model=bank.model, reason="reads the model"
    )
    request = bank.reviewed()
    given = delegations.grant_delegation(
        actor=bank.actor("marta"), delegate="eve", valid_until=clock.now() + timedelta(days=5), password=PASSWORD
    )
    carry_out()
    assert got("delegation") == {"eve": "The decisions are delegated to you."}, "not who granted it"
    bank.decide(request, "aiko", "request_changes")
    carry_out()
    assert got("review_requested").get("eve", "").startswith("You decide for Marta")
    with clock.freeze(given.valid_until + timedelta(minutes=1)):
        delegations.close_expired_delegation(given.pk)
        carry_out()
    assert set(got("delegation")) == {"eve", "marta"}
    assert titles("delegation")[-1].endswith("from Marta to Eve has ended")


def test_those_whom_a_policy_informs_are_notified_that_a_request_waits(bank: Bank) -> None:
    policies.publish(actor=ROOT, source=ESCALATING, reason="escalates")
    officer = factories.officer("olga")
    request = bank.run_checks(bank.request(bank.in_staging()))
    with clock.freeze(clock.now() + timedelta(days=6)):
        promotions.take_due_steps(request.pk)
        carry_out()
    found = got("request_waiting")
    assert found.pop(officer.username).startswith("You are a compliance officer")
    assert set(found) == {"marta", "aiko", "chen", "tom"}
    assert "has waited for approvals since" in titles("request_waiting")[0]


def test_requester_and_owner_are_notified_that_the_basis_of_an_approval_changed(bank: Bank) -> None:
    request = bank.reviewed()
    for name in ("marta", "aiko"):
        request = bank.decide(request, name)
    assert request.state == "promoted"
    evidence.attach_metrics(actor=bank.actor("priya"), version=request.version, metrics=[MetricSpec("accuracy", 0.99)])
    impacts.record_all()
    carry_out()
    assert got("impact") == {"priya": "You made the request.", "sofia": "You own the model."}
    assert "(inputs changed)" in titles("impact")[0]


def test_owners_of_a_service_account_are_notified_that_its_token_ends(bank: Bank) -> None:
    robot = people.register_person(actor=ROOT, username="ci", name="CI", kind=User.Kind.SERVICE)
    add_service_account_user(
        actor=ROOT, account=robot, person=bank.people["priya"], owner=True, reason="owns the pipeline"
    )
    token, _ = factories.token(robot, ["models:read"], days=30)
    for day in (22, 24, 29, 29):
        with clock.freeze(token.created_at + timedelta(days=day)):
            scheduled.notify_of_dates()
    assert got("ends") == {"priya": "You own the service account."}
    assert len(titles("ends")) == 2
