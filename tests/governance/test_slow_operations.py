"""A slow store or mail server does not block promotions of a model, because nothing slow runs under its lock."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

import pytest
from django.core import mail
from django.db import connection, transaction
from pytest_django import Settings

from audit import clock
from audit.models import Event
from governance.models import NotificationDelivery
from governance.notifications import delivering, dispatching
from governance.services import evidence, reminders
from registry.access import actor_for
from registry.models import Evidence, RegisteredModel, ReviewReminder
from registry.services import models, people, versions
from registry.storage.filesystem import FilesystemStore
from tests.fixtures.slow_operations import SlowOperationError
from tests.governance.promotions.conftest import ROOT, Bank, found_bank

DELAY = 2.0
"""Seconds that the store or the mail server takes to answer."""


@pytest.fixture
def committed_bank(transactional_db: None) -> Bank:
    return found_bank()


@pytest.fixture
def store_is_slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Make the folder's answer to a question about a size take two seconds. Set while one waits for it."""
    size, waiting = FilesystemStore.size, threading.Event()

    def slow_size(self: FilesystemStore, sha256: str) -> int | None:
        waiting.set()
        time.sleep(DELAY)
        return size(self, sha256)

    monkeypatch.setattr(FilesystemStore, "size", slow_size)
    return waiting


def run_beside(slow: Callable[[], object], waiting: threading.Event, quick: Callable[[], object]) -> float:
    """Run `quick` while `slow` waits for its answer. Returns how many seconds `quick` took."""
    faults: list[BaseException] = []

    def run() -> None:
        try:
            slow()
        except BaseException as fault:
            faults.append(fault)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert waiting.wait(60)
    begun = time.monotonic()
    quick()
    took = time.monotonic() - begun
    assert thread.is_alive() or took >= DELAY, "the slow operation ended before the quick one: it did not wait"
    thread.join(60)
    assert not faults, faults
    return took


def lock_model(model: RegisteredModel) -> None:
    """Take and release the lock that every promotion of the model takes first, or fail after a second."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '1s'")
        RegisteredModel.objects.get_for_update(model.pk)


def test_a_slow_store_blocks_no_promotion(
    committed_bank: Bank, store_is_slow: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = committed_bank
    with monkeypatch.context() as quick:
        quick.setattr(time, "sleep", lambda seconds: None)
        version, second = bank.version(), bank.version()
        blob = bank.stored(b"the evaluation")
    store_is_slow.clear()

    def attach() -> None:
        evidence.attach_stored(
            actor=bank.actor("priya"), version=version, kind="document.report", filename="report.txt", blob=blob
        )

    def promote() -> None:
        lock_model(bank.model)
        assert bank.request(second, stage="staging").pk

    run_beside(attach, store_is_slow, promote)
    assert Evidence.objects.filter(version=version, blob_id=blob.sha256).exists()


def test_completing_a_version_checks_its_files_before_the_transaction(
    committed_bank: Bank, store_is_slow: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = committed_bank
    with monkeypatch.context() as quick:
        quick.setattr(time, "sleep", lambda seconds: None)
        version = bank.version()
    store_is_slow.clear()
    actor = bank.actor("priya")
    run_beside(
        lambda: versions.complete_registration(actor=actor, version=version),
        store_is_slow,
        lambda: lock_model(bank.model),
    )


class SlowMailServer(socketserver.StreamRequestHandler):
    """SMTP, as much as one message needs; the greeting comes late."""

    waiting = threading.Event()
    messages: ClassVar[list[bytes]] = []

    def handle(self) -> None:
        self.waiting.set()
        time.sleep(DELAY)
        self.wfile.write(b"220 slow.example ESMTP\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                body = b""
                while (part := self.rfile.readline()) not in (b".\r\n", b""):
                    body += part
                self.messages.append(body)
            self.wfile.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
            if verb == b"QUIT":
                return


def test_a_slow_mail_server_blocks_no_promotion(committed_bank: Bank, settings: Settings) -> None:
    bank = committed_bank
    model = due_for_review(bank)
    SlowMailServer.waiting.clear()
    SlowMailServer.messages.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), SlowMailServer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[0], server.server_address[1]
        version = bank.version()

        def promote() -> None:
            lock_model(model)
            assert bank.request(version, stage="staging").pk

        dispatching.dispatch()
        assert reminders.remind(model.pk)
        dispatching.dispatch()
        (number,) = delivering.due()
        run_beside(lambda: delivering.deliver(number), SlowMailServer.waiting, promote)
        server.shutdown()
    (message,) = SlowMailServer.messages
    assert b"credit-risk-pd" in message
    assert ReviewReminder.objects.filter(model=model).count() == 1
    assert Event.objects.filter(action="review.reminded").count() == 1
    assert NotificationDelivery.objects.get().state == "delivered"


def test_the_guard_refuses_a_store_and_mail_under_the_lock(committed_bank: Bank) -> None:
    bank = committed_bank
    with transaction.atomic():
        bank.stored(b"before the lock")
        RegisteredModel.objects.get_for_update(bank.model.pk)
        with pytest.raises(SlowOperationError):
            bank.stored(b"under the lock")
        with pytest.raises(SlowOperationError):
            mail.send_mail("subject", "text", None, ["someone@bank.example"])
    with transaction.atomic():
        list(RegisteredModel.objects.select_for_update().filter(pk=bank.model.pk))
        with pytest.raises(SlowOperationError):
            bank.stored(b"under the lock")
    bank.stored(b"after the lock")


def due_for_review(bank: Bank) -> RegisteredModel:
    """The bank's model, its review due in three days, its owner with an address."""
    people.update_person(
        actor=ROOT, person=bank.people["sofia"], name="Sofia", title="", email="sofia@bank.example", reason="has one"
    )
    bank.model.refresh_from_db()
    due = clock.now().date() + timedelta(days=3)
    return models.update_model(actor=actor_for(bank.people["sofia"]), model=bank.model, next_review=due)
