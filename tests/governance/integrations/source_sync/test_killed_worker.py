"""A worker that copies and is killed: another goes on, and nothing is there twice."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from pytest_django import Settings

from audit import clock
from audit.models import Event
from governance.integrations.source_sync import copying
from governance.models import SourceCopy
from governance.services import setup
from registry.models import Artifact
from tests import factories
from tests.fixtures.workers import WorkerProcess
from tests.governance.integrations.importers.registry_server import Registry, Reply, serving
from tests.governance.integrations.source_sync.test_copying import RUN_ID, tracked
from tests.personas import People
from tests.waiting import wait_until


@pytest.fixture
def tracking(settings: Settings) -> Iterator[Registry]:
    registry = Registry()
    with serving(registry):
        settings.COUNTERSIGN_SOURCES = [{"kind": "mlflow", "url": registry.url}]
        yield registry


@pytest.mark.django_db(transaction=True)
def test_another_goes_on_where_a_killed_worker_was(
    tracking: Registry, people: People, start_worker: Callable[..., WorkerProcess]
) -> None:
    setup.initialise()
    model = factories.model(people.priya, "churn", risk_tier=2)
    version = factories.version(model, people.priya, source=f"runs:/{RUN_ID}/model")
    gate = threading.Event()
    held = threading.Event()

    def holding(path: str, query: dict[str, list[str]]) -> Reply:
        if path.endswith("w.bin") and not gate.is_set():
            held.set()
            gate.wait(60)
        return tracked(path, query, "mlflow-artifacts:/1/artifacts")

    tracking.instead = holding
    worker = start_worker(
        "--queues", "copies", COUNTERSIGN_TEST_SOURCES=json.dumps([{"kind": "mlflow", "url": tracking.url}])
    )
    assert len(copying.plan_recent()) == 1  # rings the queue of copies
    row = SourceCopy.objects.get(version=version)
    wait_until(held.is_set)
    worker.kill()
    gate.set()

    row.refresh_from_db()
    assert row.state == "waiting"
    assert row.claim is not None
    assert [a.path for a in Artifact.objects.filter(version=version)] == ["MLmodel"]
    with clock.freeze(clock.now() + timedelta(minutes=2)):
        assert copying.run_copy(row.pk)

    row.refresh_from_db()
    assert (row.state, row.files) == ("done", 2)
    assert Artifact.objects.filter(version=version).count() == 2
    assert Event.objects.filter(action="artifact.attached").count() == 2
