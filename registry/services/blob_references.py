"""Stored bytes and what refers to them: a row about the bytes, an artifact that has them, an event.

Bytes are stored before the transaction that begins to refer to them, because storing is slow, and bytes that nothing
refers to are removed later (`registry.services.garbage_collection`). Both hold a database lock on the digest, so that
what is referred to is there.
"""

import hashlib

from django.db import connection

from audit import clock, recorder
from audit.actor import Actor
from audit.leaf import Json
from audit.models import Event
from audit.recorder import ObjectRef, PrivateValue
from registry import storage
from registry.actions import ARTIFACT_STORED
from registry.exceptions import InvalidStateError
from registry.models import Artifact, Blob, ModelVersion, RegisteredModel


def reference_blob(blob: storage.StoredBlob) -> None:
    """Begin to refer to stored bytes, in the transaction that does.

    Raises InvalidStateError where they are gone: nothing referred to them for a week, and they were removed this
    moment.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_lock(blob.sha256)])
    if not storage.exists(blob.sha256, blob.size):
        raise InvalidStateError(
            "The stored bytes were removed before they belonged to anything: send the file again.", code="send_again"
        )
    Blob.objects.bulk_create([Blob(sha256=blob.sha256, size=blob.size, stored_at=clock.now())], ignore_conflicts=True)


def try_lock_digest(sha256: str) -> bool:
    """Keep everybody from beginning to refer to the bytes until the transaction ends. False where somebody does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_lock(sha256)])
        (held,) = cursor.fetchone()
    return bool(held)


def attach_blob_to_artifact(
    *, actor: Actor, model: RegisteredModel, version: ModelVersion, artifact: Artifact, data: dict[str, Json]
) -> Event:
    """Give a declared file its stored bytes, with the event. Model and version are locked, the version registering.

    Returns the event. Who contributed the file is the caller's to record: a worker stores it for somebody else.
    """
    reference_blob(storage.StoredBlob(artifact.sha256, artifact.size))
    event = recorder.record_event(
        ARTIFACT_STORED,
        actor=actor,
        target=ObjectRef("artifact", str(artifact.uid)),
        stream=f"model:{model.uid}",
        related_objects=[ObjectRef("version", str(version.uid))],
        data={"path": PrivateValue(artifact.path), "sha256": artifact.sha256, "size": artifact.size, **data},
    )
    artifact.blob_id = artifact.sha256
    artifact.save(update_fields=["blob"])
    version.revision += 1
    version.save(update_fields=["revision"])
    return event


def _lock(sha256: str) -> int:
    return int.from_bytes(hashlib.sha256(f"blob {sha256}".encode()).digest()[:8], signed=True)
