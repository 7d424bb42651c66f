"""The lifecycle of a copy: planned for a version whose source is in a configured store, claimed, executed, recorded.

Files are attached one after the other, each with its event and a new fingerprint, by the process `source-copier`; an
interrupted attempt leaves complete files, which the next one finds. Logged data of the MLflow run become metrics and an
evidence file of the kind `mlflow.run`.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction

from audit import clock, recorder
from audit.actions import Action
from audit.actor import process
from audit.recorder import Change, ObjectRef, PrivateValue
from governance import task_queue
from governance.actions import COPY_COMPLETED, COPY_FAILED, COPY_PLANNED
from governance.gate import approvals
from governance.integrations.source_sync import sources, tracking
from governance.integrations.source_sync.sources import CopyError, RetryableCopyError, Source, Tracking
from governance.models import SourceCopy
from governance.services import evidence
from registry.exceptions import DomainError
from registry.models import Artifact, ModelVersion
from registry.services.attachments import may_attach
from registry.services.claiming import ClaimLostError, Lease, WorkQueue, doubled
from registry.services.versions import MetricSpec
from registry.storage import StorageUnavailableError, Stream
from registry.validation import ErrorCollector

log = logging.getLogger(__name__)

COPIER = process("source-copier")
"""The actor when a worker copies from a source."""

LOOKBACK = timedelta(hours=1)
"""How far back to look for versions without a copy."""
LOST_AFTER = timedelta(seconds=60)
"""Time without a heartbeat after which a claim is invalid."""
PULSE = 5.0
"""Seconds between heartbeats."""
MAX_ATTEMPTS = 6


def named_sources() -> tuple[Source, ...]:
    """Return the configured stores."""
    return sources.parse(settings.COUNTERSIGN_SOURCES)


def plan_recent() -> list[int]:
    """Plan copies for recently registered versions whose source is in a configured store. Imported versions are
    excluded.

    Returns:
        The primary keys of the new rows.
    """
    named = named_sources()
    if not named:
        return []
    rows = ModelVersion.objects.filter(
        source_only=True,
        status=ModelVersion.Status.REGISTERED,
        registered_at__gte=clock.now() - LOOKBACK,
        source_copy__isnull=True,
        import_record__isnull=True,
    ).exclude(source="")
    return [made.pk for row in rows.order_by("pk")[:500] if (made := plan(row, named)) is not None]


@transaction.atomic
def plan(version: ModelVersion, named: Sequence[Source] | None = None) -> SourceCopy | None:
    """Plan the copy of a version's source and enqueue it on commit.

    Args:
        version: the version.
        named: the configured stores if already read.

    Returns:
        The row; None if no store covers the source, files cannot be attached, the version holds a protected place, or a
        copy was planned before.
    """
    named = named_sources() if named is None else named
    if not sources.is_covered(version.source, named) or not may_attach(version):
        return None
    if approvals.approvals(version):  # a file there needs a promotion request, which a worker cannot make
        return None
    if SourceCopy.objects.filter(version=version).exists():
        return None
    made = SourceCopy(uid=uuid4(), version=version, created_at=clock.now())
    _record(COPY_PLANNED, made, [Change("state", None, made.state)])
    made.save(force_insert=True)
    task_queue.enqueue_on_commit(task_queue.COPY_SOURCE, made.pk)
    return made


QUEUE = WorkQueue(
    model=SourceCopy,
    waiting={"state": SourceCopy.State.WAITING},
    running={},
    lost_after=lambda: LOST_AFTER,
    max_attempts=lambda: MAX_ATTEMPTS,
    pause=lambda attempts: doubled(timedelta(seconds=settings.COUNTERSIGN_COPY_RETRY_PAUSE), attempts),
    # A large copy outlives many workers, and each of them leaves whole files behind.
    counts_lost=False,
)


def due() -> list[int]:
    """Keys of the copies that a worker should have claimed by now."""
    return QUEUE.claimable_ids()


def run_copy(copy_id: int) -> bool:
    """Copy, if the row can be claimed. Returns whether it was claimed."""
    lease = QUEUE.claim(copy_id)
    if lease is None:
        return False
    row = SourceCopy.objects.select_related("version__model", "version__registered_by").get(pk=copy_id)
    try:
        count, size = _copy(row.version, QUEUE.pulse(lease, PULSE))
    except ClaimLostError:
        return True
    except (RetryableCopyError, StorageUnavailableError) as fault:
        if QUEUE.is_last_attempt(row.attempts):
            _end(lease, COPY_FAILED, SourceCopy.State.FAILED, problem=str(fault))
        elif QUEUE.retry(lease, row.attempts):
            log.info("copy %s waits and is tried again: %s", copy_id, fault)
    except (CopyError, DomainError) as fault:
        _end(lease, COPY_FAILED, SourceCopy.State.FAILED, problem=_describe_error(fault))
    else:
        _end(lease, COPY_COMPLETED, SourceCopy.State.DONE, files=count, size=size)
    return True


class _Watched:
    """A stream that updates the heartbeat while it is read, and refuses more bytes than a version may have."""

    def __init__(self, stream: Stream, beat: Callable[[], None], most: int) -> None:
        self.stream, self.beat, self.left = stream, beat, most

    def read(self, size: int, /) -> bytes:
        self.beat()
        chunk = self.stream.read(size)
        self.left -= len(chunk)
        if self.left < 0:
            raise CopyError("The files at the source are more than a version may have: attach what belongs to it.")
        return chunk


def _copy(version: ModelVersion, beat: Callable[[], None]) -> tuple[int, int]:
    named = named_sources()
    there = {file.path: file for file in Artifact.objects.filter(version=version)}
    count, size = 0, 0
    for found in sources.files(version.source, named):
        beat()
        count += 1
        if count > settings.COUNTERSIGN_MAX_FILES:
            raise CopyError(
                f"There are more than {settings.COUNTERSIGN_MAX_FILES:,} files at the source: attach what belongs to "
                "the version."
            )
        before = there.get(found.path)
        if before is not None and found.size in (None, before.size):
            size += before.size
            continue
        with found.open() as stream:
            watched = _Watched(stream, beat, settings.COUNTERSIGN_MAX_VERSION_BYTES - size)
            size += evidence.attach_file(actor=COPIER, version=version, path=found.path, stream=watched).artifact.size
    if not count:
        raise CopyError("There is nothing at the source: attach the files.")
    for source in named:
        if version.run_id and isinstance(source, Tracking):
            _add_run(version, tracking.run(source, version.run_id))
            break
    return count, size


def _add_run(version: ModelVersion, run: tracking.Run) -> None:
    """Add the run's metrics to the version, and all its logged data as evidence."""
    metrics = [MetricSpec(name, value) for name, value in sorted(run.metrics.items()) if _is_metric(name, value)]
    if metrics:
        evidence.attach_metrics(actor=COPIER, version=version, metrics=metrics[:1_000])
    recorded = {"parameters": run.parameters, "metrics": run.metrics, "tags": run.tags, "user": run.user}
    body = json.dumps(recorded, sort_keys=True, ensure_ascii=False).encode(errors="replace")
    evidence.attach_evidence(
        actor=COPIER, version=version, kind=evidence.RUN, filename="run.json", stream=io.BytesIO(body)
    )


def _is_metric(name: str, value: float) -> bool:
    faults = ErrorCollector()
    faults.clean_line("", name, 250, required=True)
    faults.number("", value)
    return not faults.errors


@transaction.atomic
def _end(lease: Lease, action: Action, state: str, *, problem: str = "", files: int = 0, size: int = 0) -> None:
    row = QUEUE.held(lease).select_for_update(no_key=True, of=("self",)).select_related("version__model").first()
    if row is None:
        return
    row.state, row.problem, row.files, row.size, row.finished_at = state, problem[:2_000], files, size, clock.now()
    _record(action, row, [Change("state", SourceCopy.State.WAITING.value, state)])
    row.save(update_fields=["state", "problem", "files", "size", "finished_at"])


def _record(action: Action, row: SourceCopy, changes: Sequence[Change]) -> None:
    version = row.version
    recorder.record_event(
        action,
        actor=COPIER,
        target=ObjectRef("copy", str(row.uid)),
        stream=f"model:{version.model.uid}",
        related_objects=[ObjectRef("version", str(version.uid))],
        changes=changes,
        data={
            "source": PrivateValue(version.source),
            "files": row.files,
            "size": row.size,
            **({"problem": PrivateValue(row.problem)} if row.problem else {}),
        },
    )


def _describe_error(fault: Exception) -> str:
    return fault.detail if isinstance(fault, DomainError) else str(fault)
