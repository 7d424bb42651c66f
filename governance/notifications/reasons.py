"""The reasons for which persons are notified, and the ways of sending. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

MAIL: Final = "mail"
"""The channel that every person with an address has. Other channels are named by their uid."""


class Mode(StrEnum):
    """When notifications of a reason are sent by a channel."""

    NOW = "now"
    DIGEST = "digest"
    OFF = "off"


MODE_LABELS: Final = {Mode.NOW: "At once", Mode.DIGEST: "In the daily digest", Mode.OFF: "Not sent"}


@dataclass(frozen=True)
class Reason:
    """Why a person is notified.

    Attributes:
        slug: its name in settings and in the API.
        label: its name on pages.
        explanation: who is notified, and of what.
        default: when it is sent where the person chose nothing.
        fixed: whether it is always sent by mail at once and cannot be muted.
    """

    slug: str
    label: str
    explanation: str
    default: Mode = Mode.NOW
    fixed: bool = False


REVIEW_REQUESTED: Final = Reason(
    "review_requested",
    "Your review is requested",
    "A request is open for review, and your approval can count for it now.",
)
WAITING: Final = Reason(
    "request_waiting",
    "A request waits for approvals",
    "A policy informs you that a request still waits for approvals: as a reviewer, as a deputy, or as an officer.",
)
APPROVAL_LAPSED: Final = Reason(
    "approval_lapsed",
    "Your decision lapsed",
    "The evidence that you signed changed, so your decision on the request does not count any more.",
)
CHANGES_REQUESTED: Final = Reason(
    "changes_requested",
    "Changes are requested",
    "A reviewer requested changes of your request, or of a request for a model that you own.",
)
BLOCKED: Final = Reason(
    "request_blocked",
    "Your request is blocked",
    "A requirement of your request, or of a request for a model that you own, failed.",
)
READY: Final = Reason(
    "request_ready",
    "Your request is ready",
    "All requirements are met, and the request waits to be executed.",
)
PROMOTED: Final = Reason(
    "request_promoted",
    "Your request is promoted",
    "The version of your request, or of a model that you own, was promoted.",
    Mode.DIGEST,
)
REJECTED: Final = Reason(
    "request_rejected",
    "Your request is rejected",
    "Your request, or a request for a model that you own, was closed as rejected.",
)
CLOSED: Final = Reason(
    "request_closed",
    "Your request ended without a promotion",
    "Your request, or a request for a model that you own, expired, was withdrawn by another person, or was superseded.",
)
MENTIONED: Final = Reason("mentioned", "You are mentioned", "A comment mentions you.")
REVIEW_DUE: Final = Reason(
    "review_due",
    "A periodic review is due",
    "The review of a model that you own is due in 30, 7 or 0 days, or is overdue (each week).",
)
HEALTH: Final = Reason(
    "health_breached",
    "A production signal is beyond its limit",
    "A finding was opened on a model that you own.",
)
FINDING: Final = Reason(
    "finding_assigned",
    "A finding is yours to correct",
    "A finding was opened that you own, or was assigned to you.",
)
DELEGATION: Final = Reason(
    "delegation",
    "A delegation of decisions",
    "A delegation that you gave or received was granted, was revoked, or ended.",
)
IMPACT: Final = Reason(
    "impact",
    "The basis of an approval changed",
    "What an approval was based on changed after the promotion of your request, or of a model that you own.",
)
ENDS: Final = Reason(
    "ends",
    "A finding, a waiver, a token or an emergency change ends",
    "A finding or waiver that concerns you is due or ends; an access token of yours, or of a service account that you "
    "own, expires in 7 days or 1 day; the time of an emergency change is over.",
)
AUDIT_PROBLEM: Final = Reason(
    "audit_problem",
    "A problem of the audit log",
    "For compliance officers: an event of the audit log could not be processed three times, or a guard of the "
    "database is not as the last migration left it.",
    fixed=True,
)

REASONS: Final[Mapping[str, Reason]] = {
    reason.slug: reason
    for reason in (
        REVIEW_REQUESTED,
        WAITING,
        APPROVAL_LAPSED,
        CHANGES_REQUESTED,
        BLOCKED,
        READY,
        PROMOTED,
        REJECTED,
        CLOSED,
        MENTIONED,
        REVIEW_DUE,
        HEALTH,
        FINDING,
        IMPACT,
        DELEGATION,
        ENDS,
        AUDIT_PROBLEM,
    )
}


def mode_of(choices: Mapping[str, Any], reason: Reason, channel: str) -> Mode:
    """Return when notifications of a reason are sent by a channel.

    Args:
        choices: what the person chose: mode by channel by reason.
        reason: the reason.
        channel: `MAIL`, or the uid of a channel.
    """
    if reason.fixed and channel == MAIL:
        return Mode.NOW
    chosen = choices.get(reason.slug, {}).get(channel)
    return Mode(chosen) if chosen in set(Mode) else reason.default
