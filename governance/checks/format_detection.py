"""Says of stored bytes what they are, by the same rules as `artifact.format`, and keeps it beside their digest.

What bytes are follows from the bytes: it is no fact anybody declared, and is the same for every holder of them. So it
is kept with the blob, not with the artifact, and is written once, without an event.
The bytes are a stranger's, so they are looked at in the sandbox, by a worker, and never in the web process.
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
"""Blobs looked at in one sandbox."""
_BYTES_AT_ONCE = 2 << 30
_LOCK = 0x666F726D617473


def detect_formats(*, run: run_worker.Runner = runner.run) -> int:
    """Look at some stored bytes nobody looked at yet, the oldest first; returns how many there were. Nothing is done
    where another worker is at it.

    Args:
        run: what carries it out.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            return 0
    try:
        batch = _next()
        if batch and not _look_at(batch, run):
            # One of them breaks the rules' own code, or the sandbox. Each by itself then; what does is unknown.
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
        # A sandbox answers what it likes; what is kept is a word of ours.
        Blob.objects.filter(pk=blob.pk, format="").update(format=known if known in set(Format) else str(Format.UNKNOWN))
    return True
