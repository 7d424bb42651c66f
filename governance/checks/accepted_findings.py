"""Findings that a policy accepts for a time, with the reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from governance.checks.base import Finding, Parameters, Severity


class AcceptedFinding(Parameters):
    """A finding that a policy accepts until a date. `id` is as the finding states it."""

    id: Annotated[str, Field(min_length=3, max_length=120, title="Identifier")]
    reason: Annotated[str, Field(min_length=10, max_length=500, title="Reason")]
    expires: Annotated[date, Field(title="Last day")]

    def is_in_force(self, now: datetime) -> bool:
        """Return whether the last day is not over, in UTC."""
        return now.date() <= self.expires


def accepted_by_both(
    first: Iterable[AcceptedFinding], second: Iterable[AcceptedFinding]
) -> tuple[AcceptedFinding, ...]:
    """Return the findings that two lists accept, each with the earlier last day."""
    others = {entry.id.casefold(): entry for entry in second}
    pairs = ((entry, others[entry.id.casefold()]) for entry in first if entry.id.casefold() in others)
    return tuple(min(pair, key=lambda entry: entry.expires) for pair in pairs)


def accepted_note(entry: AcceptedFinding, what: str, where: str) -> Finding:
    """Return the finding that names an accepted one."""
    message = f"{what} is accepted by the policy until {entry.expires:%Y-%m-%d}: {entry.reason}"
    return Finding("accepted", message[:2000], Severity.INFO, where)
