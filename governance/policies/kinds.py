"""The kinds of promotion requests, and the rules of a policy for each kind. Pure: no database, no clock."""

from __future__ import annotations

from enum import StrEnum

from governance.policies.document import ApprovalRule, CheckRule, PolicyDocument
from governance.policies.emergency import INTEGRITY_CHECK, SCAN_CHECK


class RequestKind(StrEnum):
    """How a change is requested: by the ordinary path, back to a version approved before, or in an emergency."""

    ORDINARY = "ordinary"
    ROLLBACK = "rollback"
    EMERGENCY = "emergency"


def rules_for(document: PolicyDocument, kind: str, confirming_group: str = "") -> PolicyDocument:
    """Return the policy with the checks and approvals that a kind of request needs.

    A policy without the section of the kind is returned unchanged: its ordinary rules apply. So a policy for leaving a
    stage keeps its rules. A waiting time, freeze windows and conditions hold neither of the two.
    Requesting refuses a rollback or an emergency change if a policy for entering has no section.

    Args:
        document: the policy.
        kind: a `RequestKind`.
        confirming_group: the group whose member confirms an emergency change.

    Returns:
        A document for evaluation; it is never published.
    """
    if kind == RequestKind.ROLLBACK and document.rollback is not None:
        return document.model_copy(
            update={
                "checks": document.rollback.checks,
                "approvals": document.rollback.approvals,
                "wait_hours": None,
                "freeze_windows": (),
                "conditions": None,
            }
        )
    if kind == RequestKind.EMERGENCY and document.emergency is not None:
        return document.model_copy(
            update={
                "checks": _checks_of_emergency(document),
                "approvals": (ApprovalRule(group=confirming_group),),
                "comment_required": True,
                "wait_hours": None,
                "freeze_windows": (),
                "conditions": None,
                "on_ready": "promote",
            }
        )
    return document


def _checks_of_emergency(document: PolicyDocument) -> tuple[CheckRule, ...]:
    """The integrity check, required; and the scan, which must be completed. A critical finding is a condition."""
    scan = next((rule for rule in document.checks if rule.check == SCAN_CHECK and not rule.external), None)
    return (
        CheckRule(check=INTEGRITY_CHECK),
        CheckRule(check=SCAN_CHECK, mode="advisory", params=scan.params if scan is not None else {}),
    )
