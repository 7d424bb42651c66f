"""Work that workers claim: the same rules for every queue, each on its own table."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from pytest_django import Settings

from audit import clock
from governance.checks import check_runs
from governance.documents import pdf_files
from governance.integrations.source_sync import copying
from governance.models import CheckRun, NotificationDelivery, PdfFile, PolicyReplay, WebhookDelivery
from governance.notifications import delivering
from governance.notifications.webhooks import sending
from governance.services import policy_replays, webhooks
from registry.access import actor_for
from registry.models import Artifact, Upload
from registry.services import upload_processing
from registry.services.claiming import Lease, WorkQueue
from tests import factories
from tests.governance.promotions.conftest import Bank, found_bank
from tests.waiting import wait_until

Waiting = tuple[WorkQueue[Any], int]
"""A queue, and the key of a row in it that waits for a worker."""


def waiting_check(bank: Bank) -> int:
    request = bank.request(bank.version(), stage="staging")
    return CheckRun.objects.filter(request=request, status=CheckRun.Status.QUEUED).latest("pk").pk


def waiting_upload(bank: Bank) -> int:
    artifact = Artifact.objects.filter(version=bank.version()).latest("pk")
    return Upload.objects.create(artifact=artifact, state=Upload.State.QUEUED).pk


def waiting_copy(bank: Bank) -> int:
    version = factories.version(bank.model, bank.people["priya"], source="file:///mnt/mlruns/1/model")
    planned = copying.plan(version)
    assert planned is not None
    return planned.pk


def waiting_delivery(bank: Bank) -> int:
    hook = webhooks.create(
        actor=actor_for(factories.officer()), name="ci", url="http://127.0.0.1:9/hook", events=["model_version.created"]
    )
    facts = {"entity": "model_version", "action": "created", "created_at": clock.now()}
    return WebhookDelivery.objects.create(webhook=hook, event=hook.uid, place=0, **facts).pk


def waiting_replay(bank: Bank) -> int:
    facts = {"requested_by": bank.people["priya"], "created_at": clock.now(), "since": clock.now()}
    return PolicyReplay.objects.create(policy_slug="a", source="", document_digest="0" * 64, **facts).pk


def waiting_pdf(bank: Bank) -> int:
    facts = {"source": b"{}", "requested_by": bank.people["priya"], "created_at": clock.now()}
    return PdfFile.objects.create(digest="0" * 64, **facts).pk


def waiting_notification(bank: Bank) -> int:
    return NotificationDelivery.objects.create(person=bank.people["sofia"], created_at=clock.now()).pk


QUEUES: dict[str, tuple[WorkQueue[Any], Callable[[Bank], int]]] = {
    "check runs": (check_runs.QUEUE, waiting_check),
    "uploads": (upload_processing.QUEUE, waiting_upload),
    "source copies": (copying.QUEUE, waiting_copy),
    "webhook deliveries": (sending.QUEUE, waiting_delivery),
    "PDF files": (pdf_files.QUEUE, waiting_pdf),
    "notifications": (delivering.QUEUE, waiting_notification),
    "replays of policies": (policy_replays.QUEUE, waiting_replay),
}
LIMITED = ("uploads", "source copies", "webhook deliveries", "PDF files", "notifications", "replays of policies")
"""Those whose attempts are counted in the row and limited. A check run is retried as another row
(`test_execution.py`)."""


@pytest.fixture
def waiting(request: pytest.FixtureRequest, transactional_db: None, settings: Settings) -> Waiting:
    settings.COUNTERSIGN_WEBHOOK_HOSTS = ["127.0.0.1"]
    settings.COUNTERSIGN_SOURCES = [{"kind": "folder", "prefix": "file:///mnt/mlruns", "path": "/nowhere"}]
    queue, make = QUEUES[request.param]
    return queue, make(found_bank())


@pytest.fixture
def now() -> Iterator[None]:
    with clock.freeze(clock.now()):
        yield


def pass_lost_after(queue: WorkQueue[Any]) -> None:
    clock.advance(queue.lost_after() + timedelta(seconds=1))


@pytest.mark.parametrize("waiting", QUEUES, indirect=True)
def test_of_two_workers_that_claim_at_once_one_gets_the_row(waiting: Waiting) -> None:
    queue, pk = waiting
    second: list[Lease | None] = []

    def claim() -> None:
        try:
            second.append(queue.claim(pk))
        finally:
            connection.close()

    thread = threading.Thread(target=claim)
    with transaction.atomic():
        first = queue.claim(pk)
        thread.start()
        wait_until(is_another_session_waiting)
    thread.join(60)
    assert first is not None
    assert second == [None]
    assert queue.heartbeat(first)
    assert queue.claim(pk) is None


def is_another_session_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("waiting", QUEUES, indirect=True)
def test_a_lost_worker_loses_its_row(waiting: Waiting, now: None) -> None:
    queue, pk = waiting
    first = queue.claim(pk)
    assert first is not None
    clock.advance(queue.lost_after() - timedelta(seconds=1))
    assert queue.heartbeat(first)
    clock.advance(queue.lost_after() - timedelta(seconds=1))
    assert not queue.lost().exists(), "its last report is recent"
    assert queue.claim(pk) is None
    clock.advance(timedelta(seconds=2))
    assert [row.pk for row in queue.lost()] == [pk]
    second = queue.claim(pk)
    if not queue.reclaims_lost:
        assert second is None
        return
    assert second is not None
    assert second.token != first.token
    assert not queue.heartbeat(first)
    assert not queue.finish(first)
    assert not queue.retry(first, 1)
    assert queue.held(second).exists()


@pytest.mark.parametrize("waiting", LIMITED, indirect=True)
def test_attempts_are_counted_paused_and_limited(waiting: Waiting, now: None) -> None:
    queue, pk = waiting
    assert queue.max_attempts is not None
    for number in range(1, queue.max_attempts() + 1):
        lease = queue.claim(pk)
        assert lease is not None
        row = queue.held(lease).get()
        assert row.attempts == number
        assert queue.is_last_attempt(number) == (number == queue.max_attempts())
        if queue.is_last_attempt(number):
            break
        assert queue.retry(lease, number, at_least=timedelta(minutes=1))
        assert queue.claim(pk) is None, "the pause is not over"
        assert pk not in queue.claimable_ids()
        row.refresh_from_db()
        assert row.claim is None
        clock.advance(row.run_after - clock.now())
        assert queue.claimable_ids() == [pk]
    # The worker of the last attempt is lost.
    pass_lost_after(queue)
    ended = queue.finish_exhausted(state="failed", problem="lost")
    again = queue.claim(pk)
    if queue.counts_lost:
        assert (ended, again) == (1, None)
    else:
        assert ended == 0
        assert again is not None
        assert queue.held(again).get().attempts == queue.max_attempts(), "a lost worker is no attempt"
