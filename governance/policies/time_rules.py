"""Requirements of the waiting time and of freeze windows. Pure: no database, no clock, no settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from governance.policies.document import PolicyDocument
from governance.policies.requirements import Requirement, RequirementStatus
from governance.policies.timing import FreezeWindow, describe_hours, frozen_until

_UNKNOWN = "the time of the evaluation is not known"


def time_requirements(
    document: PolicyDocument,
    now: datetime | None,
    opened_at: datetime | None,
    approvals: Sequence[Sequence[datetime | None]],
) -> tuple[Requirement, ...]:
    """Return the requirements of waiting time and freeze windows; none if the policy has neither.

    Args:
        document: the combined policy.
        now: the time of the evaluation; unknown satisfies nothing.
        opened_at: when the request was opened.
        approvals: for each complete approval rule, when the approvals that fill it were signed.
    """
    found = []
    if document.wait_hours is not None:
        found.append(_waiting(document, document.wait_hours, now, opened_at, approvals))
    if document.freeze_windows:
        found.append(_frozen(document.freeze_windows, now))
    return tuple(found)


def _waiting(
    document: PolicyDocument,
    hours: int,
    now: datetime | None,
    opened_at: datetime | None,
    approvals: Sequence[Sequence[datetime | None]],
) -> Requirement:
    title = f"Waiting time of {describe_hours(hours)}"

    def requirement(state: RequirementStatus, detail: str, how: str = "") -> Requirement:
        return Requirement("wait", "condition", title, state, detail, how)

    if len(approvals) < len(document.approvals):
        return requirement(RequirementStatus.LATER, "begins with the last approval")
    times = [signed for rule in approvals for signed in rule] if document.approvals else [opened_at]
    if now is None or None in times:
        return requirement(RequirementStatus.WAITING, _UNKNOWN)
    until = max(moment for moment in times if moment is not None) + timedelta(hours=hours)
    if now >= until:
        return requirement(RequirementStatus.MET, f"ended on {until:%Y-%m-%d %H:%M} UTC")
    return requirement(RequirementStatus.WAITING, f"until {until:%Y-%m-%d %H:%M} UTC", "Wait: it ends automatically")


def _frozen(windows: Sequence[FreezeWindow], now: datetime | None) -> Requirement:
    def requirement(state: RequirementStatus, detail: str, how: str = "") -> Requirement:
        return Requirement("freeze", "condition", "No freeze window", state, detail, how)

    if now is None:
        return requirement(RequirementStatus.WAITING, _UNKNOWN)
    if holding := frozen_until(windows, now):
        last = holding[-1]
        names = ", ".join(window.name for window in holding)
        return requirement(
            RequirementStatus.WAITING,
            f"{names}: until {last.until:%Y-%m-%d %H:%M} ({last.zone})",
            "Wait: promotion is possible again when the window ends; approvals can be given now",
        )
    coming = sorted((window for window in windows if window.start > now), key=lambda window: window.start)
    detail = f"next: {coming[0].words}" if coming else "no window is ahead"
    return requirement(RequirementStatus.MET, detail)
