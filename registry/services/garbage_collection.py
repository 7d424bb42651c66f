"""Garbage collection: aborted uploads, bytes without a reference, versions whose files were never uploaded.

Bytes are referenced by a row of `Blob`, which is created in the transaction that references them and kept permanently.
Bytes without one belong to an upload that was aborted or is in progress: they are kept for some days, and removed under
the digest lock that a new reference takes too.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor, process
from audit.recorder import Change, ObjectRef
from registry import storage
from registry.actions import VERSION_ABANDONED
from registry.models import Artifact, Blob, ModelVersion, Upload
from registry.services.blob_references import try_lock_digest
from registry.services.version_lock import lock_version

SWEEPER = process("storage-sweeper")
"""The actor that abandons versions."""

_AT_ONCE = 500


@dataclass(frozen=True)
class GarbageCollectionResult:
    """What was removed or abandoned; with `dry_run`, what would be. `orphan_bytes` is the total size of `orphans`."""

    half_uploads: int
    orphans: int
    orphan_bytes: int
    abandoned: int


def collect_garbage(*, dry_run: bool = False) -> GarbageCollectionResult:
    """Collect garbage once. Safe to run concurrently with everything else, including itself.

    Args:
        dry_run: only count; remove nothing.

    Raises:
        StorageUnavailableError: the store is unavailable.
    """
    half = storage.store().delete_abandoned(older_than=storage.ABANDONED_AFTER, pretend=dry_run)
    orphans, size = _sweep_orphans(dry_run)
    return GarbageCollectionResult(half, orphans, size, _abandon_versions(dry_run))


def _sweep_orphans(pretend: bool) -> tuple[int, int]:
    grace = settings.COUNTERSIGN_ORPHANS_KEPT_DAYS * 24 * 60 * 60
    number = size = 0
    batch: list[storage.BlobInfo] = []
    for kept in storage.store().blobs():
        if kept.age > grace:
            batch.append(kept)
        if len(batch) == _AT_ONCE:
            found = _remove(batch, pretend)
            number, size, batch = number + len(found), size + sum(f.size for f in found), []
    found = _remove(batch, pretend)
    return number + len(found), size + sum(f.size for f in found)


def _remove(batch: list[storage.BlobInfo], pretend: bool) -> list[storage.BlobInfo]:
    known = set(Blob.objects.filter(sha256__in=[kept.sha256 for kept in batch]).values_list("sha256", flat=True))
    orphans = [kept for kept in batch if kept.sha256 not in known]
    return orphans if pretend else [kept for kept in orphans if _remove_one(kept.sha256)]


def _remove_one(sha256: str) -> bool:
    """Remove bytes unless a reference was added since they were listed, or is being added."""
    with transaction.atomic():
        if not try_lock_digest(sha256) or Blob.objects.filter(sha256=sha256).exists():
            return False
        # Inside the transaction: a transaction that waits for the lock must find the bytes gone.
        storage.store().remove(sha256)
    return True


def _abandon_versions(pretend: bool) -> int:
    before = clock.now() - timedelta(days=settings.COUNTERSIGN_ABANDONED_AFTER_DAYS)
    stale = ModelVersion.objects.filter(
        status=ModelVersion.Status.REGISTERING, abandoned_at__isnull=True, created_at__lt=before
    )
    if pretend:
        return stale.count()
    return sum(abandon(actor=SWEEPER, version=version) for version in stale.select_related("model").order_by("pk"))


@transaction.atomic
def abandon(*, actor: Actor, version: ModelVersion) -> bool:
    """Abandon a version whose files were not uploaded: it accepts no files, and the same may be declared again.

    Stored files of it stay.

    Returns:
        False if it was registered or abandoned already, or a worker is processing its files.
    """
    model, version = lock_version(version)
    examined = Upload.objects.filter(artifact__version=version, state__in=("queued", "examining"))
    if version.status == ModelVersion.Status.REGISTERED or version.abandoned_at is not None or examined.exists():
        return False
    missing = Artifact.objects.filter(version=version, blob__isnull=True).count()
    event = recorder.record_event(
        VERSION_ABANDONED,
        actor=actor,
        target=ObjectRef("version", str(version.uid)),
        stream=f"model:{model.uid}",
        related_objects=[ObjectRef("model", str(model.uid))],
        changes=[Change("abandoned", False, True)],
        reason=f"Not completed within {settings.COUNTERSIGN_ABANDONED_AFTER_DAYS} days of its declaration.",
        data={"number": version.number, "files_missing": missing},
    )
    version.abandoned_at = event.happened_at
    version.revision += 1
    version.save(update_fields=["abandoned_at", "revision"])
    Upload.objects.filter(artifact__version=version).delete()
    return True
