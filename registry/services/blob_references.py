"""References to stored bytes: a row about the bytes, an artifact that has them, an event.

Storing is slow, so bytes are stored before the transaction that references them; bytes without a reference are removed
later (`registry.services.garbage_collection`). Both lock the digest in the database, so that referenced bytes exist.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

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


@dataclass(frozen=True)
class HeldBlob(storage.StoredBlob):
    """Stored bytes that stay stored until the transaction ends. Made by `hold_blobs`."""


def hold_blobs(blobs: Iterable[storage.StoredBlob]) -> dict[str, HeldBlob]:
    """Keep bytes from being removed until the transaction ends, and find out which of them are stored.

    Queries the store once for each digest, which is slow. Therefore it is called at the beginning of a transaction,
    before a model is locked. The locks it takes are shared and on digests: they only make the garbage collection skip
    these bytes.

    Returns:
        Those that are stored, by digest.

    Raises:
        RuntimeError: no transaction is open, so nothing would be held.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("Bytes are held until the transaction ends, and none is open.")
    held = {blob.sha256: HeldBlob(blob.sha256, blob.size) for blob in blobs}
    with connection.cursor() as cursor:
        for sha256 in sorted(held):
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [_lock(sha256)])
    return {sha256: blob for sha256, blob in held.items() if storage.exists(sha256, blob.size)}


def hold_blob(blob: storage.StoredBlob) -> HeldBlob:
    """Keep bytes from being removed until the transaction ends. See `hold_blobs`.

    Raises:
        InvalidStateError: the bytes are not stored any more: they were never referenced and were removed.
    """
    held = hold_blobs([blob]).get(blob.sha256)
    if held is None:
        raise InvalidStateError(
            "The stored bytes were removed before they belonged to anything: send the file again.", code="send_again"
        )
    return held


def reference_blob(blob: HeldBlob) -> None:
    """Reference held bytes, in the transaction that needs them."""
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
    *,
    actor: Actor,
    model: RegisteredModel,
    version: ModelVersion,
    artifact: Artifact,
    blob: HeldBlob,
    data: dict[str, Json],
) -> Event:
    """Assign stored bytes to a declared file and record the event.

    The caller locks model and version, checks that the version is registering, and records the contributor, because a
    worker stores files for another person.

    Args:
        actor: the actor of the event.
        model: the locked model.
        version: the locked version.
        artifact: the declared file.
        blob: its bytes.
        data: further data of the event.

    Returns:
        The event.

    Raises:
        ValueError: the bytes are not those that the artifact declares.
    """
    if blob.sha256 != artifact.sha256:
        raise ValueError(f"{blob.sha256} are not the bytes of {artifact.path}.")
    reference_blob(blob)
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
