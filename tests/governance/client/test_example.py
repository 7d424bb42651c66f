"""The example, as somebody runs it: over the network, with a worker, to Production."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.models import PromotionRequest
from registry.access import Role
from registry.exceptions import PermissionDeniedError
from registry.models import ModelVersion
from tests import factories
from tests.fixtures.workers import WorkerProcess
from tests.governance.client.conftest import PROJECT, Organisation

EXAMPLE = PROJECT / "examples" / "breast_cancer" / "train_and_promote.py"

Example = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def example(organisation: Organisation, worker_process: WorkerProcess, tmp_path: Path) -> Example:
    """Start the example with a token of Priya's."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("COUNTERSIGN_", "GIT_"))},
        "COUNTERSIGN_URL": organisation.url,
        "COUNTERSIGN_TOKEN": organisation.token(organisation.people.priya),
    }

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(EXAMPLE), *arguments], cwd=tmp_path, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    return start


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=180)
    return process.returncode, said


def under_review() -> int:
    """The number of the request for Production, once its checks are done."""
    deadline = time.monotonic() + 120
    while True:
        found = PromotionRequest.objects.filter(target_stage__slug="production").exclude(packet_digest="").first()
        if found is not None:
            return found.pk
        assert time.monotonic() < deadline, "the request did not come to review"
        time.sleep(0.05)


def test_it_goes_to_production_by_two_people_and_a_pickle_does_not(
    organisation: Organisation, example: Example
) -> None:
    people = organisation.people
    status, said = ended(example())

    assert status == 5, said
    request = PromotionRequest.objects.get(target_stage__slug="production")
    first = request.version
    assert f"{organisation.url}/promotions/{request.pk}/" in said
    assert "… 2 of reviewers" in said
    assert (first.number, first.stage.slug) == (1, "staging")

    factories.grant(Role.APPROVER, to=people.ada)
    for person, rule in ((people.priya, "SoD-1"), (people.ada, "SoD-4")):
        with pytest.raises(PermissionDeniedError) as refusal:
            organisation.decide(request.pk, person)
        assert refusal.value.rule == rule
        assert rule in refusal.value.detail
    organisation.decide(request.pk, people.marta)
    first.refresh_from_db()
    assert first.stage.slug == "staging"
    organisation.decide(request.pk, people.aiko)

    first.refresh_from_db()
    request.refresh_from_db()
    assert (first.stage.slug, request.state) == ("production", "promoted")

    status, said = ended(example("--as-pickle"))

    assert status == 4, said
    assert re.search(r"Artifact formats are accepted: model\.pkl .* is not accepted for production", said), said
    second = ModelVersion.objects.get(number=2)
    assert second.stage.slug == "staging"
    first.refresh_from_db()
    assert first.stage.slug == "production"


def test_it_waits_for_people_when_asked_to(organisation: Organisation, example: Example) -> None:
    process = example("--wait")
    number = under_review()

    organisation.decide(number, organisation.people.chen)
    organisation.decide(number, organisation.people.marta)

    status, said = ended(process)
    assert (status, "Version 1 is in production." in said) == (0, True), said
    version = ModelVersion.objects.get()
    assert version.stage.slug == "production"
    assert {m.name for m in version.metrics.all()} == {"accuracy", "auc", "recall", "precision", "brier"}
    assert {d.strength for d in version.datasets.all()} == {"strong"}
    assert "$" not in version.cards.get().text


def test_a_refused_token_ends_it_in_words(organisation: Organisation, tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, str(EXAMPLE)], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "COUNTERSIGN_URL": organisation.url, "COUNTERSIGN_TOKEN": "cs_" + "x" * 46},
    )  # fmt: skip

    assert run.returncode == 3
    assert "Traceback" not in run.stderr
