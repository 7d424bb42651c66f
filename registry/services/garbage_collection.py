"""What is left over: uploads that broke off, bytes that nothing refers to, versions whose files never came.

Bytes are somebody's through a row of `Blob`, which is made in the transaction that begins to refer to them and is kept
for good. Bytes without one are an upload that broke off, or one that is under way at this moment: so they are given
some days, and removed under a lock that whoever begins to refer to them holds, too.
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
"""Who gives versions up."""

_AT_ONCE = 500


@dataclass(frozen=True)
class GarbageCollectionResult:
    """What was removed or given up; what would be, where it was only looked. `orphan_bytes`: the size of `orphans`."""

    half_uploads: int
    orphans: int
    orphan_bytes: int
    abandoned: int


def collect_garbage(*, dry_run: bool = False) -> GarbageCollectionResult:
    """Clean up once. May run while everything else does, also twice at the same time.

    Args:
        pretend: only look.

    Raises StorageUnavailableError.
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
    """Remove bytes, unless somebody began to refer to them since they were listed, or does at this moment."""
    with transaction.atomic():
        if not try_lock_digest(sha256) or Blob.objects.filter(sha256=sha256).exists():
            return False
        # Within the transaction: whoever waits for the lock must find them gone.
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
    """Give a version up whose files did not come: it takes none any more, and the same may be declared again. What is
    stored of it stays. False where it was registered or given up meanwhile, or a worker reads its files now."""
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
