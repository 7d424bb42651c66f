"""What stored bytes are is found in the sandbox, once, and kept beside their digest."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest

from governance.checks import format_detection, runner
from registry import storage
from registry.models import Blob, RegisteredModel
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db


def test_formats_are_found_in_the_sandbox_and_kept(people: People, lifecycle: None) -> None:
    array = io.BytesIO()
    np.save(array, np.arange(3.0))
    model: RegisteredModel = factories.model(people.priya, "m")
    files = {"a.txt": b"text", "b.txt": pickle.dumps({"a": 1}), "c": array.getvalue(), "d": b"\x00\xff\x00"}
    version = factories.version(model, people.priya, files)

    assert format_detection.detect_formats() == 4
    assert format_detection.detect_formats() == 0

    found = {a.path: a.blob.format for a in version.artifacts.select_related("blob") if a.blob is not None}
    assert found == {"a.txt": "text", "b.txt": "pickle", "c": "npy", "d": "unknown"}


def test_what_cannot_be_looked_at_holds_nothing_else_up(people: People, lifecycle: None) -> None:
    model = factories.model(people.priya, "m")
    factories.version(model, people.priya, {"a.txt": b"text", "b.txt": b"breaks it"})
    broken = factories.artifact("b.txt", b"breaks it").sha256

    def run(job: runner.Job, **facts: object) -> runner.Run:
        if any(source.sha256 == broken for source in job.sources):
            return runner.Run(runner.ExitReason.OUT_OF_MEMORY, "too much")
        return runner.run(job, open_blob=storage.open_blob, beat=lambda: True)

    assert format_detection.detect_formats(run=run) == 2
    assert dict(Blob.objects.values_list("sha256", "format")) == {
        factories.artifact("a.txt", b"text").sha256: "text",
        broken: "unknown",
    }
