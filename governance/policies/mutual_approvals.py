"""Cycles of approvals: A approves what B made, and B approves what A made. Pure.

A policy states what such a cycle does. Without the section it is shown to approvers and auditors, and the decision
counts.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class MutualApprovals(BaseModel):
    """What a cycle of approvals does: `warn` shows it, `exclude` makes the decision not count (SoD-13).

    `within_days` is the age of the earlier approvals that count; `people` the largest number of people in a cycle.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    effect: Literal["warn", "exclude"] = "warn"
    within_days: Annotated[int, Field(ge=1, le=730)] = 180
    people: Annotated[int, Field(ge=2, le=4)] = 3


DEFAULT = MutualApprovals()
"""What applies without the section. It is not serialised, so that other documents keep their digest."""


def combine_mutual_approvals(rules: Iterable[MutualApprovals]) -> MutualApprovals:
    """Return the rule that is as strict as each of these."""
    found = list(rules)
    return MutualApprovals(
        effect="exclude" if any(rule.effect == "exclude" for rule in found) else "warn",
        within_days=max(rule.within_days for rule in found),
        people=max(rule.people for rule in found),
    )


def mutual_approvals_in_words(rule: MutualApprovals) -> str:
    """Return the rule as a sentence."""
    cycle = (
        "each other's versions" if rule.people == 2 else f"versions of each other, in a cycle of up to {rule.people},"
    )
    effect = "do not count" if rule.effect == "exclude" else "are marked, and count"
    return f"Approvals of people who approved {cycle} within {rule.within_days} days {effect}."


def approval_cycles(
    approved: Mapping[str, Collection[str]], authors: Collection[str], people: int
) -> dict[str, tuple[str, ...]]:
    """Return who would close a cycle by approving what the authors made.

    Args:
        approved: by the uid of an approver, the authors whose versions that person approved.
        authors: uids of the authors of the version that is to be approved.
        people: the largest number of people in a cycle.

    Returns:
        By uid of each person, the shortest chain that leads there: an author of the version, then whose versions that
        author approved, and so on, without the person.
    """
    found: dict[str, tuple[str, ...]] = {}
    chains: Sequence[tuple[str, ...]] = [(author,) for author in sorted(authors)]
    for _ in range(people - 1):
        longer = []
        for chain in chains:
            for person in sorted(approved.get(chain[-1], ())):
                if person not in authors and person not in found:
                    found[person] = chain
                    longer.append((*chain, person))
        chains = longer
    return found


def cycle_in_words(chain: Sequence[str], person: str, days: int) -> str:
    """Return a cycle as words: who approved whose versions.

    Args:
        chain: names, an author of the version first.
        person: the name of the person who would approve the version.
        days: the age of the approvals that count.
    """
    people = [*chain, person]
    steps = [f"{people[n]} approved a version of {people[n + 1]}" for n in range(len(people) - 1)]
    return f"within {days} days, {', and '.join(steps)}"
