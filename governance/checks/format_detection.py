"""Detects the format of stored bytes, by the same rules as `artifact.format`, and stores it with their digest.

The format follows from the bytes, so it is the same for every artifact that refers to them. It is stored with the blob,
not with the artifact, once and without an event. The bytes are untrusted, so a worker examines them in the sandbox,
never the web process.
"""

from __future__ import annotations

from django.conf import settings
from django.db import connection

from audit import clock
from governance.checks import run_worker, runner
from governance.checks.base import ARTIFACT_FILES, Parameters
from governance.checks.formats.names import Format
from governance.checks.formats.recognise_check import Recognise
from governance.checks.sources import Source
from registry import storage
from registry.models import Blob

AT_ONCE = 50
"""Maximum number of blobs per sandbox run."""
_BYTES_AT_ONCE = 2 << 30
_LOCK = 0x666F726D617473


def detect_formats(*, run: run_worker.Runner = runner.run) -> int:
    """Detect the format of some stored blobs without one, oldest first. Does nothing while another worker is at it.

    Args:
        run: runs the job.

    Returns:
        The number of blobs examined.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0
    try:
        batch = _next()
        if batch and not _look_at(batch, run):
            # One of them breaks the detection or the sandbox. Examine each alone; the one that fails is unknown.
            for blob in batch:
                if not _look_at([blob], run):
                    Blob.objects.filter(pk=blob.pk, format="").update(format=Format.UNKNOWN)
        return len(batch)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _next() -> list[Blob]:
    batch: list[Blob] = []
    size = 0
    for blob in Blob.objects.filter(format="").order_by("stored_at", "pk")[:AT_ONCE]:
        size += blob.size
        if batch and size > _BYTES_AT_ONCE:
            break
        batch.append(blob)
    return batch


def _look_at(blobs: list[Blob], run: run_worker.Runner) -> bool:
    job = runner.Job(
        check=Recognise(),
        params=Parameters(),
        sources=[Source(ARTIFACT_FILES, blob.sha256, blob.sha256, blob.size) for blob in blobs],
        facts={},
        now=clock.now(),
        seed=0,
        isolation_demanded=settings.COUNTERSIGN_CHECKS_NEED_ISOLATION,
    )
    ended = run(job, open_blob=storage.open_blob, beat=lambda: True, beat_every=60.0)
    if ended.outcome is None:
        return False
    found = ended.outcome.measures["formats"]
    assert isinstance(found, dict)
    for blob in blobs:
        known = str(found.get(blob.sha256, ""))
        # The sandbox is untrusted; only known format names are stored.
        Blob.objects.filter(pk=blob.pk, format="").update(format=known if known in set(Format) else str(Format.UNKNOWN))
    return True
