"""PDF files: a short file is rendered in the request, a long one once by a worker, and stored by digest for a day.

Callers check the permission of the reader first. The content is JSON, so that a worker renders the same file from the
row alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any, Literal

from celery.exceptions import SoftTimeLimitExceeded
from django.db import transaction
from fpdf.errors import FPDFException

from audit import clock
from governance import task_queue
from governance.documents import pdf_writer
from governance.documents.pdf_writer import PdfMetadata
from governance.models import PdfFile
from registry.exceptions import InvalidStateError
from registry.models import User
from registry.services.claiming import Lease, WorkQueue

EDITION = 2
"""Increased whenever the same input is rendered differently."""
INLINE_CHARACTERS = 20_000
INLINE_CELLS = 800
"""Limits for rendering in the request, which takes about half a second at most."""
MAX_WAITING = 5
"""Waiting files of one person."""
MAX_KEPT = 500
"""Stored files; the oldest are deleted first."""
MAX_ATTEMPTS = 3
KEPT_FOR = timedelta(days=1)
FAILED_FOR = timedelta(minutes=10)
"""How long a failure is reported before rendering is tried again."""
LOST_AFTER = timedelta(seconds=150)
"""A claim that is older is void. Longer than the time limit of the task that draws."""
RETRY_AFTER = 2
"""Seconds a client is advised to wait."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Printed:
    """The input of a PDF file.

    Args:
        kind: a model card or a technical document.
        content: of a card `text` and `metadata`; of a document what `governance.documents.building` builds.
        about: the first page; its `printed_at` is not part of the digest.
    """

    kind: Literal["card", "document"]
    content: Mapping[str, Any]
    about: PdfMetadata

    @property
    def source(self) -> bytes:
        """The input as JSON, the same bytes for the same content."""
        about = {**asdict(self.about), "printed_at": None}
        source = {"edition": EDITION, "kind": self.kind, "content": self.content, "about": about}
        return json.dumps(source, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(errors="replace")

    def draw(self) -> bytes:
        """Render the file."""
        if self.kind == "card":
            return pdf_writer.card(self.content["text"], self.content["metadata"], self.about)
        return pdf_writer.document(self.content, self.about)


def pdf_of(printed: Printed, *, requested_by: User) -> bytes | None:
    """Return a PDF file, or None while a worker renders it.

    Args:
        printed: the input.
        requested_by: the reader, whose permission is checked already.

    Raises:
        InvalidStateError: `rendering_failed`, with the reason, or `too_many_renderings`.
    """
    source = printed.source
    if _is_short(printed, source):
        try:
            return printed.draw()
        except FPDFException as error:
            raise _failure(str(error)) from error
    now = clock.now()
    digest = hashlib.sha256(source).hexdigest()
    found = PdfFile.objects.filter(digest=digest).first()
    if found is not None and found.state == PdfFile.State.DONE:
        return bytes(found.body or b"")
    if found is not None and found.state == PdfFile.State.FAILED:
        if found.finished_at is not None and found.finished_at > now - FAILED_FOR:
            raise _failure(found.problem)
        PdfFile.objects.filter(pk=found.pk, state=PdfFile.State.FAILED).delete()
        found = None
    if found is None:
        _enqueue(digest, source, requested_by)
    return None


@transaction.atomic
def _enqueue(digest: str, source: bytes, requested_by: User) -> None:
    """Insert the row, unless another request did, and enqueue its task on commit."""
    waiting = PdfFile.objects.filter(requested_by=requested_by, state=PdfFile.State.WAITING).count()
    if waiting >= MAX_WAITING:
        raise InvalidStateError(
            f"{waiting} files are being prepared for you already: wait until one of them is done.",
            code="too_many_renderings",
        )
    row, created = PdfFile.objects.get_or_create(
        digest=digest, defaults={"source": source, "requested_by": requested_by, "created_at": clock.now()}
    )
    if created:
        task_queue.enqueue_on_commit(task_queue.DRAW_PDF, row.pk)


QUEUE = WorkQueue(
    model=PdfFile,
    waiting={"state": PdfFile.State.WAITING},
    running={},
    lost_after=lambda: LOST_AFTER,
    max_attempts=lambda: MAX_ATTEMPTS,
    pause=lambda attempts: timedelta(),  # a file whose drawing fails is not drawn again: the same input fails again
)


def draw(file_id: int) -> bool:
    """Draw a file, if its row can be claimed. Returns whether it was claimed.

    A finished file is never rendered again. A failure is stored in the row with its reason.

    Returns:
        Whether the row was claimed.
    """
    lease = QUEUE.claim(file_id)
    if lease is None:
        return False
    row = PdfFile.objects.get(pk=file_id)
    try:
        body = _printed(row).draw()
    except SoftTimeLimitExceeded:
        problem = "drawing it took longer than a worker may spend on one file"
        _finish(lease, state=PdfFile.State.FAILED, problem=problem)
    except Exception as error:
        log.exception("PDF file %s could not be drawn", file_id)
        reason = str(error)[:300] if isinstance(error, FPDFException) else type(error).__name__
        _finish(lease, state=PdfFile.State.FAILED, problem=f"drawing it failed: {reason}")
    else:
        _finish(lease, state=PdfFile.State.DONE, body=body)
    return True


def due() -> list[int]:
    """Keys of the files that a worker should have claimed by now. Ends those whose workers were lost too often."""
    QUEUE.finish_exhausted(
        state=PdfFile.State.FAILED,
        source=b"",
        finished_at=clock.now(),
        problem=f"the worker that drew it was lost {MAX_ATTEMPTS} times",
    )
    return QUEUE.claimable_ids(100)


def sweep() -> int:
    """Delete files that are older than a day, and the oldest beyond MAX_KEPT. Return how many."""
    old = PdfFile.objects.filter(created_at__lt=clock.now() - KEPT_FOR)
    count = old.delete()[0]
    beyond = PdfFile.objects.exclude(state=PdfFile.State.WAITING).order_by("-created_at", "-pk")
    keys = list(beyond.values_list("pk", flat=True)[MAX_KEPT:])
    return count + PdfFile.objects.filter(pk__in=keys).delete()[0]


def _finish(lease: Lease, **written: Any) -> None:
    QUEUE.finish(lease, **written, source=b"", finished_at=clock.now())


def _printed(row: PdfFile) -> Printed:
    source = json.loads(bytes(row.source))
    about = PdfMetadata(**{**source["about"], "printed_at": row.created_at})
    return Printed(
        source["kind"], source["content"], replace(about, facts=[(name, text) for name, text in about.facts])
    )


def _is_short(printed: Printed, source: bytes) -> bool:
    if len(source) > INLINE_CHARACTERS:
        return False
    cells = source.count(b"|")
    if printed.kind == "document":
        cells += sum(_cells(block) for point in printed.content["points"] for block in point["blocks"])
    else:
        cells += 2 * len(printed.content["metadata"])
    return cells <= INLINE_CELLS


def _cells(block: Mapping[str, Any]) -> int:
    if block["kind"] == "table":
        return len(block["columns"]) * (1 + len(block["rows"]))
    return 2 * len(block["items"]) if block["kind"] == "facts" else 0


def _failure(reason: str) -> InvalidStateError:
    return InvalidStateError(
        f"The PDF could not be prepared: {reason}. The page and the JSON contain everything. Rendering is tried again "
        f"after {FAILED_FOR.seconds // 60} minutes.",
        code="rendering_failed",
    )
