"""Copying what lies at a version's source: from a mounted folder and from a tracking server, and nowhere else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from audit import clock
from audit.models import Event
from governance.integrations.source_sync import copying, sources
from governance.integrations.source_sync.sources import CopyError, SourceFile, parse
from governance.models import SourceCopy
from governance.services import setup
from registry.exceptions import ValidationFailedError
from registry.models import Artifact, Evidence, Metric, ModelVersion, User
from registry.services import versions
from tests import factories
from tests.governance.integrations.importers.registry_server import Registry, Reply, serving

RUN_ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def mounted(tmp_path: Path, settings: Settings) -> Path:
    folder = tmp_path / "mlruns"
    (folder / "1" / "model" / "data").mkdir(parents=True)
    (folder / "1" / "model" / "MLmodel").write_text("flavors: {}")
    (folder / "1" / "model" / "data" / "weights.bin").write_bytes(b"\x00" * 300_000)
    settings.COUNTERSIGN_SOURCES = [{"kind": "folder", "prefix": "file:///mnt/mlruns", "path": str(folder)}]
    return folder


@pytest.fixture
def bare(priya: User) -> Callable[..., ModelVersion]:
    setup.initialise()
    model = factories.model(priya, "churn", risk_tier=2)

    def made(source: str = "file:///mnt/mlruns/1/model", **facts: Any) -> ModelVersion:
        return factories.version(model, priya, source=source, **facts)

    return made


def copied(version: ModelVersion) -> SourceCopy:
    """What beat and a worker do, in this process."""
    copying.plan_recent()
    row = SourceCopy.objects.get(version=version)
    copying.run_copy(row.pk)
    row.refresh_from_db()
    version.refresh_from_db()
    return row


def test_the_files_of_a_mounted_folder_become_the_versions(mounted: Path, bare: Callable[..., ModelVersion]) -> None:
    version = bare()
    before = version.fingerprint

    row = copied(version)

    assert (row.state, row.files, row.size) == ("done", 2, 300_011)
    files = {a.path: a.sha256 for a in Artifact.objects.filter(version=version)}
    assert files == {
        "MLmodel": hashlib.sha256(b"flavors: {}").hexdigest(),
        "data/weights.bin": hashlib.sha256(b"\x00" * 300_000).hexdigest(),
    }
    assert version.fingerprint != before
    attached = Event.objects.filter(action="artifact.attached")
    assert {event.body["actor"]["id"] for event in attached} == {"source-copier"}
    assert Event.objects.get(action="copy.completed").body["data"]["files"] == 2
    count = Event.objects.count()
    assert not copying.run_copy(row.pk)
    assert copying.plan_recent() == []
    assert Event.objects.count() == count


def test_a_source_that_no_setting_names_is_not_read(mounted: Path, bare: Callable[..., ModelVersion]) -> None:
    for source in ("s3://models/1", "http://169.254.169.254/", "file:///etc", "file:///mnt/mlruns-other/1", ""):
        bare(source)

    assert copying.plan_recent() == []


@pytest.mark.parametrize("climb", ["file:///mnt/mlruns/../../etc", "file:///mnt/mlruns/1/../../.."])
def test_a_source_that_climbs_is_refused(
    mounted: Path, bare: Callable[..., ModelVersion], climb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValidationFailedError):
        bare(climb)
    # One that was stored before such sources were refused.
    monkeypatch.setattr(versions, "with_source", lambda faults, actor, spec: spec)

    row = copied(bare(climb))

    assert row.state == "failed"
    assert "leads out of its folder" in row.problem


def test_no_link_is_followed(mounted: Path, bare: Callable[..., ModelVersion]) -> None:
    (mounted / "1" / "model" / "passwd").symlink_to("/etc/passwd")
    (mounted / "etc").symlink_to("/etc")

    inside, on_the_way = copied(bare()), copied(bare("file:///mnt/mlruns/etc/ssl"))

    assert inside.state == on_the_way.state == "failed"
    assert "link" in inside.problem
    assert "link" in on_the_way.problem
    assert not Artifact.objects.filter(path__contains="passwd").exists()


def test_more_than_a_version_may_have_is_refused(
    mounted: Path, bare: Callable[..., ModelVersion], settings: Settings
) -> None:
    settings.COUNTERSIGN_MAX_VERSION_BYTES = 1_000
    assert "more than" in copied(bare()).problem
    settings.COUNTERSIGN_MAX_FILES = 1
    assert "more than 1 files" in copied(bare()).problem


def test_a_copy_that_was_cut_off_goes_on(
    mounted: Path, bare: Callable[..., ModelVersion], monkeypatch: pytest.MonkeyPatch
) -> None:
    class CutOff(BaseException):
        """As a worker that is killed: nothing is tidied up."""

    version = bare()
    copying.plan_recent()
    row = SourceCopy.objects.get(version=version)
    whole = sources.files

    def cut(*given: Any) -> Iterator[SourceFile]:
        yield next(whole(*given))
        raise CutOff

    monkeypatch.setattr(sources, "files", cut)
    with pytest.raises(CutOff):
        copying.run_copy(row.pk)
    monkeypatch.setattr(sources, "files", whole)
    assert Artifact.objects.filter(version=version).count() == 1
    assert not copying.run_copy(row.pk)  # its claim is fresh: another may be at it

    with clock.freeze(clock.now() + timedelta(minutes=2)):
        assert copying.due() == [row.pk]
        assert copying.run_copy(row.pk)

    row.refresh_from_db()
    assert (row.state, row.files, row.size) == ("done", 2, 300_011)
    assert Artifact.objects.filter(version=version).count() == 2


# --- a tracking server ------------------------------------------------------------------------------------------------


@pytest.fixture
def tracking(settings: Settings) -> Iterator[Registry]:
    registry = Registry()
    with serving(registry):
        settings.COUNTERSIGN_SOURCES = [{"kind": "mlflow", "url": registry.url, "token": "secret-token"}]
        registry.instead = lambda path, query: tracked(path, query, "mlflow-artifacts:/1/artifacts")
        yield registry


def tracked(path: str, query: dict[str, list[str]], root: str) -> Reply:
    """A run with a model of two files."""
    listing = "/api/2.0/mlflow-artifacts/artifacts"
    answers: dict[str, Any] = {
        "/api/2.0/mlflow/runs/get": {
            "run": {
                "info": {"run_id": RUN_ID, "artifact_uri": root, "user_id": "nadia"},
                "data": {
                    "params": [{"key": "depth", "value": "4"}],
                    "metrics": [{"key": "auc", "value": 0.91}, {"key": "lost", "value": "NaN"}],
                    "tags": [{"key": "team", "value": "retail"}],
                },
            }
        },
    }
    if path == listing:
        inner = {
            "1/artifacts/model": [{"path": "MLmodel", "file_size": 4}, {"path": "data", "is_dir": True}],
            "1/artifacts/model/data": [{"path": "data/w.bin", "file_size": "3"}],
        }[query["path"][0]]
        return Reply(body=json.dumps({"files": inner}).encode())
    if path.startswith(f"{listing}/1/artifacts/model/"):
        return Reply(body={"MLmodel": b"yaml", "w.bin": b"\x01\x02\x03"}[path.rpartition("/")[2]])
    return Reply(body=json.dumps(answers[path]).encode()) if path in answers else Reply(404)


def test_a_run_of_a_tracking_server(tracking: Registry, bare: Callable[..., ModelVersion]) -> None:
    version = bare(f"runs:/{RUN_ID}/model", run_id=RUN_ID)

    row = copied(version)

    assert row.state == "done", row.problem
    assert {a.path for a in Artifact.objects.filter(version=version)} == {"MLmodel", "data/w.bin"}
    assert {m.name: m.value for m in Metric.objects.filter(version=version)} == {"auc": 0.91}
    evidence = Evidence.objects.get(version=version, kind="mlflow.run")
    assert evidence.added_by == version.registered_by
    assert {h["Authorization"] for h in tracking.headers} == {"Bearer secret-token"}


@pytest.mark.parametrize(
    ("root", "said"),
    [
        ("mlflow-artifacts://elsewhere.example/1/artifacts", "no operator has named"),
        ("http://169.254.169.254/latest", "No source"),
        ("s3://other-bucket/1", "No source"),
        ("file:///etc", "No source"),
        ("runs:/again", "refers to itself"),
        ("mlflow-artifacts:/1/../../etc", "is not allowed in a source"),
    ],
)
def test_a_tracking_server_redirects_no_client(
    tracking: Registry, bare: Callable[..., ModelVersion], root: str, said: str
) -> None:
    tracking.instead = lambda path, query: tracked(path, query, root)

    row = copied(bare(f"runs:/{RUN_ID}/model"))

    assert row.state == "failed"
    assert said in row.problem
    assert not Artifact.objects.exists()


def test_a_redirect_is_refused_and_a_server_that_is_away_is_asked_again(
    tracking: Registry, bare: Callable[..., ModelVersion]
) -> None:
    tracking.instead = lambda path, query: Reply(302, location="http://169.254.169.254/latest/meta-data/")
    assert "redirects are not followed" in copied(bare(f"runs:/{RUN_ID}/model")).problem

    tracking.instead = lambda path, query: Reply(503)
    row = copied(bare(f"runs:/{RUN_ID}/other"))

    assert (row.state, row.attempts, row.claim) == ("waiting", 1, None)
    assert row.run_after is not None
    assert copying.due() == []


@pytest.mark.parametrize(
    "given",
    [
        5,
        [5],
        [{"kind": "ftp"}],
        [{"kind": "folder", "prefix": "s3://x", "path": "/x"}],
        [{"kind": "folder", "prefix": "/x"}],
        [{"kind": "mlflow", "url": "ftp://x"}],
        [{"kind": "s3", "bucket": "b", "colour": "red"}],
    ],
)
def test_settings_that_name_no_source(given: Any) -> None:
    with pytest.raises(ValueError, match=r"must|entry"):
        parse(given)


def test_credentials_are_in_no_text() -> None:
    (source,) = parse([{"kind": "s3", "bucket": "b", "access_key": "AKIA", "secret_key": "very-secret"}])

    assert "very-secret" not in repr(source)
    assert issubclass(CopyError, Exception)
