"""Workers and beat note that they run; operators see it in /readyz, /metrics and on the admin site."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client

from governance import liveness, task_queue
from governance.health import redis_client
from registry.access import SCOPES
from tests import factories
from tests.fixtures.workers import WorkerProcess
from tests.personas import People
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
def _no_notes() -> Iterator[None]:
    yield
    with redis_client() as client:
        for key in client.scan_iter("countersign:alive:*"):
            client.delete(key)


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_seen_while_it_runs_with_its_queues(start_worker: Callable[..., WorkerProcess]) -> None:
    worker = start_worker("--queues=checks-large", "--hostname=large@test")
    wait_until(lambda: liveness.background().workers)
    found = liveness.background()
    assert found.workers == (liveness.Worker("large@test", ("checks-large",)),)
    assert "checks" in found.unserved
    assert any("No worker serves the queues" in problem for problem in found.problems)
    with redis_client() as client:
        assert 0 < client.ttl(f"{liveness.WORKER}large@test") <= liveness.KEPT
    os.kill(worker.pid, signal.SIGTERM)
    wait_until(lambda: not liveness.background().workers)


@pytest.mark.django_db(transaction=True)
def test_beat_is_seen_while_it_runs(settings: LazySettings, tmp_path: Path) -> None:
    assert not liveness.background().has_beat
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))},
        "DJANGO_SETTINGS_MODULE": "governance.settings.testing",
        "COUNTERSIGN_TEST_REDIS_URL": settings.REDIS_URL,
    }
    command = [sys.executable, "-m", "celery", "--app=governance.celery:app", "beat", "--pidfile="]
    beat = subprocess.Popen([*command, f"--schedule={tmp_path / 'schedule'}"], cwd=settings.BASE_DIR, env=variables)
    try:
        wait_until(lambda: liveness.background().has_beat)
    finally:
        beat.kill()
        beat.wait()


@pytest.mark.django_db
def test_operators_see_what_is_missing(client: Client, people: People) -> None:
    assert client.get("/readyz").json()["background"] == {
        "workers": 0,
        "beat": "not seen",
        "unserved_queues": list(liveness.queues()),
    }
    liveness.note_worker("celery@one", liveness.queues())
    liveness.note_beat()
    assert client.get("/readyz").json()["background"] == {"workers": 1, "beat": "ok", "unserved_queues": []}
    assert liveness.background().problems == ()

    lines = client.get("/metrics").content.decode().splitlines()
    assert "countersign_workers 1" in lines
    assert 'countersign_queue_workers{queue="checks-large"} 1' in lines
    assert "countersign_beat_up 1" in lines

    client.force_login(people.ada)
    page = client.get("/admin/").content.decode()
    assert "celery@one" in page
    assert "No worker" not in page


@pytest.mark.django_db
@pytest.mark.parametrize("meta", [{"REMOTE_ADDR": "192.0.2.1"}, {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}])
def test_metrics_are_for_this_machine_and_for_readers_of_the_log(
    client: Client, people: People, meta: dict[str, str]
) -> None:
    def ask(secret: str) -> int:
        return client.get("/metrics", headers={"Authorization": f"Bearer {secret}"}, **meta).status_code  # type: ignore[arg-type]  # entries of the WSGI environment

    assert ask("nonsense") == 401
    assert ask(factories.token(people.priya, SCOPES)[1]) == 401
    assert ask(factories.token(people.ingrid, ["models:read"])[1]) == 401
    assert ask(factories.token(people.ingrid, ["audit:read"])[1]) == 200


def test_without_redis_the_state_is_unknown(settings: LazySettings) -> None:
    settings.REDIS_URL = "redis+socket:///nowhere/redis.sock?virtual_host=0"
    liveness.note_beat()  # logged only
    found = liveness.background()
    assert (found.error, found.workers) == ("ConnectionError", ())
    assert len(found.problems) == 1
    assert task_queue.LARGE_CHECKS in liveness.queues()
