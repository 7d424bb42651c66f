"""Handing out a version's files: asked, recorded, then opened."""

from pathlib import Path

from django.db import transaction

from audit import recorder
from audit.actor import Actor
from audit.recorder import Thing
from registry import access, storage
from registry.actions import ARTIFACT_DOWNLOADED, EVIDENCE_DOWNLOADED
from registry.exceptions import NotFound
from registry.models import Artifact, Evidence, RegisteredModel


@transaction.atomic
def artifact(*, actor: Actor, artifact: Artifact) -> Path:
    """Where the bytes of a file are, for a front door to send. Who took which digest is an event.

    Raises NotFound where the actor may not know of the model, NotPermitted without VIEW, and NotFound for a file that
    was declared but not stored yet.
    """
    version = artifact.version
    access.require(actor, access.Permission.VIEW, version.model)
    path = _stored(artifact.blob_id, artifact.path)
    recorder.append(
        ARTIFACT_DOWNLOADED,
        actor=actor,
        thing=Thing("artifact", str(artifact.uid)),
        stream=_stream(version.model),
        related=[Thing("version", str(version.uid))],
        data={"path": artifact.path, "sha256": artifact.sha256},
    )
    return path


@transaction.atomic
def evidence(*, actor: Actor, evidence: Evidence) -> Path:
    """The same for a file of evidence."""
    version = evidence.version
    access.require(actor, access.Permission.VIEW, version.model)
    path = _stored(evidence.blob_id, evidence.filename)
    recorder.append(
        EVIDENCE_DOWNLOADED,
        actor=actor,
        thing=Thing("evidence", str(evidence.uid)),
        stream=_stream(version.model),
        related=[Thing("version", str(version.uid))],
        data={"kind": evidence.kind, "sha256": evidence.blob_id},
    )
    return path


def _stored(sha256: str | None, name: str) -> Path:
    if sha256 is None:
        raise NotFound(f"{name} was declared and not uploaded yet.")
    try:
        return storage.path_of(sha256)
    except FileNotFoundError:
        raise NotFound(
            f"The bytes of {name} are missing from the store: tell whoever runs this installation."
        ) from None


def _stream(model: RegisteredModel) -> str:
    return f"model:{model.uid}"
