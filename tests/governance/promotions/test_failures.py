"""A request that code cannot judge or execute shows the reason, is tried again a few times, and recovers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from audit import clock
from audit.recorder import ObjectRef
from audit.selectors import events_for_object
from governance import promotions, selectors, task_queue, tasks
from governance.checks import check_runs, planning
from governance.documents import freezing
from governance.gate import review_packet
from governance.models import PromotionRequest, SettlementFailure
from governance.promotions.failures import PAUSES
from governance.services import evidence
from registry.exceptions import InvalidStateError
from registry.services import models
from tests.governance.promotions.conftest import CARD, Bank


@contextmanager
def broken(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> Iterator[None]:
    """A stored text, or a fault of the code, that ends the function with an error."""

    def fail(*_: object, **__: object) -> None:
        raise KeyError("maybe")

    with monkeypatch.context() as patch:
        patch.setattr(module, name, fail)
        yield


@pytest.fixture
def request_(bank: Bank) -> PromotionRequest:
    """A request for Production whose only missing approval is Marta's."""
    request = bank.run_checks(bank.request(bank.in_staging()))
    assert request.state == "open"
    assert request.packet_digest
    return request


def unmet(bank: Bank, request: PromotionRequest) -> list[tuple[str, str]]:
    judged = selectors.evaluate_request(bank.fresh(request)).verdict
    assert judged is not None
    return [(r.id, r.detail) for r in judged.unmet]


def test_the_last_approval_stays_where_the_promotion_cannot_be_executed(
    bank: Bank, request_: PromotionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broken(monkeypatch, freezing, "freeze_document"):
        found = approve(bank, request_)

    assert found.state == "blocked"
    assert found.version.stage.slug == "staging"
    assert ("execution", "it could not be executed: KeyError: 'maybe'") in unmet(bank, found)
    event = events_for_object(ObjectRef("promotion", str(found.uid)))[0]
    assert event.action == "promotion.blocked"
    assert event.body["data"]["unmet"] == ["execution"]
    assert {d.outcome for d in found.decisions.filter(lapsed_at__isnull=True)} == {"approve"}
    connection.check_constraints()

    promotions.reevaluate(found.pk)
    found = bank.fresh(found)
    assert found.state == "promoted"
    assert not SettlementFailure.objects.exists()


def approve(bank: Bank, request: PromotionRequest) -> PromotionRequest:
    """Every approval the starter policy asks for."""
    for name in ("marta", "aiko"):
        request = bank.decide(request, name)
    return request


def test_it_is_tried_again_after_growing_pauses_and_then_no_more(
    bank: Bank, request_: PromotionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    span = timedelta(minutes=2)
    now = clock.now() + timedelta(hours=1)
    with broken(monkeypatch, review_packet, "build"), clock.freeze(now):
        promotions.reevaluate(request_.pk)
        assert request_.pk not in promotions.to_settle(span)
        for failures, pause in enumerate(PAUSES, 1):
            assert SettlementFailure.objects.get().failures == failures
            now += pause + timedelta(seconds=1)
            with clock.freeze(now):
                assert request_.pk in promotions.to_settle(span)
                promotions.reevaluate(request_.pk)
                assert request_.pk not in promotions.to_settle(span)
        with clock.freeze(now + timedelta(days=365)):
            assert request_.pk not in promotions.to_settle(span)
    blocked = [
        e for e in events_for_object(ObjectRef("promotion", str(request_.uid))) if e.action == "promotion.blocked"
    ]
    assert len(blocked) == 1

    with clock.freeze(now + timedelta(days=1)):
        models.update_model(actor=bank.actor("priya"), model=bank.model, title="Another title")
        assert request_.pk in promotions.to_settle(span)
        assert promotions.reevaluate(request_.pk).state == "open"
    assert not SettlementFailure.objects.exists()


def test_evidence_is_attached_and_a_request_made_where_settling_fails(
    bank: Bank, request_: PromotionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broken(monkeypatch, planning, "plan"):
        promotions.reevaluate(request_.pk)
        second = bank.request(bank.version(), stage="staging")
        assert second.state == "blocked"
        evidence.attach_card(actor=bank.actor("priya"), version=request_.version, text=CARD + "\nMore.\n")
        assert bank.fresh(request_).state == "blocked"
    evidence.attach_card(actor=bank.actor("priya"), version=request_.version, text=CARD + "\nMended.\n")
    assert bank.run_checks(request_).state == "open"
    assert [row.request_id for row in SettlementFailure.objects.all()] == [second.pk]


def test_a_person_gets_the_reason(bank: Bank, request_: PromotionRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        broken(monkeypatch, review_packet, "build"),
        pytest.raises(InvalidStateError, match="KeyError: 'maybe'") as caught,
    ):
        bank.decide(request_, "marta")
    assert caught.value.code == "not_executed"


def test_the_owner_finds_it_in_their_queue(
    bank: Bank, request_: PromotionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broken(monkeypatch, review_packet, "build"):
        promotions.reevaluate(request_.pk)
    owner = bank.model.owner
    assert owner is not None
    client = Client()
    client.force_login(owner)
    page = client.get("/reviews/").content.decode()
    assert "it could not be executed: KeyError: &#x27;maybe&#x27;" in page
    assert f"#{request_.pk}" in page
    shown = client.get(f"/promotions/{request_.pk}/").content.decode()
    assert "KeyError: &#x27;maybe&#x27;" in shown


def test_a_step_of_the_sweep_that_fails_stops_no_other(
    bank: Bank, request_: PromotionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broken(monkeypatch, review_packet, "build"):
        promotions.reevaluate(request_.pk)
    enqueued: list[tuple[str, int]] = []
    monkeypatch.setattr(task_queue, "enqueue_now", lambda task, number: enqueued.append((task, number)))
    with broken(monkeypatch, check_runs, "fail_lost_runs"), clock.freeze(clock.now() + 2 * PAUSES[0]):
        tasks.requeue_due_work()
    assert (task_queue.SETTLE_REQUEST, request_.pk) in enqueued
