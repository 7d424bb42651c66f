"""How each state is shown: always an icon and a word, never a colour alone. The words are the product's vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Look:
    """A word, the glyph beside it and the colour class that only supports the two."""

    word: str
    icon: str
    kind: str


REQUEST: Final[dict[str, Look]] = {
    "open": Look("Open", "clock", "wait"),
    "blocked": Look("Blocked", "alert", "bad"),
    "ready": Look("Ready", "check", "info"),
    "promoted": Look("Promoted", "promote", "ok"),
    "rejected": Look("Rejected", "x", "bad"),
    "withdrawn": Look("Withdrawn", "undo", "none"),
    "expired": Look("Expired", "calendar", "none"),
    "superseded": Look("Superseded", "history", "none"),
}

# A check's status while it is not completed, its conclusion afterwards, or one of the derived marks.
CHECK: Final[dict[str, Look]] = {
    "expected": Look("Expected", "dashed", "wait"),
    "waiting_evidence": Look("Waiting for evidence", "inbox", "wait"),
    "queued": Look("Queued", "clock", "wait"),
    "running": Look("Running", "spin", "run"),
    "success": Look("Passed", "check", "ok"),
    "failure": Look("Failed", "x", "bad"),
    "action_required": Look("Needs action", "alert", "warn"),
    "neutral": Look("Information", "info", "none"),
    "skipped": Look("Not applicable", "minus", "none"),
    "error": Look("Broke", "alert", "bad"),
    "cancelled": Look("Cancelled", "minus", "none"),
    "stale": Look("Stale", "history", "warn"),
    "waived": Look("Waived", "waive", "waived"),
}

# How one requirement of the gate stands (governance.policies.Met).
MET: Final[dict[str, Look]] = {
    "met": Look("Met", "check", "ok"),
    "waived": Look("Waived", "waive", "waived"),
    "waiting": Look("Waiting", "clock", "wait"),
    "failed": Look("Not met", "x", "bad"),
    "later": Look("Opens later", "lock", "none"),
}

DECISION: Final[dict[str, Look]] = {
    "approve": Look("Approved", "check", "ok"),
    "request_changes": Look("Requested changes", "undo", "warn"),
    "reject": Look("Rejected", "x", "bad"),
}

UNKNOWN: Final = Look("Unknown", "help", "none")
