"""Files that go to a bucket: sent there by the client, read by a worker, and only then anybody's. All over HTTP."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from audit.models import Event
from governance import client
from governance.client import LocalFile, VerificationError
from governance.services import setup
from registry import storage
from registry.models import Artifact, Blob, ModelVersion, Upload
from registry.services import upload_processing
from registry.storage import S3Settings
from registry.storage.s3 import S3Store
from tests import factories
from tests.fixtures import buckets
from tests.fixtures.workers import WorkerProcess
from tests.personas import People

SCOPES = ("models:read", "models:write", "versions:write")
CONTENT = os.urandom(700_000)

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture
def store(in_bucket: S3Settings) -> S3Store:
    found = storage.store()
    assert isinstance(found, S3Store)
    return found


@pytest.fixture
def priya(store: S3Store, live_server: LiveServer, people: People, settings: Settings) -> Iterator[client.Client]:
    """Priya's pipeline, with a model to register versions of; files are kept in a bucket."""
    settings.PUBLIC_URL = live_server.url
    setup.initialise()
    found = client.Client(live_server.url, factories.token(people.priya, SCOPES)[1], backoff=0.05)
    found.ensure_model("credit-risk-pd", title="Credit risk")
    yield found
    found.close()


@pytest.fixture
def worker(store: S3Store, start_worker: Callable[..., WorkerProcess]) -> Iterator[WorkerProcess]:
    """A worker that knows the bucket."""
    started = start_worker(**buckets.environment(store.bucket))
    yield started
    started.kill()


@pytest.fixture
def file(tmp_path: Path) -> LocalFile:
    place = tmp_path / "weights.bin"
    place.write_bytes(CONTENT)
    return LocalFile.read(place)


def declare(priya: client.Client, *files: LocalFile, **facts: Any) -> Any:
    declared = [{"path": file.name, "sha256": file.sha256, "size": file.size} for file in files]
    body = {"artifacts": declared, **facts}
    return priya._ask("POST", "/models/credit-risk-pd/versions", body=body).document


def orders(priya: client.Client, number: int = 1) -> list[Any]:
    return priya._orders("credit-risk-pd", number)


def complete(priya: client.Client, number: int = 1) -> client.ApiResponse:
    return priya._ask("POST", f"/models/credit-risk-pd/versions/{number}/complete")


def send(priya: client.Client, order: Any, content: bytes, tmp_path: Path) -> int:
    other = tmp_path / "other"
    other.write_bytes(content)
    return priya._put(order["url"], order["headers"], LocalFile.read(other))[0]


def actions() -> list[str]:
    wanted = ("version.", "artifact.")
    return [e.action for e in Event.objects.order_by("id") if e.action.startswith(wanted)]


def test_a_version_is_registered_by_the_worker_that_reads_its_last_file(
    priya: client.Client, worker: WorkerProcess, file: LocalFile, tmp_path: Path, store: S3Store, people: People
) -> None:
    other = tmp_path / "empty"
    other.touch()
    version = priya.register("credit-risk-pd", [file, LocalFile.read(other)])

    assert version["status"] == "registered"
    assert {a["state"] for a in version["artifacts"]} == {"stored"}
    assert actions() == ["version.declared", "artifact.stored", "artifact.stored", "version.registered"]
    registered = Event.objects.get(action="version.registered")
    assert registered.body["actor"]["id"] == "upload-worker"
    assert registered.body["data"]["completed_by"] == str(people.priya.uid)
    assert store.list_received(ModelVersion.objects.get().uid.hex) == {}
    assert not Upload.objects.exists()
    with storage.open_blob(file.sha256) as stored:
        assert stored.read() == CONTENT
    # What is taken out comes through the product, and is on record.
    answer = priya._exchange(
        client._Where(priya._scheme, priya._host, priya._port), "GET",
        "/api/v1/models/credit-risk-pd/versions/1/artifacts/weights.bin",
        {"Host": f"{priya._host}:{priya._port}", "Authorization": f"Bearer {priya._token}", "Connection": "close"},
        [], 20,
    )  # fmt: skip
    assert answer[1] == CONTENT
    assert answer[0].headers["Content-Length"] == str(len(CONTENT))
    assert answer[0].headers["Content-Disposition"].startswith("attachment")
    assert actions()[-1] == "artifact.downloaded"
    connection.check_constraints()


def test_the_token_never_goes_to_the_bucket(
    priya: client.Client, file: LocalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(priya, file)
    seen: list[dict[str, str]] = []
    exchange = priya._exchange

    def watched(where: Any, method: str, target: str, headers: Any, *more: Any, **how: Any) -> Any:
        if where.port != priya._port:
            seen.append(dict(headers))
        return exchange(where, method, target, headers, *more, **how)

    monkeypatch.setattr(priya, "_exchange", watched)
    (order,) = orders(priya)
    assert order["with_token"] is False
    assert order["expires_at"] is not None
    priya._upload_presigned("credit-risk-pd", 1, order, file)
    assert len(seen) == 1
    assert "authorization" not in {name.lower() for name in seen[0]}


def test_another_file_is_refused_in_so_many_words_and_may_be_sent_again(
    priya: client.Client, file: LocalFile, tmp_path: Path, store: S3Store
) -> None:
    declare(priya, file)
    (order,) = orders(priya)
    wrong = b"y" + CONTENT[1:]
    assert send(priya, order, wrong, tmp_path) == 200
    answer = complete(priya)
    assert (answer.status, answer.document["status"]) == (202, "registering")
    assert answer.document["artifacts"][0]["state"] == "examining"
    (upload,) = upload_processing.due_upload_ids()
    assert orders(priya)[0]["url"] is None, "a worker is about to look at it"
    assert complete(priya).status == 202, "once more changes nothing"

    assert upload_processing.process_upload(upload)

    (artifact,) = priya.version("credit-risk-pd", 1)["artifacts"]
    assert (artifact["state"], artifact["stored"]) == ("refused", False)
    assert hashlib.sha256(wrong).hexdigest() in artifact["detail"]
    assert file.sha256 in artifact["detail"]
    assert "Upload the declared file again" in artifact["detail"]
    assert not Blob.objects.exists()
    assert list(store.blobs()) == []
    assert actions()[-1] == "artifact.refused"
    with pytest.raises(client.ApiError) as refused:
        complete(priya)
    assert (refused.value.code, refused.value.status) == ("files_missing", 409)
    assert "Upload the declared file again" in str(refused.value)

    (order,) = orders(priya)
    assert send(priya, order, CONTENT, tmp_path) == 200
    assert complete(priya).status == 202
    assert [upload_processing.process_upload(number) for number in upload_processing.due_upload_ids()] == [True]
    assert priya.version("credit-risk-pd", 1)["status"] == "registered"
    connection.check_constraints()


def test_a_client_is_shown_that_the_store_has_another_file(
    priya: client.Client, file: LocalFile, worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(self: LocalFile, progress: Any) -> Iterator[bytes]:
        yield b"y" + CONTENT[1:]

    with monkeypatch.context() as patch:
        patch.setattr(LocalFile, "chunks", changed)
        with pytest.raises(VerificationError, match="Upload the declared file again"):
            priya.register("credit-risk-pd", [file])
    version = priya.register("credit-risk-pd", [file])
    assert (version["number"], version["status"], version["created"]) == (1, "registered", False)


def test_another_size_is_refused(priya: client.Client, file: LocalFile, store: S3Store) -> None:
    declare(priya, file)
    orders(priya)
    artifact = Artifact.objects.get()
    key = f"{store.bucket.prefix}incoming/{artifact.version.uid}/{artifact.uid}"
    store.client.put_object(Bucket=store.bucket.name, Key=key, Body=b"short")
    complete(priya)
    assert [upload_processing.process_upload(number) for number in upload_processing.due_upload_ids()] == [True]
    assert "has 5 bytes and not the declared 700,000" in priya.version("credit-risk-pd", 1)["artifacts"][0]["detail"]


def test_what_was_not_sent_is_named(priya: client.Client, file: LocalFile) -> None:
    declare(priya, file)
    orders(priya)
    with pytest.raises(client.ApiError) as refused:
        complete(priya)
    assert refused.value.code == "files_missing"
    assert not Upload.objects.exclude(state=Upload.State.EXPECTED).exists()


def test_a_row_is_claimed_once_and_by_another_when_its_worker_is_lost(
    priya: client.Client, file: LocalFile, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(priya, file)
    send(priya, orders(priya)[0], CONTENT, tmp_path)
    complete(priya)
    (upload,) = upload_processing.due_upload_ids()
    taken_in = S3Store.ingest

    def lost(self: S3Store, place: str, **facts: Any) -> Any:
        # While this worker reads, it is given up, and another one does it all.
        monkeypatch.setattr(S3Store, "ingest", taken_in)
        Upload.objects.update(state=Upload.State.QUEUED, claim=None)
        assert upload_processing.process_upload(upload)
        return taken_in(self, place, **facts)

    monkeypatch.setattr(S3Store, "ingest", lost)
    assert not upload_processing.process_upload(upload), "its claim is gone"
    assert not upload_processing.process_upload(upload), "there is nothing left to claim"
    assert actions().count("artifact.stored") == 1
    assert actions().count("version.registered") == 1


def test_a_silent_worker_is_replaced_and_a_hopeless_file_given_up(
    priya: client.Client, file: LocalFile, tmp_path: Path, settings: Settings
) -> None:
    settings.COUNTERSIGN_UPLOAD_LOST_AFTER = -1.0
    settings.COUNTERSIGN_UPLOAD_ATTEMPTS = 2
    declare(priya, file)
    send(priya, orders(priya)[0], CONTENT, tmp_path)
    complete(priya)
    for attempts in (1, 2):
        Upload.objects.update(
            state=Upload.State.EXAMINING, attempts=attempts, claim=uuid4(), heartbeat_at="2026-01-01T00:00:00Z"
        )
        found = upload_processing.due_upload_ids()
        assert len(found) == (1 if attempts == 1 else 0)
    (artifact,) = priya.version("credit-risk-pd", 1)["artifacts"]
    assert artifact["state"] == "failed"
    # The file lies where it lay: completing again is enough.
    assert complete(priya).status == 202
    assert [upload_processing.process_upload(number) for number in upload_processing.due_upload_ids()] == [True]
    assert priya.version("credit-risk-pd", 1)["status"] == "registered"


def test_a_worker_that_is_killed_while_it_reads_is_followed_by_another(
    priya: client.Client, file: LocalFile, tmp_path: Path, settings: Settings, store: S3Store
) -> None:
    declare(priya, file)
    send(priya, orders(priya)[0], CONTENT, tmp_path)
    complete(priya)
    (upload,) = upload_processing.due_upload_ids()
    driver = subprocess.Popen(
        [sys.executable, "-c", STALLED, str(upload)],
        cwd=settings.BASE_DIR, stdout=subprocess.PIPE,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))},
            "DJANGO_SETTINGS_MODULE": "governance.settings.testing",
            "COUNTERSIGN_TEST_DATABASE": connection.settings_dict["NAME"],
            **buckets.environment(store.bucket),
        },
    )  # fmt: skip
    assert driver.stdout is not None
    assert driver.stdout.readline() == b"hashed\n"
    driver.kill()
    driver.wait()
    driver.stdout.close()
    (artifact,) = priya.version("credit-risk-pd", 1)["artifacts"]
    assert (artifact["state"], artifact["stored"]) == ("examining", False)
    assert upload_processing.due_upload_ids() == [], "it may still be at it"
    settings.COUNTERSIGN_UPLOAD_LOST_AFTER = -1.0
    assert [upload_processing.process_upload(number) for number in upload_processing.due_upload_ids()] == [True]
    assert priya.version("credit-risk-pd", 1)["status"] == "registered"
    # What it held is swept up.
    assert store.delete_abandoned(older_than=-1, pretend=False) == 1


STALLED = """
import sys, time, django
django.setup()
from registry.services import upload_processing
def store(*args):
    print("hashed", flush=True)
    time.sleep(600)
upload_processing._store = store
from registry.storage.s3 import S3Store
delete = S3Store._delete_quietly
S3Store._delete_quietly = lambda self, key: None if "/held/" in key else delete(self, key)
upload_processing.process_upload(int(sys.argv[1]))
"""
"""A worker that has read and kept a file, and comes no further."""


def test_a_store_that_is_away_is_waited_for(
    priya: client.Client, file: LocalFile, tmp_path: Path, settings: Settings, store: S3Store
) -> None:
    from dataclasses import replace

    declare(priya, file)
    send(priya, orders(priya)[0], CONTENT, tmp_path)
    complete(priya)
    (upload,) = upload_processing.due_upload_ids()
    settings.COUNTERSIGN_S3 = replace(store.bucket, endpoint="http://127.0.0.1:9")
    assert upload_processing.process_upload(upload)
    row = Upload.objects.get()
    assert (row.state, row.attempts, upload_processing.due_upload_ids()) == ("queued", 1, [])
    answer = client.Client(priya.url, priya._token, attempts=1)
    with pytest.raises(client.ApiError) as refused:
        answer._ask("GET", "/models/credit-risk-pd/versions/1/artifacts/weights.bin")
    assert refused.value.status == 404, "not stored yet"


def test_a_file_one_may_download_need_not_be_sent(
    priya: client.Client, file: LocalFile, people: People, live_server: LiveServer, worker: WorkerProcess
) -> None:
    priya.register("credit-risk-pd", [file])
    declare(priya, file, description="the same weights, another card")
    (order,) = orders(priya, 2)
    assert (order["state"], order["url"]) == ("stored", None)
    assert complete(priya, 2).status == 200
    stored = Event.objects.filter(action="artifact.stored").order_by("-id")[0]
    assert stored.body["data"]["same_as"] == str(ModelVersion.objects.get(number=1).uid)

    # Eve sees nothing of it: she is asked for the file, as if there were none.
    eve = client.Client(live_server.url, factories.token(people.eve, SCOPES)[1])
    eve.ensure_model("copycat")
    eve._ask("POST", "/models/copycat/versions",
             body={"artifacts": [{"path": "w", "sha256": file.sha256, "size": file.size}]})  # fmt: skip
    (order,) = eve._orders("copycat", 1)
    assert (order["state"], order["with_token"]) == ("missing", False)
    with pytest.raises(client.ApiError, match="not stored"):
        eve._ask("POST", "/models/copycat/versions/1/complete")


def test_a_file_too_large_for_one_put_comes_through_the_server(
    priya: client.Client, file: LocalFile, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.storage import s3

    monkeypatch.setattr(s3, "MAX_AT_ONCE", 1000)
    version = priya.register("credit-risk-pd", [file])
    assert version["status"] == "registered"
    assert Event.objects.get(action="artifact.stored").body["actor"]["behind"] == people.priya.uid


def test_an_address_that_expired_is_asked_for_anew(
    priya: client.Client, file: LocalFile, worker: WorkerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    put, seen = priya._put, []

    def flaky(url: str, headers: Any, sent: LocalFile) -> tuple[int, str]:
        seen.append(url)
        return [(403, "AccessDenied"), (503, "SlowDown"), put(url, headers, sent)][len(seen) - 1]

    monkeypatch.setattr(priya, "_put", flaky)
    assert priya.register("credit-risk-pd", [file])["status"] == "registered"
    assert len(seen) == 3
