"""Handing out a version's files: asked, recorded, then opened."""

from typing import BinaryIO

from django.db import transaction

from audit import recorder
from audit.actor import Actor
from audit.recorder import ObjectRef
from registry import access, storage
from registry.actions import ARTIFACT_DOWNLOADED, EVIDENCE_DOWNLOADED
from registry.exceptions import NotFoundError
from registry.models import Artifact, Evidence, RegisteredModel


@transaction.atomic
def artifact(*, actor: Actor, artifact: Artifact) -> BinaryIO:
    """The bytes of a file, opened for a front door to send and close. Who took which digest is an event.

    Raises NotFound where the actor may not know of the model, PermissionDeniedError without VIEW, and NotFound for a
    file that
    was declared but not stored yet; StorageUnavailableError.
    """
    version = artifact.version
    access.require_permission(actor, access.Permission.VIEW, version.model)
    stream = _stored(artifact.blob_id, artifact.path)
    recorder.record_event(
        ARTIFACT_DOWNLOADED,
        actor=actor,
        target=ObjectRef("artifact", str(artifact.uid)),
        stream=_stream(version.model),
        related_objects=[ObjectRef("version", str(version.uid))],
        data={"path": artifact.path, "sha256": artifact.sha256},
    )
    return stream


@transaction.atomic
def evidence(*, actor: Actor, evidence: Evidence) -> BinaryIO:
    """The same for a file of evidence."""
    version = evidence.version
    access.require_permission(actor, access.Permission.VIEW, version.model)
    stream = _stored(evidence.blob_id, evidence.filename)
    recorder.record_event(
        EVIDENCE_DOWNLOADED,
        actor=actor,
        target=ObjectRef("evidence", str(evidence.uid)),
        stream=_stream(version.model),
        related_objects=[ObjectRef("version", str(version.uid))],
        data={"kind": evidence.kind, "sha256": evidence.blob_id},
    )
    return stream


def _stored(sha256: str | None, name: str) -> BinaryIO:
    if sha256 is None:
        raise NotFoundError(f"{name} was declared and not uploaded yet.")
    try:
        return storage.open_file(sha256)
    except FileNotFoundError:
        raise NotFoundError(
            f"The bytes of {name} are missing from the store: tell whoever runs this installation."
        ) from None


def _stream(model: RegisteredModel) -> str:
    return f"model:{model.uid}"
