"""The state of the audit log's tree for operators: what waits, what was signed, and what is late."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from audit import tree
from governance import liveness

LATE_SEQUENCING_SECONDS = 60.0
LATE_ANCHOR_PERIODS = 5
"""Periods after which a checkpoint that was not left at an anchor is late."""


@dataclass(frozen=True)
class LogState:
    """The tree, its newest checkpoint, and the problems in words, the most serious first."""

    pending: int
    oldest_pending: float
    size: int
    origin: str
    signed_size: int
    signed_at: datetime | None
    anchors: tuple[tuple[str, str, int, datetime], ...]
    """Place, origin, size and time of the newest checkpoint at each place."""
    late: tuple[str, ...]
    """Places of the settings that lack a checkpoint which is too old."""
    runs: bool
    problems: tuple[str, ...]

    @property
    def summary(self) -> dict[str, Any]:
        """For a public response: numbers and kinds only."""
        return {
            "pending": self.pending,
            "oldest_pending_seconds": round(self.oldest_pending, 1),
            "signed_size": self.signed_size,
            "sequencer": "ok" if self.runs else "not seen",
            "anchoring": "late" if self.late else "ok" if settings.COUNTERSIGN_LOG_ANCHORS else "none",
            "ok": not self.problems,
        }


def log_state() -> LogState:
    """Return the state of the log as of now."""
    pending, oldest = tree.pending()
    head = tree.latest_checkpoint()
    process = liveness.sequencer()
    limit = settings.COUNTERSIGN_LOG_ANCHOR_SECONDS * LATE_ANCHOR_PERIODS
    places = tuple(_place(entry) for entry in settings.COUNTERSIGN_LOG_ANCHORS)
    late = tuple(place for place in places if tree.unanchored_seconds(place) > limit)
    problems = []
    if process is not None and process.get("halted"):
        problems.append(f"The signer of the audit log has halted. {process['halted']}")
    if process is None and pending:
        problems.append("No sequencer runs: events wait for their proofs. Start `manage.py run_sequencer`.")
    elif oldest > LATE_SEQUENCING_SECONDS:
        problems.append(f"{pending} events wait for their proofs, the oldest for {oldest:.0f} seconds.")
    if process is not None and process.get("publishing"):
        problems.append(f"The log is not published: {process['publishing']}.")
    if late:
        detail = f" {process['anchoring']}." if process is not None and process.get("anchoring") else ""
        problems.append(f"No recent checkpoint was left at {', '.join(late)}.{detail}")
    return LogState(
        pending=pending,
        oldest_pending=oldest,
        size=tree.size(),
        origin=head.origin if head is not None else settings.COUNTERSIGN_LOG_ORIGIN,
        signed_size=head.size if head is not None else 0,
        signed_at=head.signed_at if head is not None else None,
        anchors=tuple(tree.anchors()),
        late=late,
        runs=process is not None and not process.get("halted"),
        problems=tuple(problems),
    )


def _place(entry: dict[str, Any]) -> str:
    """Return the name of the place of an entry of COUNTERSIGN_LOG_ANCHORS, as `audit.anchors` writes it."""
    match entry.get("kind"):
        case "folder":
            return f"folder {entry.get('path')}"
        case "witness":
            return f"witness {str(entry.get('key')).partition('+')[0]}"
        case _:
            return f"git {entry.get('remote')} {entry.get('branch', 'checkpoints')}"
