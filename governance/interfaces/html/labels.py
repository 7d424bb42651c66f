"""Labels of states: always an icon and a word, never colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from registry.access import Permission, Role


@dataclass(frozen=True)
class StatusBadge:
    """A word, its icon, and a colour class."""

    word: str
    icon: str
    kind: str


REQUEST: Final[dict[str, StatusBadge]] = {
    "open": StatusBadge("Open", "clock", "wait"),
    "blocked": StatusBadge("Blocked", "alert", "bad"),
    "ready": StatusBadge("Ready", "check", "info"),
    "promoted": StatusBadge("Promoted", "promote", "ok"),
    "rejected": StatusBadge("Rejected", "x", "bad"),
    "withdrawn": StatusBadge("Withdrawn", "undo", "none"),
    "expired": StatusBadge("Expired", "calendar", "none"),
    "superseded": StatusBadge("Superseded", "history", "none"),
}

# The status of a check until it is completed, then its conclusion, or a derived state.
CHECK: Final[dict[str, StatusBadge]] = {
    "expected": StatusBadge("Expected", "dashed", "wait"),
    "waiting_evidence": StatusBadge("Waiting for evidence", "inbox", "wait"),
    "queued": StatusBadge("Queued", "clock", "wait"),
    "running": StatusBadge("Running", "spin", "run"),
    "success": StatusBadge("Passed", "check", "ok"),
    "failure": StatusBadge("Failed", "x", "bad"),
    "action_required": StatusBadge("Needs action", "alert", "warn"),
    "neutral": StatusBadge("Information", "info", "none"),
    "skipped": StatusBadge("Not applicable", "minus", "none"),
    "error": StatusBadge("Check error", "alert", "bad"),
    "cancelled": StatusBadge("Cancelled", "minus", "none"),
    "stale": StatusBadge("Stale", "history", "warn"),
    "waived": StatusBadge("Waived", "waive", "waived"),
    "warned": StatusBadge("Passed, with warnings", "alert", "warn"),
}

# Severities of findings, those of checks and those of the register.
SEVERITY: Final[dict[str, StatusBadge]] = {
    "critical": StatusBadge("Critical", "alert", "critical"),
    "high": StatusBadge("High", "alert", "bad"),
    "warning": StatusBadge("Warning", "alert", "warn"),
    "medium": StatusBadge("Medium", "alert", "warn"),
    "low": StatusBadge("Low", "info", "ghost"),
    "info": StatusBadge("Note", "info", "ghost"),
}

# States of gate requirements (governance.policies.RequirementStatus).
MET: Final[dict[str, StatusBadge]] = {
    "met": StatusBadge("Met", "check", "ok"),
    "waived": StatusBadge("Waived", "waive", "waived"),
    "waiting": StatusBadge("Waiting", "clock", "wait"),
    "failed": StatusBadge("Not met", "x", "bad"),
    "later": StatusBadge("Waiting for previous approval group", "lock", "none"),
    "not_applicable": StatusBadge("Does not apply", "minus", "none"),
}

# Health of a version or model in production (governance.monitoring.health).
HEALTH: Final[dict[str, StatusBadge]] = {
    "healthy": StatusBadge("Healthy", "check", "ok"),
    "watch": StatusBadge("Watch", "eye", "wait"),
    "breached": StatusBadge("Breached", "alert", "bad"),
    "silent": StatusBadge("Silent", "clock", "bad"),
    "not_monitored": StatusBadge("Not monitored", "minus", "none"),
}

# States of a waiver (Waiver.state_at). In force is violet: never shown as met.
WAIVER: Final[dict[str, StatusBadge]] = {
    "in_force": StatusBadge("In force", "waive", "waived"),
    "revoked": StatusBadge("Revoked", "x", "bad"),
    "expired": StatusBadge("Expired", "clock", "none"),
}

# States of a finding.
FINDING: Final[dict[str, StatusBadge]] = {
    "open": StatusBadge("Open", "alert", "bad"),
    "acknowledged": StatusBadge("Acknowledged", "eye", "wait"),
    "closure_proposed": StatusBadge("Closure proposed", "clock", "wait"),
    "closed": StatusBadge("Closed", "check", "ok"),
}

# A production signal compared with its approved limit (governance.policies.monitoring.Judgement).
JUDGEMENT: Final[dict[str, StatusBadge]] = {
    "within": StatusBadge("Within", "check", "ok"),
    "warning": StatusBadge("Warning", "eye", "wait"),
    "breach": StatusBadge("Beyond the limit", "alert", "bad"),
}

DECISION: Final[dict[str, StatusBadge]] = {
    "approve": StatusBadge("Approved", "check", "ok"),
    "request_changes": StatusBadge("Requested changes", "undo", "warn"),
    "reject": StatusBadge("Rejected", "x", "bad"),
}

UNKNOWN: Final = StatusBadge("Unknown", "help", "none")

ACCESS: Final[dict[str, StatusBadge]] = {
    "asked": StatusBadge("Waiting for an answer", "clock", "wait"),
    "granted": StatusBadge("Granted", "check", "ok"),
    "denied": StatusBadge("Denied", "x", "bad"),
    "withdrawn": StatusBadge("Withdrawn", "undo", "none"),
    "lapsed": StatusBadge("Expired", "calendar", "none"),
}
"""States of an access request."""

CHANGE: Final[dict[str, StatusBadge]] = {
    "proposed": StatusBadge("Waiting for a second person", "clock", "wait"),
    "confirmed": StatusBadge("Confirmed", "check", "ok"),
    "rejected": StatusBadge("Rejected", "x", "bad"),
    "withdrawn": StatusBadge("Withdrawn", "undo", "none"),
    "expired": StatusBadge("Expired", "calendar", "none"),
}
"""States of a change proposal."""

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
"""Permissions on a model in the order of the access page: the heading, and what the permission allows."""
