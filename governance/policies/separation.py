"""Separation of duties: who can never count for a request. Pure: no database, no clock, no settings."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final


@dataclass(frozen=True)
class Exclusion:
    """Why a person's decision cannot count: the rule's code and a message."""

    rule: str
    reason: str


@dataclass(frozen=True)
class Involvement:
    """Who made or requested what is promoted, by uid.

    `contributed`: what each account added that the version's fingerprint covers. `token_accounts`: accounts whose
    tokens were used. `behind_token`: those, and everyone on record who could use those tokens. `behind_request`: the
    subset behind the token that requested the promotion. `controls_asking`: who could act as the requesting accounts at
    the time of the request or later. `lowered_tier`: who proposed or confirmed the current, less strict risk tier.
    `changed_facts`: who proposed or confirmed a change of facts after which a less strict policy governs the model,
    with the names of the facts.
    `claimed`: the roles that the version's own metadata states for an account; `unmatched`: (role, text) where it names
    no account. `loosened_policy`: who put a less strict policy in force after the version was registered. `mutual`:
    people with a cycle of approvals through the authors, where the policy excludes them, with the cycle in words.
    """

    requester: str
    registered_by: str
    trained_by: str | None = None
    behind_token: frozenset[str] = frozenset()
    contributed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    token_accounts: frozenset[str] = frozenset()
    behind_request: frozenset[str] = frozenset()
    lowered_tier: frozenset[str] = frozenset()
    controls_of_requester: frozenset[str] = frozenset()
    claimed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unmatched: tuple[tuple[str, str], ...] = ()
    loosened_policy: Mapping[str, str] = field(default_factory=dict)
    mutual: Mapping[str, str] = field(default_factory=dict)
    changed_facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def authors(self) -> frozenset[str]:
        """Who requested, registered, trained or contributed, and everyone behind the requesting token."""
        trained = {self.trained_by} if self.trained_by is not None else set()
        return self.requesting | {self.registered_by} | trained | self.contributed.keys() | self.claimed.keys()

    @property
    def requesting(self) -> frozenset[str]:
        """The requester, and everyone behind the requesting token."""
        return self.behind_request | {self.requester}


@dataclass(frozen=True)
class Joining:
    """When a person was entered into a reviewer group, and who proposed and entered it, by uid."""

    at: datetime
    by: frozenset[str]


YOU: Final = "you"
"""The name to pass for a person whom the message addresses."""


def separation_of_duties_exclusion(
    uid: str,
    name: str,
    involved: Involvement,
    *,
    superuser: bool,
    service: bool,
    controlled_by: Set[str] = frozenset(),
    made_by: Set[str] = frozenset(),
) -> Exclusion | None:
    """Return the separation-of-duties rule that excludes a person from deciding; None if there is none.

    Rules are tested in the order below and the first that applies is returned. No policy, role or page can turn them
    off.

    Args:
        uid: the person.
        name: how the reason names the person: their name, or `YOU`.
        involved: who made and requested what is promoted.
        superuser: whether the person is a superuser.
        service: whether the account is a service account.
        controlled_by: uids of those who set the account's password, changed its address or were shown its sign-in link.
        made_by: uids of those who made the account. It excludes the person only from requests made by the maker in
            person, not by the maker's token: administrators make all accounts and may have issued a pipeline's token.
    """
    being = f"{name} are" if name == YOU else f"{name} is"
    if uid == involved.requester:
        return Exclusion("SoD-1", f"{name} opened this request")
    if uid == involved.registered_by:
        return Exclusion("SoD-2", f"{name} registered this version")
    if uid == involved.trained_by:
        return Exclusion("SoD-2", f"{name} trained this version")
    if uid in involved.contributed:
        return Exclusion("SoD-2", f"{name} contributed {listed(involved.contributed[uid])} to this version")
    if uid in involved.behind_token:
        return Exclusion(
            "SoD-3",
            f"{being} behind a token that registered this version, added to it or opened this request",
        )
    if superuser:
        return Exclusion("SoD-4", f"{being} a superuser, who administers and decides nothing")
    if service:
        return Exclusion("SoD-5", f"{being} a service account, and only people decide")
    if uid in involved.controls_of_requester:
        return Exclusion("SoD-7", f"{name} could act as an account that asked for this promotion")
    if controlled_by & involved.controls_of_requester:
        return Exclusion("SoD-7", f"one account could act as {name} and as an account that asked for this promotion")
    if controlled_by & involved.requesting or involved.requester in made_by:
        has = f"{name} have" if name == YOU else f"{name} has"
        return Exclusion(
            "SoD-7",
            f"{has} an account that was made, or whose sign-in was set, by someone who asked for this promotion",
        )
    return _interest(uid, name, being, involved)


def _interest(uid: str, name: str, being: str, involved: Involvement) -> Exclusion | None:
    """Return the rule about an interest in the outcome that excludes a person."""
    if uid in involved.lowered_tier:
        return Exclusion("SoD-10", f"{name} proposed or confirmed the less strict risk tier of this model")
    if uid in involved.changed_facts:
        return Exclusion(
            "SoD-10",
            f"{name} proposed or confirmed the change of {involved.changed_facts[uid]} of this model, after which a "
            "less strict policy governs it",
        )
    if uid in involved.claimed:
        roles = listed(involved.claimed[uid])
        return Exclusion("SoD-11", f"{being} named in the metadata of this version as {roles}")
    if uid in involved.loosened_policy:
        return Exclusion(
            "SoD-12",
            f"{name} proposed or confirmed {involved.loosened_policy[uid]}, which is less strict and was published "
            "after this version was registered",
        )
    if uid in involved.mutual:
        return Exclusion("SoD-13", f"{being} in a cycle of approvals: {involved.mutual[uid]}")
    return None


def joining_exclusion(
    name: str, group: str, joining: Joining, involved: Involvement, *, opened_at: datetime
) -> Exclusion | None:
    """Return why a membership does not count for a request; None if it counts.

    It does not count if a requester proposed or entered it (SoD-7), or if it was entered after the request opened
    (SoD-8). The time of entry decides, not the start of validity: a deputy is entered before the leave begins.

    Args:
        name: how the reason names the person: their name, or `YOU`.
        group: slug of the group.
        joining: when and by whom the membership was entered.
        involved: who made and requested what is promoted.
        opened_at: when the request was opened.
    """
    if joining.by & involved.requesting:
        was = "were" if name == YOU else "was"
        return Exclusion("SoD-7", f"{name} {was} added to {group} by someone who asked for this promotion")
    if joining.at > opened_at:
        return Exclusion(
            "SoD-8",
            f"{name} joined {group} after this request was opened: the membership counts for requests opened later",
        )
    return None


def delegation_exclusion(
    name: str, delegator: str, own: Exclusion | None, theirs: Exclusion | None
) -> Exclusion | None:
    """Return the separation-of-duties rule that excludes a delegate; None if neither of the two people is excluded.

    Args:
        name: how the reason names the delegate: their name, or `YOU`.
        delegator: the name of the delegator.
        own: the rule that excludes the delegate as a person.
        theirs: the rule that excludes the delegator.
    """
    if own is not None:
        return own
    if theirs is not None:
        return Exclusion(theirs.rule, f"{name} would decide for {delegator}, and {theirs.reason}")
    return None


def listed(words: Sequence[str]) -> str:
    """Join words as an English enumeration: "files, metrics and the model card"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1]))) if words else ""
