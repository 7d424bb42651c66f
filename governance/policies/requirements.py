"""A requirement of a policy and its state. Pure: no database, no clock, no settings."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal


class RequirementStatus(StrEnum):
    """State of a requirement.

    `waived` stays visible, unlike `met`. `failed` requires a change to the version or model, `waiting` only time or a
    decision; `later` opens when an earlier rule is met. `not_applicable`: its `when` is false.
    """

    MET = "met"
    WAIVED = "waived"
    WAITING = "waiting"
    FAILED = "failed"
    LATER = "later"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True)
class Requirement:
    """One requirement of a policy, its state, and who or what can fulfil it."""

    id: str
    kind: Literal["check", "approval", "condition"]
    title: str
    state: RequirementStatus
    detail: str = ""
    how_to_fulfil: str = ""
    who_can: tuple[str, ...] = ()
    required: bool = True

    @property
    def satisfied(self) -> bool:
        return self.state in (RequirementStatus.MET, RequirementStatus.WAIVED, RequirementStatus.NOT_APPLICABLE)
