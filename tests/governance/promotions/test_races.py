"""Two people or two pipelines at the same moment: one outcome, and a record that says which."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connection

from audit.models import Event
from audit.recorder import ObjectRef
from audit.selectors import events_for_object
from governance import promotions, task_queue
from governance.gate import approvals
from governance.models import Decision, PromotionRequest
from governance.services import evidence, policies, setup
from registry.exceptions import DomainError
from registry.models import IS_CURRENT, ModelVersion, StageOccupancy
from registry.services import tokens, versions
from registry.services.versions import MetricSpec
from tests import factories
from tests.governance.promotions.conftest import CARD, PASSWORD, Bank, found_bank

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def bank(transactional_db: None) -> Iterator[Bank]:
    # These tests carry the checks out themselves; a worker that other tests left running must not hear of them.
    with task_queue.suppress_enqueue():
        yield found_bank()


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts in threads that start together, each on its own connection; what each returned or raised."""
    start = threading.Barrier(len(acts))
    outcomes: list[Any] = [None] * len(acts)

    def run(place: int, act: Callable[[], Any]) -> None:
        start.wait()
        try:
            outcomes[place] = act()
        except DomainError as refusal:
            outcomes[place] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
        assert not thread.is_alive(), "deadlock: a thread still waits"
    return outcomes


def decided(bank: Bank, request: PromotionRequest, who: str, outcome: str = "approve") -> Callable[[], Decision]:
    return lambda: promotions.decide(
        actor=bank.actor(who),
        request=request,
        outcome=outcome,
        packet_digest=request.packet_digest,
        comment="looked at it",
        signature=promotions.DecisionSignature(PASSWORD),
    )


def events(request: PromotionRequest) -> list[str]:
    return [event.action for event in events_for_object(ObjectRef("promotion", str(request.uid)))]


def test_two_deciders_promote_once(bank: Bank) -> None:
    request = bank.reviewed()
    outcomes = at_once(decided(bank, request, "marta"), decided(bank, request, "aiko"))
    assert all(isinstance(o, Decision) for o in outcomes), outcomes
    assert bank.fresh(request).state == "promoted"
    assert events(request).count("promotion.promoted") == 1


def test_one_person_twice_at_once_decides_once(bank: Bank) -> None:
    request = bank.reviewed()
    outcomes = at_once(*[decided(bank, request, "marta")] * 3)
    assert sum(isinstance(o, Decision) for o in outcomes) == 1
    assert {o.code for o in outcomes if isinstance(o, DomainError)} == {"already_decided"}


def test_two_requesters_open_one_request(bank: Bank) -> None:
    version = bank.in_staging()
    outcomes = at_once(*[lambda: bank.request(version)] * 4)
    assert sum(isinstance(o, PromotionRequest) for o in outcomes) == 1
    assert {o.code for o in outcomes if isinstance(o, DomainError)} == {"already_open"}
    assert PromotionRequest.objects.filter(version=version, target_stage__slug="production").count() == 1


def test_the_last_approval_against_withdrawal_has_one_winner(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "marta")

    def withdraw() -> PromotionRequest:
        return promotions.withdraw(actor=bank.actor("priya"), request=request, reason="not yet")

    approval, withdrawal = at_once(decided(bank, request, "aiko"), withdraw)
    state = bank.fresh(request).state
    version = ModelVersion.objects.get(pk=request.version_id)
    if isinstance(approval, Decision):
        assert state == "promoted"
        assert version.stage.slug == "production"
        assert isinstance(withdrawal, DomainError)
    else:
        assert state == "withdrawn"
        assert version.stage.slug == "staging"
        assert isinstance(approval, DomainError)


def test_approval_and_rejection_at_once_never_both_take_effect(bank: Bank) -> None:
    request = bank.decide(bank.reviewed(), "marta")
    at_once(decided(bank, request, "aiko"), decided(bank, request, "chen", "reject"))
    said = events(request)
    assert said.count("promotion.promoted") + said.count("promotion.rejected") == 1


def test_evidence_that_changes_under_the_last_approval(bank: Bank) -> None:
    """Whichever is first: either the version is promoted on what was signed, or the approval is refused or lapses."""
    request = bank.decide(bank.reviewed(), "marta")

    def attach() -> Any:
        return evidence.attach_metrics(
            actor=bank.actor("priya"), version=request.version, metrics=[MetricSpec("accuracy", 0.99)]
        )

    at_once(decided(bank, request, "aiko"), attach)
    fresh = bank.fresh(request)
    if fresh.state == "promoted":
        assert fresh.fingerprint == request.fingerprint
    else:
        assert Decision.objects.filter(request=request, lapsed_at__isnull=True).count() == 0


def test_a_token_that_adds_a_metric_while_the_last_approval_is_given(bank: Bank) -> None:
    """Whichever is first: what is approved is what was signed, and what came later is flagged, on record and in the
    answer to whoever asks for the version in Production."""
    request = bank.decide(bank.reviewed(), "marta")
    token = tokens.actor_of(factories.token(bank.people["priya"], ["versions:write"])[0])

    def attach() -> Any:
        return evidence.attach_metrics(actor=token, version=request.version, metrics=[MetricSpec("auc", 0.99)])

    at_once(decided(bank, request, "aiko"), attach)

    added = Event.objects.filter(action="metric.added").order_by("-id")[0]
    if bank.fresh(request).state == "promoted":
        (found,) = approvals.approvals(request.version)
        assert (found.deviates, found.fingerprint) == (True, request.fingerprint)
        assert [a.what for a in approvals.later_additions([found])[found.event].items] == ["auc = 0.99"]
        assert f"promotion:{request.uid}" in added.touched
        assert added.body["data"]["deviates_from"][0]["request"] == request.pk
    else:
        assert all(a.request != request.pk for a in approvals.approvals(request.version))
        assert Decision.objects.filter(request=request, lapsed_at__isnull=True).count() == 0


def test_the_database_refuses_an_addition_that_does_not_name_the_promotion(bank: Bank) -> None:
    version = bank.in_staging()

    with pytest.raises(IntegrityError, match="names its promotion"):
        versions.add_card(actor=bank.actor("priya"), version=version, text=CARD + "\nMore.\n")

    evidence.attach_card(actor=bank.actor("priya"), version=version, text=CARD + "\nMore.\n")


def test_two_versions_into_one_exclusive_stage(bank: Bank) -> None:
    first, second = bank.decide(bank.reviewed(), "marta"), bank.decide(bank.reviewed(), "marta")
    at_once(decided(bank, first, "aiko"), decided(bank, second, "chen"))
    held = StageOccupancy.objects.filter(IS_CURRENT, model=bank.model, stage__slug="production")
    assert held.count() == 1
    assert held.get().version_id == second.version_id
    assert bank.fresh(second).state == "promoted"
    assert bank.fresh(first).state in ("promoted", "superseded")


def test_a_rollback_and_a_promotion_at_once_leave_one_version_in_production(bank: Bank) -> None:
    source = """
slug: starter-production
title: Into Production, with a shorter way back
applies_to: {stages: [production]}
checks: [{check: integrity.digest}]
approvals: [{group: reviewers, count: 1}]
rollback: {approvals: [{group: reviewers}], within_days: 30}
"""
    policies.publish(actor=setup.INSTALLER, source=source, reason="for the test")
    first = bank.decide(bank.reviewed(), "marta").version
    bank.decide(bank.reviewed(), "marta")
    newest = bank.reviewed()
    back = bank.run_checks(
        promotions.request(
            actor=bank.actor("priya"), version=first, target_stage="production", reason="r", kind="rollback"
        )
    )

    at_once(decided(bank, newest, "marta"), decided(bank, back, "aiko"))

    held = StageOccupancy.objects.filter(IS_CURRENT, stage__slug="production", model=bank.model)
    assert [row.version_id for row in held] == [newest.version_id]
    assert bank.fresh(newest).state == "promoted"
    # Carried out first, the rollback was replaced; otherwise the newer version closed it.
    assert bank.fresh(back).state in ("promoted", "superseded")
