"""References to stored bytes: a row about the bytes, an artifact that has them, an event.

Storing is slow, so bytes are stored before the transaction that references them; bytes without a reference are removed
later (`registry.services.garbage_collection`). Both lock the digest in the database, so that referenced bytes exist.
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
    """Reference stored bytes, in the transaction that needs them.

    Raises:
        InvalidStateError: the bytes are not stored any more: they were never referenced and were removed.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_lock(blob.sha256)])
    if not storage.exists(blob.sha256, blob.size):
        raise InvalidStateError(
            "The stored bytes were removed before they belonged to anything: send the file again.", code="send_again"
        )
    Blob.objects.bulk_create([Blob(sha256=blob.sha256, size=blob.size, stored_at=clock.now())], ignore_conflicts=True)


def try_lock_digest(sha256: str) -> bool:
    """Prevent new references to the bytes until the transaction ends.

    Returns:
        False if another transaction is adding a reference.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_lock(sha256)])
        (held,) = cursor.fetchone()
    return bool(held)


def attach_blob_to_artifact(
    *, actor: Actor, model: RegisteredModel, version: ModelVersion, artifact: Artifact, data: dict[str, Json]
) -> Event:
    """Assign stored bytes to a declared file and record the event.

    The caller locks model and version, checks that the version is registering, and records the contributor, because a
    worker stores files for another person.

    Args:
        actor: the actor of the event.
        model: the locked model.
        version: the locked version.
        artifact: the declared file.
        data: further data of the event.

    Returns:
        The event.

    Raises:
        InvalidStateError: the bytes are not stored any more.
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
