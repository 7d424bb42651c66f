"""Files of a version that was registered only by its source, as MLflow clients do.

The contents of a version are fixed at registration. Such a version was registered before its files were known here, so
files may be attached later: each once, complete, with an event and a new fingerprint, until the version first enters a
protected stage or has a protected alias. Then its files are fixed; the database enforces the same rule. While it holds
a protected stage or alias that an import set, a file is added together with a request to approve the version there
again. Files are stored before any lock is taken.
"""

from django.conf import settings
from django.db import transaction

from audit import recorder
from audit.actor import Actor
from audit.recorder import ObjectRef, PrivateValue
from registry import access, fingerprint, selectors, storage
from registry.actions import ARTIFACT_ATTACHED
from registry.approved import AskApproved, nothing_approved
from registry.exceptions import FieldError, InvalidStateError, ValidationFailedError
from registry.models import AliasAssignment, Artifact, Contribution, ModelVersion, StageOccupancy
from registry.services.blob_references import hold_blobs, reference_blob
from registry.services.contributions import record_contribution
from registry.services.evidence import record_deviation
from registry.services.version_lock import lock_version
from registry.services.version_spec import ArtifactSpec, check_artifacts
from registry.validation import ErrorCollector


def may_attach(version: ModelVersion) -> bool:
    """Return whether files may still be attached to the version, regardless of the actor. At most two queries."""
    if not version.source_only:
        return False
    entered = StageOccupancy.objects.filter(version=version, stage__protected=True, before_governance=False)
    carried = AliasAssignment.objects.filter(version=version, before_governance=False).values_list("name", flat=True)
    return not entered.exists() and not selectors.alias_protections(carried)


def store_file(
    *, actor: Actor, version: ModelVersion, path: str, stream: storage.Stream, sha256: str | None = None
) -> storage.StoredBlob:
    """Store the bytes of a file, hashed while streaming, for `attach_file`. Call it outside a transaction.

    Args:
        actor: the person or token that sends the file.
        version: the version.
        path: the path of the file in the version: relative, with forward slashes.
        stream: the bytes.
        sha256: the expected digest in hexadecimal; None for any.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        InvalidStateError: the files of the version are fixed.
        ValidationFailedError: the path is invalid, the digest differs, or the file is too large; nothing is stored.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    _refuse_fixed(version)
    faults = ErrorCollector()
    faults.path("/path", path)
    if sha256 is not None:
        faults.sha256("/sha256", sha256)
    faults.raise_if_any()

    def accept(blob: storage.StoredBlob) -> None:
        if sha256 is not None and blob.sha256 != sha256:
            detail = f"The bytes have SHA-256 {blob.sha256}, not {sha256}: send them again. Nothing was kept."
            raise ValidationFailedError([FieldError("/sha256", "wrong_digest", detail)])

    try:
        return storage.write(stream, limit=settings.COUNTERSIGN_MAX_FILE_BYTES, accept=accept)
    except storage.BlobTooLargeError as fault:
        detail = f"A file has at most {fault.limit:,} bytes: split it."
        raise ValidationFailedError([FieldError("", "too_large", detail)]) from None


@transaction.atomic
def attach_file(
    *,
    actor: Actor,
    version: ModelVersion,
    path: str,
    blob: storage.StoredBlob,
    approved: AskApproved = nothing_approved,
) -> Artifact:
    """Attach a stored file to the version. The same bytes under the same path change nothing.

    If an import put the version into a protected stage or alias, the file needs a request to approve the version there
    again: `governance.services.evidence` opens it in the same transaction, and the database refuses the file without
    it.

    Args:
        actor: the person or token that attaches the file.
        version: the version.
        path: the path of the file in the version: relative, with forward slashes.
        blob: the stored bytes.
        approved: returns the protected stages and aliases that the version holds; the event names their promotions.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        InvalidStateError: the files of the version are fixed, or the path has other bytes.
        ValidationFailedError: the path or the size breaks a rule, or the bytes are not stored.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    # The store is queried before the model is locked, because it may be slow.
    held = hold_blobs([blob]).get(blob.sha256)
    model, version = lock_version(version)
    files = list(Artifact.objects.filter(version=version))
    there = next((file for file in files if file.path == path), None)
    if there is not None and there.sha256 == blob.sha256:
        return there
    _refuse_fixed(version)
    if there is not None:
        raise InvalidStateError(
            f"“{path}” of version {version.number} was attached with SHA-256 {there.sha256}, and a file is attached "
            "once: register a new version for other bytes.",
            code="file_attached",
        )
    faults = ErrorCollector()
    together = [ArtifactSpec(path=file.path, sha256=file.sha256, size=file.size) for file in files]
    check_artifacts(faults, [*together, ArtifactSpec(path=path, sha256=blob.sha256, size=blob.size)])
    if held is None:
        faults.add("", "not_stored", "These bytes are not in storage: send the file.")
    faults.raise_if_any()
    assert held is not None
    reference_blob(held)
    artifact = Artifact.objects.create(
        version=version, path=path, sha256=blob.sha256, size=blob.size, blob_id=blob.sha256
    )
    version.evidence_revision += 1
    version.revision += 1
    version.fingerprint = fingerprint.compute(version)
    promoted, deviation = record_deviation(approved(version), version.fingerprint)
    event = recorder.record_event(
        ARTIFACT_ATTACHED,
        actor=actor,
        target=ObjectRef("artifact", str(artifact.uid)),
        stream=f"model:{model.uid}",
        related_objects=[ObjectRef("version", str(version.uid)), *promoted],
        data={
            "path": PrivateValue(path),
            "sha256": blob.sha256,
            "size": blob.size,
            "evidence_revision": version.evidence_revision,
            "fingerprint": version.fingerprint,
            **deviation,
        },
    )
    version.save(update_fields=["evidence_revision", "revision", "fingerprint"])
    record_contribution(actor=actor, version=version, part=Contribution.Part.FILES, event=event)
    return artifact


def _refuse_fixed(version: ModelVersion) -> None:
    if version.status != ModelVersion.Status.REGISTERED:
        raise InvalidStateError(
            f"Version {version.number} is still registering: upload the files it was declared with.",
            code="version_registering",
        )
    if not may_attach(version):
        raise InvalidStateError(
            f"The files of version {version.number} are fixed: "
            + (
                "it has been in a protected stage or had a protected alias."
                if version.source_only
                else "it was registered with them."
            )
            + " Register a new version to change them.",
            code="version_registered",
        )
