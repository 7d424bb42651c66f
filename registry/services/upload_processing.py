"""Processing of files uploaded to the bucket by a worker: read, hash, and attach to the version or refuse.

The row is the queue: a worker claims it with a random token, and only the holder of that token writes. If a worker is
lost, the file stays and another worker starts again. When the last file is stored, the version is registered, because
rows are queued only when the client has declared the upload complete.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from audit import clock, recorder
from audit.actor import process
from audit.recorder import ObjectRef, PrivateValue
from registry import storage
from registry.actions import ARTIFACT_REFUSED
from registry.exceptions import InvalidStateError
from registry.models import Artifact, Contribution, ModelVersion, Upload
from registry.services.blob_references import attach_blob_to_artifact
from registry.services.contributions import record_contributor
from registry.services.uploads import upload_key
from registry.services.version_lock import lock_version
from registry.services.versions import register

WORKER = process("upload-worker")
"""The actor of the events of processing."""

_BEATS_UNTIL_LOST = 9
_FIRST_PAUSE = timedelta(seconds=10)

_LATER = "Complete the version again later; where that does not help, tell whoever runs this installation."

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Claim:
    upload_id: int
    token: UUID


class _ClaimLostError(Exception):
    """Another worker has claimed the row, or it was deleted."""


class _DigestMismatchError(Exception):
    """The uploaded bytes differ from the declared ones."""

    def __init__(self, found: storage.StoredBlob) -> None:
        super().__init__(found.sha256)
        self.found = found


def due_upload_ids(*, limit: int = 200) -> list[int]:
    """Return the keys of the uploads to process now, oldest first.

    Uploads whose worker sent no heartbeat for COUNTERSIGN_UPLOAD_LOST_AFTER seconds are queued again first, or fail
    after COUNTERSIGN_UPLOAD_ATTEMPTS attempts.
    """
    now = clock.now()
    silent = Q(
        state=Upload.State.EXAMINING, alive_at__lt=now - timedelta(seconds=settings.COUNTERSIGN_UPLOAD_LOST_AFTER)
    )
    lost = Upload.objects.filter(silent)
    lost.filter(attempts__gte=settings.COUNTERSIGN_UPLOAD_ATTEMPTS).update(
        state=Upload.State.FAILED, claim=None, due_at=None, detail=f"Every worker that read it was lost. {_LATER}"
    )
    lost.update(state=Upload.State.QUEUED, claim=None, due_at=now)
    waiting = Upload.objects.filter(state=Upload.State.QUEUED, due_at__lte=now)
    return list(waiting.order_by("due_at", "pk").values_list("pk", flat=True)[:limit])


def process_upload(upload_id: int) -> bool:
    """Claim an upload, read it, and store or refuse it.

    Errors of the store are not raised: the upload is retried later, up to COUNTERSIGN_UPLOAD_ATTEMPTS times.

    Returns:
        False if there was nothing to claim, or the claim was lost.
    """
    claim = _Claim(upload_id, uuid4())
    now = clock.now()
    taken = Upload.objects.filter(pk=upload_id, state=Upload.State.QUEUED).update(
        state=Upload.State.EXAMINING, claim=claim.token, alive_at=now, attempts=F("attempts") + 1
    )
    if not taken:
        return False
    artifact = Artifact.objects.select_related("version").get(upload__pk=upload_id)
    where = upload_key(artifact.version, artifact)

    def accept(found: storage.StoredBlob) -> None:
        if (found.sha256, found.size) != (artifact.sha256, artifact.size):
            raise _DigestMismatchError(found)

    store = storage.store()
    try:
        try:
            store.ingest(where, accept=accept, pulse=_pulse(claim))
        except _DigestMismatchError as other:
            _refuse(claim, artifact, other.found)
        else:
            _store(claim, artifact)
    except FileNotFoundError:
        return _end(claim, Upload.State.FAILED, "What was sent is not in the bucket any more: upload the file again.")
    except (OSError, InvalidStateError) as error:
        log.exception("upload %s could not be read", upload_id)
        _again(claim, error)
    except _ClaimLostError:
        return False
    else:
        store.discard(where)
    return True


def _store(claim: _Claim, artifact: Artifact) -> None:
    """Attach the file to the version, and register the version if it was the last one."""
    with transaction.atomic():
        model, version = lock_version(artifact.version)
        upload = _held(claim)
        artifact = Artifact.objects.get_for_update(artifact.pk)
        if artifact.blob_id is None and version.status == ModelVersion.Status.REGISTERING:
            by = str(upload.completed_by.uid) if upload.completed_by is not None else None
            event = attach_blob_to_artifact(
                actor=WORKER, model=model, version=version, artifact=artifact, data={"sent_by": by}
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


def _refuse(claim: _Claim, artifact: Artifact, found: storage.StoredBlob) -> None:
    """Digest or size mismatch: set the upload to REFUSED, record the event, store the message shown to the uploader."""
    if found.size != artifact.size:
        fault = f"{found.size:,} bytes and not the declared {artifact.size:,}"
    else:
        fault = f"SHA-256 {found.sha256}, and was declared with {artifact.sha256}"
    with transaction.atomic():
        model, version = lock_version(artifact.version)
        upload = _held(claim)
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
        upload.detail = f"What was uploaded as “{artifact.path}” has {fault}. Upload the declared file again."
        upload.claim = upload.due_at = None
        upload.save(update_fields=["state", "detail", "claim", "due_at"])


def _again(claim: _Claim, error: Exception) -> None:
    upload = Upload.objects.filter(pk=claim.upload_id, claim=claim.token).first()
    if upload is None:
        return
    if upload.attempts >= settings.COUNTERSIGN_UPLOAD_ATTEMPTS:
        reason = getattr(error, "strerror", None) or type(error).__name__
        _end(claim, Upload.State.FAILED, f"It could not be read: {reason}. {_LATER}")
        return
    pause = _FIRST_PAUSE * 2 ** (upload.attempts - 1)
    Upload.objects.filter(pk=claim.upload_id, claim=claim.token).update(
        state=Upload.State.QUEUED, claim=None, due_at=clock.now() + pause
    )


def _end(claim: _Claim, state: Upload.State, detail: str) -> bool:
    """Close the row; False if another worker has claimed it."""
    mine = Upload.objects.filter(pk=claim.upload_id, claim=claim.token)
    return bool(mine.update(state=state, detail=detail, claim=None, due_at=None))


def _held(claim: _Claim) -> Upload:
    upload = (
        Upload.objects.select_for_update(of=("self",))
        .select_related("completed_by", "completed_with")
        .filter(pk=claim.upload_id, claim=claim.token)
        .first()
    )
    if upload is None:
        raise _ClaimLostError
    return upload


def _pulse(claim: _Claim) -> Callable[[], None]:
    """Return a heartbeat function; it raises _ClaimLostError if another worker has the claim."""
    every = settings.COUNTERSIGN_UPLOAD_LOST_AFTER / _BEATS_UNTIL_LOST
    following = time.monotonic() + every

    def beat() -> None:
        nonlocal following
        if time.monotonic() < following:
            return
        following = time.monotonic() + every
        if not Upload.objects.filter(pk=claim.upload_id, claim=claim.token).update(alive_at=clock.now()):
            raise _ClaimLostError

    return beat
