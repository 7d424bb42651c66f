"""Upload of a version's files: which are stored, where to send the others, and declaring the upload complete.

With a filesystem store, files are sent through the web process, which hashes them while streaming. With a bucket, they
are sent there directly with a URL signed for one file, and a worker hashes them (`registry.services.upload_processing`)
before they are attached to the version.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from audit import clock
from audit.actor import Actor
from registry import access, storage
from registry.exceptions import FieldError, InvalidStateError, ValidationFailedError
from registry.models import AccessToken, Artifact, Contribution, ModelVersion, Upload, User
from registry.services.blob_references import attach_blob_to_artifact, hold_blobs
from registry.services.contributions import record_contribution
from registry.services.version_lock import lock_version

IN_PROGRESS_STATES = (Upload.State.QUEUED, Upload.State.EXAMINING)


@dataclass(frozen=True)
class UploadInstruction:
    """What to do for a file: nothing if it is `stored` or `examining` (a worker processes it); otherwise upload
    it to `address`, or through the server if `address` is None.
    """

    artifact: Artifact
    stored: bool
    examining: bool
    address: storage.PresignedUpload | None


def upload_instructions(*, actor: Actor, version: ModelVersion, paths: Sequence[str] = ()) -> list[UploadInstruction]:
    """Return what remains to be done for each file of a version that is registering. May be called repeatedly.

    A file need not be sent if the actor may see a version that has it. A digest alone neither gives access to a file
    nor reveals that it exists.

    Args:
        actor: the person or token that uploads.
        version: the version.
        paths: the files; all if empty.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor does not have REGISTER_VERSION.
        InvalidStateError: the version is registered or abandoned.
        ValidationFailedError: the version declares no file with such a path.
        StorageUnavailableError: the store is unavailable.
    """
    access.require_permission(actor, access.Permission.REGISTER_VERSION, version.model)
    require_accepts_files(version)
    files = {file.path: file for file in _files(version)}
    unknown = [
        FieldError(f"/paths/{index}", "unknown_file", f"Version {version.number} declares no file “{path}”.")
        for index, path in enumerate(paths)
        if path not in files
    ]
    if unknown:
        raise ValidationFailedError(unknown)
    wanted = [files[path] for path in dict.fromkeys(paths)] if paths else list(files.values())
    if any(file.blob_id is None for file in wanted) and _take_from_visible(actor, version, wanted):
        wanted = list(_files(version).filter(pk__in=[file.pk for file in wanted]))
    found = [_order(version, file) for file in wanted]
    Upload.objects.bulk_create(
        [Upload(artifact=order.artifact) for order in found if order.address is not None], ignore_conflicts=True
    )
    return found


def _order(version: ModelVersion, file: Artifact) -> UploadInstruction:
    upload = _upload(file)
    examining = upload is not None and upload.state in IN_PROGRESS_STATES
    address = None
    if file.blob_id is None and not examining:
        address = storage.store().presign_upload(upload_key(version, file), file.sha256, file.size)
    return UploadInstruction(file, file.blob_id is not None, examining, address)


def _take_from_visible(actor: Actor, version: ModelVersion, wanted: Iterable[Artifact]) -> bool:
    """Attach the bytes of identical files that the actor may see elsewhere; returns whether any file got them."""
    lacking = {file.sha256: file.size for file in wanted if file.blob_id is None}
    # Few rows have these digests; visibility is checked only for their models.
    holding = list(
        Artifact.objects.filter(sha256__in=lacking, blob__isnull=False)
        .order_by("pk")
        .values_list("sha256", "version__model_id", "version__uid")
    )
    visible = set(
        access.visible_models(actor).filter(pk__in={model for _, model, _ in holding}).values_list("pk", flat=True)
    )
    sources = {sha256: str(uid) for sha256, model, uid in reversed(holding) if model in visible}
    if not sources:
        return False
    with transaction.atomic():
        held = hold_blobs(storage.StoredBlob(sha256, lacking[sha256]) for sha256 in sources)
        if not held:
            return False
        model, version = lock_version(version)
        require_accepts_files(version)
        chosen = [file.pk for file in wanted if file.sha256 in held]
        rows = Artifact.objects.select_for_update(no_key=True).filter(pk__in=chosen, blob__isnull=True).order_by("path")
        for file in rows:
            same = {"same_as": sources[file.sha256]}
            event = attach_blob_to_artifact(
                actor=actor, model=model, version=version, artifact=file, blob=held[file.sha256], data={**same}
            )
            record_contribution(actor=actor, version=version, part=Contribution.Part.FILES, event=event)
    return True


def received_upload_ids(version: ModelVersion) -> frozenset[str]:
    """Return the uids of the files received in the bucket. Queries the store: do not call it while holding a lock."""
    awaited = Upload.objects.filter(artifact__version=version).exclude(state__in=IN_PROGRESS_STATES)
    return frozenset(storage.store().list_received(str(version.uid))) if awaited.exists() else frozenset()


def queue_for_processing(
    files: Iterable[Artifact], sent: frozenset[str], person: User, token: AccessToken | None
) -> tuple[list[Artifact], tuple[int, ...]]:
    """Queue received files that are not stored for processing. Called with the version locked; queues nothing if one is
    missing.

    Args:
        files: the files that are not stored.
        sent: uids of the files received in the bucket.
        person: the person who completes the upload, with
        token: the token they used, if any.

    Returns:
        The files that were not received, and the keys of the uploads that a worker has to process.
    """
    lacking = list(files)
    uploads = {upload.artifact_id: upload for upload in Upload.objects.filter(artifact__in=lacking)}
    missing, waiting = [], []
    for file in lacking:
        upload = uploads.get(file.pk)
        if upload is None or (upload.state not in IN_PROGRESS_STATES and str(file.uid) not in sent):
            missing.append(file)
        else:
            waiting.append(upload)
    if not missing:
        begun: dict[str, Any] = {"problem": "", "attempts": 0, "claim": None, "heartbeat_at": None}
        Upload.objects.filter(pk__in=[upload.pk for upload in waiting]).exclude(state__in=IN_PROGRESS_STATES).update(
            state=Upload.State.QUEUED, completed_by=person, completed_with=token, run_after=clock.now(), **begun
        )
    return missing, tuple(upload.pk for upload in waiting)


def upload_error(file: Artifact) -> str:
    """Return the message about a failed or refused upload of a file; empty if there is none."""
    upload = _upload(file)
    return upload.problem if upload is not None and upload.state not in IN_PROGRESS_STATES else ""


def upload_state(file: Artifact) -> str:
    """Return the state of a file: stored, examining, refused, failed or missing."""
    if file.blob_id is not None:
        return "stored"
    upload = _upload(file)
    if upload is None or upload.state == Upload.State.EXPECTED:
        return "missing"
    return "examining" if upload.state in IN_PROGRESS_STATES else str(upload.state)


def upload_key(version: ModelVersion, file: Artifact) -> str:
    """Return the key of a file's upload in the bucket; the same for every attempt."""
    return f"{version.uid}/{file.uid}"


def require_accepts_files(version: ModelVersion) -> None:
    """Require that the version still accepts files.

    Raises:
        InvalidStateError: the version is registered or abandoned.
    """
    if version.status == ModelVersion.Status.REGISTERED:
        raise InvalidStateError(
            f"Version {version.number} is registered and its files are fixed: declare a new version to change them.",
            code="version_registered",
        )
    if version.abandoned_at is not None:
        raise InvalidStateError(
            f"Version {version.number} was given up on {version.abandoned_at:%d %B %Y}, because its files never came: "
            "declare it again, as a new version.",
            code="version_abandoned",
        )


def _files(version: ModelVersion) -> Any:
    return Artifact.objects.filter(version=version).select_related("upload").order_by("path")


def _upload(file: Artifact) -> Upload | None:
    return getattr(file, "upload", None)
