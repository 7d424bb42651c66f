"""A real Celery worker on Redis and on this test worker's database."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from governance.health import redis_client

START_SECONDS = 60


@dataclass
class WorkerProcess:
    """A Celery worker in a process group of its own."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Number of the worker's main process."""
        return self.process.pid

    def children(self) -> list[int]:
        """Numbers of its pool processes: what runs the tasks."""
        listing = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(number) for number in listing.split()]

    def kill(self) -> None:
        """End it at once and with all its children, as a machine that loses power would."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def output(self) -> str:
        """What it wrote so far, for a failing test's message."""
        return self.log.read_text(errors="replace")


@pytest.fixture(scope="module")
def start_worker(django_db_setup: None) -> Iterator[Callable[..., WorkerProcess]]:
    """Start Celery workers: ``start_worker(*extra_arguments, **environment)``; each is ready when the call returns.

    They use the calling test's database and Redis database, and end with the module at the latest: a worker that went
    on would take the check runs of other modules' tests. Tests that use one need ``transactional_db``: a worker sees
    what was committed.
    """
    if threading.current_thread() is not threading.main_thread():
        pytest.fail("workers are bound to the life of the main thread")
    with redis_client() as client:  # rings for rows that earlier tests made and that are gone since
        client.flushdb()
    running: list[WorkerProcess] = []

    def start(*arguments: str, **environment: str) -> WorkerProcess:
        readable, writable = os.pipe()
        descriptor, log = tempfile.mkstemp(prefix="countersign-worker-", suffix=".log")
        variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))},
            "DJANGO_SETTINGS_MODULE": "governance.settings.testing",
            "COUNTERSIGN_TEST_DATABASE": connection.settings_dict["NAME"],
            "COUNTERSIGN_TEST_REDIS_URL": settings.REDIS_URL,
            "COUNTERSIGN_STORAGE_DIR": str(settings.COUNTERSIGN_STORAGE_DIR),
            **environment,
        }
        process = subprocess.Popen(
            [
                sys.executable, "-m", "tests.ground.worker_main", str(writable), "worker",
                "--pool=prefork", "--concurrency=1", "--loglevel=INFO",
                "--without-gossip", "--without-mingle", "--without-heartbeat", *arguments,
            ],
            cwd=settings.BASE_DIR, env=variables, pass_fds=[writable], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=descriptor, stderr=descriptor,
        )  # fmt: skip
        os.close(writable)
        os.close(descriptor)
        worker = WorkerProcess(process, Path(log))
        running.append(worker)
        ready, _, _ = select.select([readable], [], [], START_SECONDS)
        answer = os.read(readable, 1) if ready else b""
        os.close(readable)
        if answer != b".":
            pytest.fail(f"the worker did not start:\n{worker.output()}")
        return worker

    yield start
    for worker in running:
        worker.kill()
        worker.log.unlink(missing_ok=True)


@pytest.fixture(scope="module")
def worker_process(start_worker: Callable[..., WorkerProcess]) -> WorkerProcess:
    """Give the module's one Celery worker, listening to every queue. Do not kill it: start your own for that."""
    return start_worker()
