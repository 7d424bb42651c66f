"""How each state is shown: always an icon and a word, never a colour alone. The words are the product's vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from registry.access import Permission, Role


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
    "error": Look("Check error", "alert", "bad"),
    "cancelled": Look("Cancelled", "minus", "none"),
    "stale": Look("Stale", "history", "warn"),
    "waived": Look("Waived", "waive", "waived"),
    "warned": Look("Passed, with warnings", "alert", "warn"),
}

# Of a finding of a check.
SEVERITY: Final[dict[str, Look]] = {
    "critical": Look("Critical", "alert", "critical"),
    "high": Look("High", "alert", "bad"),
    "warning": Look("Warning", "alert", "warn"),
    "info": Look("Note", "info", "ghost"),
}

# How one requirement of the gate stands (governance.policies.Met).
MET: Final[dict[str, Look]] = {
    "met": Look("Met", "check", "ok"),
    "waived": Look("Waived", "waive", "waived"),
    "waiting": Look("Waiting", "clock", "wait"),
    "failed": Look("Not met", "x", "bad"),
    "later": Look("Waiting for previous approval group", "lock", "none"),
}

DECISION: Final[dict[str, Look]] = {
    "approve": Look("Approved", "check", "ok"),
    "request_changes": Look("Requested changes", "undo", "warn"),
    "reject": Look("Rejected", "x", "bad"),
}

UNKNOWN: Final = Look("Unknown", "help", "none")

ACCESS: Final[dict[str, Look]] = {
    "asked": Look("Waiting for an answer", "clock", "wait"),
    "granted": Look("Granted", "check", "ok"),
    "denied": Look("Denied", "x", "bad"),
    "withdrawn": Look("Withdrawn", "undo", "none"),
    "lapsed": Look("Expired", "calendar", "none"),
}
"""The states of an access request."""

CHANGE: Final[dict[str, Look]] = {
    "proposed": Look("Waiting for a second person", "clock", "wait"),
    "confirmed": Look("Confirmed", "check", "ok"),
    "rejected": Look("Rejected", "x", "bad"),
    "withdrawn": Look("Withdrawn", "undo", "none"),
    "expired": Look("Expired", "calendar", "none"),
}
"""The states of a change proposal."""

ROLES_IN_WORDS: Final[dict[Role, str]] = {
    Role.VIEWER: "sees the model",
    Role.REGISTRAR: "adds versions only",
    Role.DEVELOPER: "edits the model, adds versions, requests promotions",
    Role.VALIDATOR: "decides on promotion requests",
    Role.APPROVER: "decides on promotion requests",
    Role.OWNER: "as a developer, and assigns roles on the model",
    Role.AUDITOR: "sees everything, changes nothing (organisation only)",
    Role.OFFICER: "policies, reviewer groups, the audit log (organisation only)",
    Role.ADMINISTRATOR: "accounts and roles; does not decide (organisation only)",
}

RIGHTS: Final[dict[Permission, tuple[str, str]]] = {
    Permission.VIEW: ("View", "see the model and its versions"),
    Permission.REGISTER_VERSION: ("Register", "add versions, files, metrics and evidence"),
    Permission.EDIT: ("Edit", "edit the model"),
    Permission.REQUEST_PROMOTION: ("Request promotion", "request a promotion"),
    Permission.DECIDE: ("Decide", "decide on a promotion request"),
    Permission.GRANT_ROLE: ("Grant", "assign and revoke roles"),
}
"""The rights on a model, in the order of the access page: the heading, and what it lets somebody do."""
