"""The section `rollback` of a policy: the shorter path back to a version that was approved before. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

if TYPE_CHECKING:
    from governance.policies.document import ApprovalRule, CheckRule


class Rollback(BaseModel):
    """What a rollback needs in place of the checks and approvals of the policy.

    Attributes:
        checks: checks of the rollback.
        approvals: approval rules of the rollback; at least one.
        within_days: a version can be taken back for this long after it left the stage or lost the alias.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    checks: tuple[CheckRule, ...] = ()
    approvals: tuple[ApprovalRule, ...] = Field(min_length=1)
    within_days: Annotated[int, Field(ge=1, le=3650)]

    @model_validator(mode="after")
    def _each_once(self) -> Rollback:
        for what, names in (("check", [c.check for c in self.checks]), ("group", [a.group for a in self.approvals])):
            twice = sorted({n for n in names if names.count(n) > 1})
            if twice:
                raise ValueError(f"each {what} of a rollback may be named once; named twice: {', '.join(twice)}")
        return self


def shortest_period(sections: Sequence[Rollback]) -> int:
    """Return the days of the strictest of several sections; at least one is given."""
    return min(section.within_days for section in sections)


def rollback_in_words(section: Rollback) -> list[str]:
    """Describe a section in sentences."""
    days = f"{section.within_days} day{'s' if section.within_days != 1 else ''}"
    sentences = [f"A version that was approved here before can return for {days} after it left, with the same inputs."]
    sentences += [
        f"{rule.check} must pass." if rule.mode == "required" else f"{rule.check} is run and need not pass."
        for rule in section.checks
    ]
    for rule in sorted(section.approvals, key=lambda rule: rule.order):
        people = "1 person" if rule.count == 1 else f"{rule.count} different people"
        sentences.append(f"{people} of {rule.label} must approve.")
    return sentences
