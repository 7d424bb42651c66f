"""What is left over goes, and nothing else does; whoever begins to refer to bytes finds them there or is told."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from pytest_django import Settings

from registry import storage
from registry.access import actor_for
from registry.exceptions import InvalidStateError
from registry.models import Blob, ModelVersion, RegisteredModel, Upload
from registry.services import garbage_collection, versions
from registry.services.blob_references import hold_blob, reference_blob, try_lock_digest
from registry.services.versions import VersionSpec
from registry.storage import S3Settings, StoredBlob
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db

DAY = 24 * 60 * 60


@pytest.fixture(autouse=True)
def store(tmp_path: Path, settings: Settings) -> Path:
    """A store of this test's own."""
    settings.COUNTERSIGN_STORAGE_DIR = tmp_path / "store"
    return tmp_path / "store"


def stored(content: bytes, *, days_ago: float = 0) -> StoredBlob:
    blob = storage.write(io.BytesIO(content), limit=len(content))
    then = time.time() - days_ago * DAY
    os.utime(storage.path_of(blob.sha256), (then, then))
    return blob


def is_there(blob: StoredBlob) -> bool:
    return storage.exists(blob.sha256, blob.size)


def test_bytes_that_nothing_refers_to_go_after_some_days(people: People, model: RegisteredModel) -> None:
    kept = factories.version(model, people.priya, {"weights.bin": b"kept"}).artifacts.get()
    path = storage.path_of(kept.sha256)
    os.utime(path, (0, 0))
    young, old = stored(b"young", days_ago=6), stored(b"old!!", days_ago=8)

    assert garbage_collection.collect_garbage(dry_run=True) == garbage_collection.GarbageCollectionResult(0, 1, 5, 0)
    assert is_there(old)
    assert garbage_collection.collect_garbage() == garbage_collection.GarbageCollectionResult(0, 1, 5, 0)
    assert (is_there(young), is_there(old), path.is_file()) == (True, False, True)
    assert garbage_collection.collect_garbage() == garbage_collection.GarbageCollectionResult(0, 0, 0, 0)


def test_a_person_who_comes_late_is_requested_to_send_again() -> None:
    blob = stored(b"old", days_ago=8)
    garbage_collection.collect_garbage()
    with pytest.raises(InvalidStateError) as refused:
        reference_blob(hold_blob(blob))
    assert refused.value.code == "send_again"
    assert not Blob.objects.exists()


def test_bytes_in_a_bucket_are_swept_the_same_way(in_bucket: S3Settings, settings: Settings) -> None:
    settings.COUNTERSIGN_ORPHANS_KEPT_DAYS = -1
    orphan = storage.write(io.BytesIO(b"orphan"), limit=10)
    kept = storage.write(io.BytesIO(b"kept"), limit=10)
    reference_blob(hold_blob(kept))
    assert garbage_collection.collect_garbage() == garbage_collection.GarbageCollectionResult(0, 1, 6, 0)
    assert (is_there(orphan), is_there(kept)) == (False, True)


@pytest.mark.django_db(transaction=True)
def test_bytes_that_a_version_begins_to_refer_to_are_left(transactional_db: None) -> None:
    blob = stored(b"about to be used", days_ago=8)
    begun, go_on = threading.Event(), threading.Event()

    def use() -> None:
        try:
            with transaction.atomic():
                reference_blob(hold_blob(blob))
                begun.set()
                go_on.wait(20)
        finally:
            connection.close()

    user = threading.Thread(target=use)
    user.start()
    assert begun.wait(20)
    with transaction.atomic():
        assert not try_lock_digest(blob.sha256)
    assert garbage_collection.collect_garbage().orphans == 0, "somebody has hold of them"
    go_on.set()
    user.join()
    assert garbage_collection.collect_garbage().orphans == 0, "they are somebody's now"
    assert is_there(blob)


@pytest.fixture
def declared(people: People, model: RegisteredModel) -> Callable[[], ModelVersion]:
    def declare() -> ModelVersion:
        spec = VersionSpec(artifacts=[factories.artifact("a", b"here"), factories.artifact("b", b"never")])
        version = versions.declare_version(actor=actor_for(people.priya), model=model, spec=spec)
        if not version.found:
            versions.store_artifact(
                actor=actor_for(people.priya), version=version, path="a", stream=io.BytesIO(b"here")
            )
        return version

    return declare


def test_a_version_that_was_never_completed_is_given_up(
    declared: Callable[[], ModelVersion], settings: Settings, recorded: Recorded, people: People
) -> None:
    version = declared()
    assert declared().found
    assert garbage_collection.collect_garbage().abandoned == 0, "it has two weeks"
    settings.COUNTERSIGN_ABANDONED_AFTER_DAYS = 0
    assert garbage_collection.collect_garbage(dry_run=True).abandoned == 1
    with recorded() as events:
        assert garbage_collection.collect_garbage().abandoned == 1
        assert garbage_collection.collect_garbage().abandoned == 0
    (event,) = events
    assert (event.action, event.actor_id, event.thing_id) == (
        "version.abandoned", "storage-sweeper", str(version.uid),
    )  # fmt: skip
    assert event.body["data"]["files_missing"] == 1
    version.refresh_from_db()
    assert (version.status, version.abandoned_at) == ("registering", event.happened_at)

    priya = actor_for(people.priya)
    for refused_act in (
        lambda: versions.complete_registration(actor=priya, version=version),
        lambda: versions.store_artifact(actor=priya, version=version, path="b", stream=io.BytesIO(b"never")),
    ):
        with pytest.raises(InvalidStateError) as refused:
            refused_act()
        assert refused.value.code == "version_abandoned"
    again = declared()
    assert (again.found, again.number) == (False, version.number + 1)
    connection.check_constraints()


def test_a_version_whose_files_are_being_read_is_not_given_up(
    declared: Callable[[], ModelVersion], settings: Settings
) -> None:
    version = declared()
    settings.COUNTERSIGN_ABANDONED_AFTER_DAYS = 0
    Upload.objects.create(artifact=version.artifacts.get(path="b"), state=Upload.State.QUEUED)
    assert garbage_collection.collect_garbage().abandoned == 0


def test_the_command_reads_only_the_given_places(capsys: pytest.CaptureFixture[str]) -> None:
    blob = stored(b"orphan", days_ago=30)
    call_command("sweep_storage", "--dry-run")
    said = capsys.readouterr().out
    assert "1  files that nothing refers to, 6 bytes" in said
    assert "Nothing was changed." in said
    assert is_there(blob)
    call_command("sweep_storage")
    assert not is_there(blob)


def test_digests_do_not_share_a_lock() -> None:
    first, second = (hashlib.sha256(word).hexdigest() for word in (b"1", b"2"))
    with transaction.atomic():
        assert try_lock_digest(first)
        assert try_lock_digest(second)
