"""Checks on real workers over a Redis of the test's own: rung, killed, rung twice, rung in vain."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db import transaction
from redis import Redis as RedisClient

from audit import clock, context
from audit.recorder import ObjectRef
from audit.selectors import events_for_object
from governance import task_queue, tasks
from governance.celery import app
from governance.checks import entry_points
from governance.embedded.servers import binary
from governance.models import CheckRun, PromotionRequest
from governance.policies import CheckRule
from governance.services import policies
from governance.services import setup as installation
from tests.fixtures.workers import WorkerProcess
from tests.governance.promotions.conftest import Bank, found_bank
from tests.waiting import wait_until

PLUGINS = Path(__file__).parent / "checks" / "plugins"


class Redis:
    """A Redis server that the test may kill."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.log = folder / "redis.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}?virtual_host=0"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    str(binary("redis-server")), "--port", "0", "--unixsocket", str(self.socket),
                    "--save", "", "--appendonly", "no",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(self.socket.exists)

    def waiting(self) -> tuple[int, int]:
        """Messages in the queue, and messages that a worker took and has not acknowledged."""
        with RedisClient(unix_socket_path=str(self.socket)) as client:
            return client.llen("celery") + client.llen("checks"), client.hlen("unacked")

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.socket.unlink(missing_ok=True)


@contextmanager
def ringing_on(url: str, **options: float) -> Iterator[None]:
    """Let this process ring on another broker."""
    before = {"broker_url": app.conf.broker_url, "broker_transport_options": app.conf.broker_transport_options}
    app.conf.update(broker_url=url, broker_transport_options={**app.conf.broker_transport_options, **options})
    app._after_fork()  # type: ignore[attr-defined]  # forgets the connections to the other one
    task_queue._silent_until = 0.0
    try:
        yield
    finally:
        app.conf.update(before)
        app._after_fork()  # type: ignore[attr-defined]  # a private name of Celery
        task_queue._silent_until = 0.0


@pytest.fixture
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """A Redis of the test's own, on which this process rings, too."""
    server = Redis(tmp_path_factory.mktemp("redis"))
    with ringing_on(server.url):
        yield server
    server.kill()


@pytest.fixture
def worker(
    redis: Redis, start_worker: Callable[..., WorkerProcess], tmp_path: Path
) -> Iterator[Callable[..., WorkerProcess]]:
    """Start workers that know the imaginary organisation's plug-in; `beats=True` for one that beats, and fast."""
    started: list[WorkerProcess] = []

    def start(*, beats: bool = False) -> WorkerProcess:
        beat = ["--beat", f"--schedule={tmp_path / 'schedule'}"] if beats else []
        environment = {"COUNTERSIGN_TEST_REDIS_URL": redis.url, "PYTHONPATH": str(PLUGINS)}
        if beats:
            environment["COUNTERSIGN_TEST_CLOCKWORK"] = "fast"
        started.append(start_worker(*beat, **environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def bank(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bank]:
    """The bank of the door's tests, committed, with the plug-in installed here as well."""
    monkeypatch.syspath_prepend(str(PLUGINS))
    entry_points.installed.cache_clear()
    yield found_bank()
    entry_points.installed.cache_clear()


def patient(bank: Bank, gate: Path) -> PromotionRequest:
    """A request whose one check runs until the file `gate` is there."""
    policies.publish(
        actor=installation.INSTALLER,
        source="slug: patient\ntitle: Patient\napplies_to: {stages: [staging]}\npriority: 9\n"
        f"checks: [{{check: acme.patience, params: {{until: '{gate}'}}}}]\n",
        reason="for the test",
    )
    return bank.request(bank.version(), stage="staging")


def runs(request: PromotionRequest) -> list[CheckRun]:
    return list(CheckRun.objects.filter(request=request).order_by("pk"))


def promoted(request: PromotionRequest) -> bool:
    return PromotionRequest.objects.get(pk=request.pk).state == "promoted"


def completions(run: CheckRun) -> int:
    return [event.action for event in events_for_object(ObjectRef("check_run", str(run.uid)))].count("check.completed")


def test_a_worker_carries_out_what_was_enqueued_at_the_commit(bank: Bank, worker: Callable[..., WorkerProcess]) -> None:
    running = worker()
    with context.bind_request_context(request_id="req-of-this-test", client="api"):
        request = bank.request(bank.version(), stage="staging")
    wait_until(lambda: promoted(request), said=running.output)
    for run in runs(request):
        completed = events_for_object(ObjectRef("check_run", str(run.uid)))[0]
        assert completed.action == "check.completed"
        assert completed.body["request"] == {"id": "req-of-this-test", "client": "worker"}


def is_running(request: PromotionRequest) -> bool:
    """Whether a worker runs a check of the request; the check itself can write nothing that a test could look for."""
    return any(run.status == "running" for run in runs(request))


def with_a_child(worker: WorkerProcess) -> list[int]:
    """The processes of a worker that have a child of their own."""
    return [pid for pid in worker.children() if Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_check_whose_worker_was_killed_is_run_again_by_itself(
    bank: Bank, worker: Callable[..., WorkerProcess], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = worker()
    request = patient(bank, gate)
    wait_until(lambda: is_running(request), said=first.output)
    first.kill()
    (run,) = runs(request)
    assert run.status == "running"
    gate.touch()
    second = worker(beats=True)
    wait_until(lambda: promoted(request), said=second.output)
    lost, *again = runs(request)
    assert (lost.conclusion, completions(lost)) == ("error", 1)
    assert "worker" in lost.summary
    assert again[-1].conclusion == "success"


def test_a_pool_process_killed_in_a_check_takes_nothing_with_it(
    bank: Bank, worker: Callable[..., WorkerProcess], tmp_path: Path
) -> None:
    """The worker's main process lives on and has the message delivered again; the row says that it is taken."""
    gate = tmp_path / "gate"
    running = worker(beats=True)
    request = patient(bank, gate)
    wait_until(lambda: is_running(request), said=running.output)
    # Beat is a child too; what runs the check is the one with a child of its own.
    busy = wait_until(lambda: with_a_child(running), said=running.output)
    assert len(busy) == 1
    gate.touch()
    os.kill(busy[0], signal.SIGKILL)
    wait_until(lambda: promoted(request), said=running.output)
    assert all(completions(run) == 1 for run in runs(request))


def test_redis_stopped_while_a_request_is_made(
    bank: Bank, redis: Redis, worker: Callable[..., WorkerProcess], caplog: pytest.LogCaptureFixture
) -> None:
    running = worker(beats=True)
    redis.kill()
    with caplog.at_level(logging.WARNING, "governance.task_queue"):
        request = bank.request(bank.version(), stage="staging")
    assert {run.status for run in runs(request)} == {"queued"}
    # One warning, not one for each check: the other rings were left to beat.
    assert [record.message.partition("(")[0] for record in caplog.records] == [
        "could not enqueue governance.tasks.run_check"
    ]
    redis.start()
    wait_until(lambda: promoted(request), said=running.output)


def test_a_check_survives_the_loss_of_redis(
    bank: Bank, redis: Redis, worker: Callable[..., WorkerProcess], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    running = worker()
    request = patient(bank, gate)
    wait_until(lambda: is_running(request), said=running.output)
    redis.kill()
    wait_until(
        lambda: "consumer: Cannot connect" in running.output() or "Connection" in running.output(), said=running.output
    )
    redis.start()
    gate.touch()
    wait_until(lambda: promoted(request), said=running.output)
    (run,) = runs(request)
    assert (run.conclusion, completions(run)) == ("success", 1)


def test_nothing_is_enqueued_for_what_was_rolled_back(bank: Bank, redis: Redis) -> None:
    class Undone(Exception):
        """What a door raises when it changes its mind."""

    def ask_and_fail() -> None:
        with transaction.atomic():
            bank.request(bank.version(), stage="staging")
            raise Undone

    with pytest.raises(Undone):
        ask_and_fail()
    assert redis.waiting() == (0, 0)
    request = bank.request(bank.version(), stage="staging")
    assert redis.waiting() == (len(runs(request)), 0)
    assert runs(request)


def test_every_process_rings_on_the_products_broker() -> None:
    assert current_app._get_current_object() is app  # type: ignore[attr-defined]  # a private name of Celery
    assert app.conf.broker_url == settings.CELERY_BROKER_URL


def test_a_broker_that_does_not_answer_does_not_fail_the_transaction(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A socket that takes connections and never says a word: the time-out of one connection, once."""
    attempts: list[str] = []
    original = app.send_task

    def counted(name: str, *arguments: Any, **named: Any) -> Any:
        attempts.append(name)
        return original(name, *arguments, **named)

    monkeypatch.setattr(app, "send_task", counted)
    path = tmp_path / "mute.sock"
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        url = f"redis+socket://{path}?virtual_host=0"
        with ringing_on(url, socket_timeout=0.2, socket_connect_timeout=0.2):
            request = bank.request(bank.version(), stage="staging")
    assert len(attempts) == 1
    assert {run.status for run in runs(request)} == {"queued"}


def test_a_task_delivered_again_finds_nothing_to_claim(
    bank: Bank, redis: Redis, worker: Callable[..., WorkerProcess], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    running = worker()
    request = patient(bank, gate)
    wait_until(lambda: promoted(request), said=running.output)
    (run,) = runs(request)
    for _ in range(3):
        task_queue.enqueue_on_commit(task_queue.RUN_CHECK, run.pk)
        task_queue.enqueue_on_commit(task_queue.SETTLE_REQUEST, request.pk)
    wait_until(lambda: redis.waiting() == (0, 0), said=running.output)
    assert [r.pk for r in runs(request)] == [run.pk]
    assert completions(run) == 1
    assert "ERROR" not in running.output()


def test_two_workers_notified_of_one_run_run_it_once(
    bank: Bank, redis: Redis, worker: Callable[..., WorkerProcess], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    both = [worker(), worker()]
    request = patient(bank, gate)
    (run,) = runs(request)
    for _ in range(10):
        task_queue.enqueue_on_commit(task_queue.RUN_CHECK, run.pk)
    # One of them is busy until the gate opens; the other takes all further rings, and finds nothing to claim.
    wait_until(lambda: is_running(request), said=both[0].output)
    wait_until(lambda: redis.waiting() == (0, 1), said=both[1].output)
    run.refresh_from_db()
    assert run.status == "running"
    gate.touch()
    wait_until(lambda: promoted(request), said=both[0].output)
    assert (len(runs(request)), completions(run)) == (1, 1)


def test_beat_lets_a_request_expire(bank: Bank, worker: Callable[..., WorkerProcess]) -> None:
    with clock.freeze(clock.now() - timedelta(days=31)):
        policies.publish(
            actor=installation.INSTALLER,
            source="slug: earlier\ntitle: Earlier\napplies_to: {stages: [staging]}\npriority: 9\n"
            "checks: [{check: integrity.digest}]\n",
            reason="in force before the bank was made",
        )
        request = bank.request(bank.version(), stage="staging")
    running = worker(beats=True)
    wait_until(lambda: PromotionRequest.objects.get(pk=request.pk).state == "expired", said=running.output)
    assert all(run.status == "completed" for run in runs(request))


def test_patience_grows_from_the_sandbox_to_the_broker() -> None:
    """A limit that fires before the one inside it would take the answer away from whoever should give it."""
    longest = 3600
    CheckRule(check="acme.slow", timeout=longest)
    with pytest.raises(ValueError, match="at most 3600 seconds"):
        CheckRule(check="acme.slow", timeout=longest + 1)
    assert max(check.sandbox.wall for check in entry_points.all()) <= longest
    visibility = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert longest < tasks.CHECK_SOFT_LIMIT < tasks.CHECK_HARD_LIMIT < visibility
    assert settings.CELERY_TASK_SOFT_TIME_LIMIT < settings.CELERY_TASK_TIME_LIMIT < visibility


def test_every_bell_has_a_task() -> None:
    app.loader.import_default_modules()
    assert {task_queue.RUN_CHECK, task_queue.SETTLE_REQUEST, task_queue.REQUEUE_DUE_WORK} <= set(app.tasks)
