"""Processing of files uploaded to the bucket by a worker: read, hash, and attach to the version or refuse.

The row is the queue (`registry.services.claiming`). A file whose worker was lost stays in the bucket, and another
worker reads it from the beginning. When the last file is stored, the version is registered, because rows are queued
only by the request that says that all files were sent.
"""

import logging
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from audit import recorder
from audit.actor import process
from audit.recorder import ObjectRef, PrivateValue
from registry import storage
from registry.actions import ARTIFACT_REFUSED
from registry.exceptions import InvalidStateError
from registry.models import Artifact, Contribution, ModelVersion, Upload
from registry.services.blob_references import attach_blob_to_artifact, hold_blob
from registry.services.claiming import ClaimLostError, Lease, WorkQueue, doubled
from registry.services.contributions import record_contributor
from registry.services.uploads import upload_key
from registry.services.version_lock import lock_version
from registry.services.versions import register

WORKER = process("upload-worker")
"""The actor of the events of processing."""

_BEATS_UNTIL_LOST = 9
_FIRST_PAUSE = timedelta(seconds=10)

_LATER = "Complete the version again later; if that does not help, tell the administrator of this installation."

log = logging.getLogger(__name__)


QUEUE = WorkQueue(
    model=Upload,
    waiting={"state": Upload.State.QUEUED},
    running={"state": Upload.State.EXAMINING},
    lost_after=lambda: timedelta(seconds=settings.COUNTERSIGN_UPLOAD_LOST_AFTER),
    max_attempts=lambda: settings.COUNTERSIGN_UPLOAD_ATTEMPTS,
    pause=partial(doubled, _FIRST_PAUSE),
)


class _DigestMismatchError(Exception):
    """The uploaded bytes differ from the declared ones."""

    def __init__(self, found: storage.StoredBlob) -> None:
        super().__init__(found.sha256)
        self.found = found


def due_upload_ids(*, limit: int = 200) -> list[int]:
    """Keys of the uploads that a worker should read now. Ends those whose workers were lost too often."""
    QUEUE.finish_exhausted(
        state=Upload.State.FAILED, run_after=None, problem=f"Every worker that read it was lost. {_LATER}"
    )
    return QUEUE.claimable_ids(limit)


def process_upload(upload_id: int) -> bool:
    """Claim an upload, read it, and store or refuse it.

    An error of the store is not raised: the upload is retried later, up to COUNTERSIGN_UPLOAD_ATTEMPTS attempts.

    Returns:
        False if the upload could not be claimed, or the claim was lost.
    """
    lease = QUEUE.claim(upload_id)
    if lease is None:
        return False
    artifact = Artifact.objects.select_related("version", "upload").get(upload__pk=upload_id)
    where = upload_key(artifact.version, artifact)

    def accept(found: storage.StoredBlob) -> None:
        if (found.sha256, found.size) != (artifact.sha256, artifact.size):
            raise _DigestMismatchError(found)

    store = storage.store()
    beat = QUEUE.pulse(lease, settings.COUNTERSIGN_UPLOAD_LOST_AFTER / _BEATS_UNTIL_LOST)
    try:
        try:
            store.ingest(where, accept=accept, pulse=beat)
        except _DigestMismatchError as other:
            _refuse(lease, artifact, other.found)
        else:
            _store(lease, artifact)
    except FileNotFoundError:
        return _fail(lease, "The uploaded file is no longer in the bucket: upload it again.")
    except (OSError, InvalidStateError) as error:
        log.exception("upload %s could not be read", upload_id)
        _retry(lease, artifact.upload.attempts, error)
    except ClaimLostError:
        return False
    else:
        store.discard(where)
    return True


def _store(lease: Lease, artifact: Artifact) -> None:
    """Attach the file to the version, and register the version if it was the last one."""
    with transaction.atomic():
        blob = hold_blob(storage.StoredBlob(artifact.sha256, artifact.size))
        model, version = lock_version(artifact.version)
        upload = _held(lease)
        artifact = Artifact.objects.get_for_update(artifact.pk)
        if artifact.blob_id is None and version.status == ModelVersion.Status.REGISTERING:
            by = str(upload.completed_by.uid) if upload.completed_by is not None else None
            event = attach_blob_to_artifact(
                actor=WORKER, model=model, version=version, artifact=artifact, blob=blob, data={"sent_by": by}
            )
            sender, token = upload.completed_by, upload.completed_with
            if sender is not None:
                record_contributor(
                    account=sender, token=token, version=version, part=Contribution.Part.FILES, event=event
                )
            upload.delete()
            if not Artifact.objects.filter(version=version, blob__isnull=True).exists():
                register(actor=WORKER, version=version, before=str(version.status), completed_by=by)
        else:
            upload.delete()


def _refuse(lease: Lease, artifact: Artifact, found: storage.StoredBlob) -> None:
    """Digest or size mismatch: set the upload to REFUSED, record the event, store the message shown to the uploader."""
    if found.size != artifact.size:
        fault = f"{found.size:,} bytes and not the declared {artifact.size:,}"
    else:
        fault = f"SHA-256 {found.sha256}, and was declared with {artifact.sha256}"
    with transaction.atomic():
        model, version = lock_version(artifact.version)
        upload = _held(lease)
        recorder.record_event(
            ARTIFACT_REFUSED,
            actor=WORKER,
            target=ObjectRef("artifact", str(artifact.uid)),
            stream=f"model:{model.uid}",
            related_objects=[ObjectRef("version", str(version.uid))],
            data={
                "path": PrivateValue(artifact.path),
                "sha256": artifact.sha256,
                "size": artifact.size,
                "found_sha256": found.sha256,
                "found_size": found.size,
            },
        )
        version.revision += 1
        version.save(update_fields=["revision"])
        upload.state = Upload.State.REFUSED
        upload.problem = f"What was uploaded as “{artifact.path}” has {fault}. Upload the declared file again."
        upload.claim = upload.run_after = None
        upload.save(update_fields=["state", "problem", "claim", "run_after"])


def _retry(lease: Lease, attempts: int, error: Exception) -> None:
    if QUEUE.is_last_attempt(attempts):
        reason = getattr(error, "strerror", None) or type(error).__name__
        _fail(lease, f"It could not be read: {reason}. {_LATER}")
    else:
        QUEUE.retry(lease, attempts)


def _fail(lease: Lease, problem: str) -> bool:
    return QUEUE.finish(lease, state=Upload.State.FAILED, run_after=None, problem=problem)


def _held(lease: Lease) -> Upload:
    """Lock the leased row. Raises ClaimLostError where the lease is not valid any more."""
    rows = QUEUE.held(lease).select_for_update(of=("self",)).select_related("completed_by", "completed_with")
    upload = rows.first()
    if upload is None:
        raise ClaimLostError
    return upload
