"""The section `emergency` of a policy: an emergency change by two people, and what is owed afterwards. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

INTEGRITY_CHECK = "integrity.digest"
"""The check that no emergency change omits: without it there is no evidence which bytes run."""
SCAN_CHECK = "artifact.scan"
"""The check whose critical findings no emergency change passes."""


class Emergency(BaseModel):
    """Who confirms an emergency change, for how long it holds, and when it must be repaid.

    Attributes:
        groups: reviewer groups; one person of the group that the requester names confirms.
        max_hours: the longest time for which a version may hold the place by an emergency change.
        retrospective_within_days: when the retrospective and the finding are due, after the change was carried out.
        when_ended: what follows when the time ends and the place was not settled. `flag` shows it as overdue;
            `roll_back` also opens the rollback to the version that held the place before.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: tuple[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,79}$")], ...] = Field(
        min_length=1, max_length=20
    )
    max_hours: Annotated[int, Field(ge=1, le=720)]
    retrospective_within_days: Annotated[int, Field(ge=1, le=90)]
    when_ended: Literal["flag", "roll_back"] = Field(default="flag", exclude_if=lambda value: value == "flag")


def common_groups(sections: Sequence[Emergency]) -> tuple[str, ...]:
    """Return the groups that every section accepts, in the order of the first."""
    first, *others = sections
    return tuple(group for group in first.groups if all(group in other.groups for other in others))


def combine_emergencies(sections: Sequence[Emergency]) -> Emergency | None:
    """Return the strictest of several sections; None if they accept no common group.

    Args:
        sections: the sections of the policies that govern entering the place; at least one.
    """
    groups = common_groups(sections)
    if not groups:
        return None
    return Emergency(
        groups=groups,
        max_hours=min(section.max_hours for section in sections),
        retrospective_within_days=min(section.retrospective_within_days for section in sections),
        when_ended="roll_back" if any(section.when_ended == "roll_back" for section in sections) else "flag",
    )


def emergency_in_words(section: Emergency) -> list[str]:
    """Describe a section in sentences."""
    hours = f"{section.max_hours} hour{'s' if section.max_hours != 1 else ''}"
    within = f"{section.retrospective_within_days} day{'s' if section.retrospective_within_days != 1 else ''}"
    return [
        f"In an emergency one person of {_either(section.groups)} confirms what another person requests; both sign.",
        f"{INTEGRITY_CHECK} must pass, and {SCAN_CHECK} must have no critical finding. No other check is required.",
        f"The change holds for at most {hours}. An incident reference is required.",
        f"It opens a critical finding. Closing it, and the ordinary approval or a rollback, are due within {within}.",
        *(
            ["When the time ends, the rollback to the version before is requested."]
            if section.when_ended == "roll_back"
            else []
        ),
    ]


def _either(words: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
