"""The section `escalation` of a policy: who is informed when a request waits for approvals. Pure: no database.

It informs people, and changes nothing about who may decide.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Days = Annotated[int, Field(ge=1, le=365)]
RECIPIENTS: dict[str, str] = {
    "reviewers": "the people who may approve",
    "deputies": "the deputies of the group",
    "officers": "the compliance officers",
}
"""Who is informed by each step, in words."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EscalationRule(_Part):
    """After `after_days` without the decisions that a request needs, inform `to`."""

    after_days: Days
    to: Literal["deputies", "officers"]


class Escalation(_Part):
    """When reviewers are reminded, and when others are informed. Days count from the opening of the review."""

    remind_after_days: Days | None = None
    escalate: tuple[EscalationRule, ...] = Field(default=(), max_length=2)

    @model_validator(mode="after")
    def _is_in_order(self) -> Escalation:
        if self.remind_after_days is None and not self.escalate:
            raise ValueError("give `remind_after_days`, or at least one step of `escalate`")
        named = [rule.to for rule in self.escalate]
        if len(set(named)) < len(named):
            raise ValueError(f"inform each once; given twice: {named[0]}")
        days = [*([self.remind_after_days] if self.remind_after_days else []), *(r.after_days for r in self.escalate)]
        if sorted(set(days)) != days:
            raise ValueError("each step comes later than the one before it: give more days")
        return self


@dataclass(frozen=True)
class Step:
    """A reminder or an escalation: who is informed, and after how many days."""

    to: str
    after_days: int

    def due_at(self, waiting_since: datetime) -> datetime:
        """Return when the step is due for a request that waits since then."""
        return waiting_since + timedelta(days=self.after_days)


def steps_of(section: Escalation | None) -> tuple[Step, ...]:
    """Return the steps of a section, earliest first; none without a section."""
    if section is None:
        return ()
    reminder = [Step("reviewers", section.remind_after_days)] if section.remind_after_days is not None else []
    return tuple(sorted([*reminder, *(Step(r.to, r.after_days) for r in section.escalate)], key=_order))


def due_steps(
    section: Escalation | None, waiting_since: datetime, now: datetime, taken: Collection[str]
) -> tuple[Step, ...]:
    """Return the steps that are due and were not taken.

    Args:
        section: the section of the combined policy.
        waiting_since: when the review opened.
        now: the time.
        taken: who was informed already since the review opened.
    """
    return tuple(s for s in steps_of(section) if s.to not in taken and s.due_at(waiting_since) <= now)


def combine_escalations(sections: Sequence[Escalation | None]) -> Escalation | None:
    """Return the section of several policies: each step at the earliest time that one of them gives."""
    earliest: dict[str, int] = {}
    for step in (step for section in sections for step in steps_of(section)):
        earliest[step.to] = min(step.after_days, earliest.get(step.to, step.after_days))
    if not earliest:
        return None
    # Not validated: the steps of two policies can come on the same day, or the reminder after another step.
    rules = [EscalationRule(after_days=earliest[to], to=to) for to in ("deputies", "officers") if to in earliest]
    return Escalation.model_construct(remind_after_days=earliest.get("reviewers"), escalate=tuple(rules))


def escalation_in_words(section: Escalation) -> list[str]:
    """Describe the section in sentences."""
    return [
        f"{'1 day' if s.after_days == 1 else f'{s.after_days} days'} after the review opened, "
        f"{RECIPIENTS[s.to]} are {'reminded of' if s.to == 'reviewers' else 'informed about'} a request that lacks "
        "approvals."
        for s in steps_of(section)
    ] + ["Who may decide does not change."]


def _order(step: Step) -> tuple[int, int]:
    return (step.after_days, list(RECIPIENTS).index(step.to))
