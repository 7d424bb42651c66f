"""The key `waivable` of a check in a policy, and what no policy makes waivable. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NEVER: Final = frozenset({"integrity.digest"})
"""Checks that are never waived: with another digest the approved bytes are not those that are served."""
SCAN: Final = "artifact.scan"
"""The check whose critical findings are never waived: loading the file executes code."""
MAX_DAYS: Final = 365
Group = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")]


class Waivable(BaseModel):
    """Who may waive a check, and for how long.

    Attributes:
        max_days: the longest time that a waiver is valid, in days.
        by: slugs of the groups whose members may grant a waiver.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_days: Annotated[int, Field(ge=1, le=MAX_DAYS)]
    by: Annotated[tuple[Group, ...], Field(min_length=1)]

    def allows(self, granted_at: datetime, valid_until: datetime, groups: Collection[str]) -> bool:
        """Return whether a waiver has an allowed length and was granted by a member of an allowed group.

        Args:
            granted_at: when it was granted.
            valid_until: when it ends.
            groups: the groups in which the person who granted it counted.
        """
        return valid_until - granted_at <= timedelta(days=self.max_days) and not set(self.by).isdisjoint(groups)


def combine_waivable(first: Waivable | None, second: Waivable | None) -> Waivable | None:
    """Return what both policies allow: the shorter time and the groups of both; None if one of them allows nothing."""
    if first is None or second is None:
        return None
    groups = tuple(group for group in first.by if group in second.by)
    return Waivable(max_days=min(first.max_days, second.max_days), by=groups) if groups else None


def why_never_waived(check: str, conclusion: str, findings: Iterable[Mapping[str, Any]]) -> str:
    """Return why the present result of a check is not waived, whatever a policy says; empty if it can be.

    Args:
        check: slug of the check.
        conclusion: the conclusion of its latest run; empty if it has none.
        findings: the findings of the run.
    """
    if check in NEVER:
        return f"{check} is never waived: the files would not be those that were approved."
    if check == SCAN and conclusion != "failure":
        return "A scan without a result is never waived: what it would find is not known."
    if check == SCAN and any(finding.get("severity") == "critical" for finding in findings):
        return "A critical finding of the scan is never waived: loading the file executes code. Replace the file."
    return ""


def covers_findings(codes: Collection[str], findings: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a waiver for these codes covers a result: every finding above `info` has one of the codes.

    Args:
        codes: the codes of the waiver; empty for the whole check.
        findings: the findings of the run.
    """
    if not codes:
        return True
    found = {str(finding.get("code")) for finding in findings if finding.get("severity") != "info"}
    return bool(found) and found <= set(codes)


def waivable_in_words(waivable: Waivable) -> str:
    """Describe the key in one sentence."""
    groups = " or ".join(waivable.by)
    days = f"{waivable.max_days} day{'s' if waivable.max_days != 1 else ''}"
    return f"It may be waived for at most {days} by a member of {groups}."
