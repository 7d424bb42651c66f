"""Downloads of a version's files: permission check, event, then the open file."""

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
    """Open a file of a version and record the download. The interface sends and closes it.

    Raises:
        NotFoundError: the model is not visible to the actor, or the file is declared but not stored.
        PermissionDeniedError: a token without the scope for VIEW.
        StorageUnavailableError: the store is unavailable.
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
    """Open a file of evidence and record the download. Raises: see `artifact`."""
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
            f"The bytes of {name} are missing from the store: tell the administrator of this installation."
        ) from None


def _stream(model: RegisteredModel) -> str:
    return f"model:{model.uid}"
