"""The section `after_promotion` of a policy: what follows if the basis of an approval changes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Cause(StrEnum):
    """What changed after a version was approved in a place."""

    INPUTS_CHANGED = "inputs_changed"
    TIER_CHANGED = "tier_changed"
    POLICY_RETIRED = "policy_retired"
    DATASET_RECALLED = "dataset_recalled"
    VULNERABLE_DEPENDENCY = "vulnerable_dependency"
    APPROVER_CONFLICTED = "approver_conflicted"


class Consequence(StrEnum):
    """What a policy asks for, from the least to the most strict."""

    NOTIFY = "notify"
    FINDING = "finding"
    REAPPROVAL = "reapproval"
    DEMOTE = "demote"


ORDER = tuple(Consequence)
CAUSE_WORDS = {
    Cause.INPUTS_CHANGED: "the approved inputs change",
    Cause.TIER_CHANGED: "the risk tier changes",
    Cause.POLICY_RETIRED: "the policy is retired",
    Cause.DATASET_RECALLED: "a dataset is recalled",
    Cause.VULNERABLE_DEPENDENCY: "an advisory concerns a dependency",
    Cause.APPROVER_CONFLICTED: "an approver is found to be conflicted",
}


class Reaction(BaseModel):
    """What follows one cause.

    Attributes:
        then: `notify` records it; `finding` opens a finding; `reapproval` opens the request to approve the version
            again in its place; `demote` does that too, and requests its removal when the time has passed.
        within_days: days until the finding is due or the version is approved again; not with `notify`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    then: Literal["notify", "finding", "reapproval", "demote"]
    within_days: Annotated[int, Field(ge=1, le=365)] | None = None

    @model_validator(mode="after")
    def _has_a_time(self) -> Reaction:
        if self.then != "notify" and self.within_days is None:
            raise ValueError(f"`then: {self.then}` needs `within_days`: until when it has to be done")
        if self.then == "notify" and self.within_days is not None:
            raise ValueError("`then: notify` asks for nothing by a date: remove `within_days`")
        return self


NOTIFY = Reaction(then="notify")


class AfterPromotion(BaseModel):
    """The reaction to each cause; a cause that is left out is recorded, and its owner notified."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    inputs_changed: Reaction = Field(default=NOTIFY, exclude_if=lambda value: value == NOTIFY)
    tier_changed: Reaction = Field(default=NOTIFY, exclude_if=lambda value: value == NOTIFY)
    policy_retired: Reaction = Field(default=NOTIFY, exclude_if=lambda value: value == NOTIFY)
    dataset_recalled: Reaction = Field(default=NOTIFY, exclude_if=lambda value: value == NOTIFY)
    vulnerable_dependency: Reaction = Field(default=NOTIFY, exclude_if=lambda value: value == NOTIFY)
    approver_conflicted: Reaction = Field(default=NOTIFY, exclude_if=lambda value: value == NOTIFY)

    def reaction(self, cause: str) -> Reaction:
        """Return the reaction to a cause."""
        found: Reaction = getattr(self, Cause(cause).value)
        return found


def reaction_of(sections: Sequence[AfterPromotion | None], cause: str) -> Reaction:
    """Return the strictest reaction of several policies to a cause; the shorter time of equal ones.

    Args:
        sections: the section of each policy; None where it has none.
        cause: a `Cause`.
    """
    found = [section.reaction(cause) for section in sections if section is not None]
    return max(found, key=lambda one: (ORDER.index(Consequence(one.then)), -(one.within_days or 0)), default=NOTIFY)


def combine_after_promotion(sections: Sequence[AfterPromotion | None]) -> AfterPromotion | None:
    """Return one section with the strictest reaction to each cause; None if no policy has one."""
    if all(section is None for section in sections):
        return None
    return AfterPromotion(**{cause.value: reaction_of(sections, cause) for cause in Cause})


def after_promotion_in_words(section: AfterPromotion) -> list[str]:
    """Describe a section in sentences."""
    return [_sentence(cause, section.reaction(cause)) for cause in Cause]


def _sentence(cause: Cause, reaction: Reaction) -> str:
    days = f"{reaction.within_days} day{'s' if reaction.within_days != 1 else ''}"
    follows = {
        Consequence.NOTIFY: "it is recorded, and the owner is notified",
        Consequence.FINDING: f"a finding is opened, due within {days}",
        Consequence.REAPPROVAL: f"the version has to be approved again within {days}",
        Consequence.DEMOTE: f"the version has to be approved again within {days}, or its removal is requested",
    }[Consequence(reaction.then)]
    return f"If {CAUSE_WORDS[cause]}, {follows}."
