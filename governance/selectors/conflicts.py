"""Conflicts of interest of a request, for readers: who is excluded or marked, by which rule, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from governance.gate.conflict_facts import CycleQuery, cycles_of, mutual_rule
from governance.gate.eligibility import get_involvement
from governance.models import PromotionRequest
from governance.policies import Involvement, Reviewer, separation_of_duties_exclusion
from registry import selectors


@dataclass(frozen=True)
class Conflict:
    """A person with an interest in a request.

    `effect` is "excluded" (the person's decision does not count), "marked" (it counts, and approvers and auditors see
    the reason), or "unmatched" (`name` is a text of the version's metadata that names no account).
    """

    effect: Literal["excluded", "marked", "unmatched"]
    name: str
    rule: str
    reason: str
    uid: str = ""


def conflicts_of(request: PromotionRequest, reviewers: Mapping[str, Reviewer]) -> tuple[Conflict, ...]:
    """Return everyone with an interest in a request, excluded people first.

    Members of the required groups are excluded by more rules (`reviewers`); everyone else named here is excluded for
    what they did, whether or not they are in a group.

    Args:
        request: the request.
        reviewers: the reviewers of the request, by uid.
    """
    involved = get_involvement(request)
    rule = mutual_rule(request)
    cycles = cycles_of({request.pk: CycleQuery(involved.authors, rule)}).get(request.pk, {}) if request.is_live else {}
    people = {
        involved.requester, *involved.authors, *involved.behind_token, *involved.lowered_tier,
        *involved.changed_facts, *involved.loosened_policy, *involved.mutual,
    }  # fmt: skip
    names = selectors.account_names({*people, *cycles} - reviewers.keys())
    names |= {uid: one.name for uid, one in reviewers.items()}
    excluded = list(_excluded(people, names, involved, reviewers))
    counted = cycles.keys() - {one.uid for one in excluded}
    marked = [
        Conflict("marked", name, "SoD-13", f"{name} is in a cycle of approvals: {cycles[uid]}", uid)
        for uid in sorted(counted)
        for name in (names.get(uid, uid),)
    ]
    unmatched = [
        Conflict("unmatched", text, "SoD-11", f"“{text}” is named as {role} of this version and matches no account")
        for role, text in involved.unmatched
    ]
    return (*sorted(excluded, key=lambda one: (one.rule, one.name)), *marked, *unmatched)


def _excluded(
    people: set[str], names: Mapping[str, str], involved: Involvement, reviewers: Mapping[str, Reviewer]
) -> Iterator[Conflict]:
    for uid, one in reviewers.items():
        if one.excluded is not None:
            yield Conflict("excluded", one.name, one.excluded.rule, one.excluded.reason, uid)
    for uid in people - reviewers.keys():
        name = names.get(uid, uid)
        found = separation_of_duties_exclusion(uid, name, involved, superuser=False, service=False)
        if found is not None:
            yield Conflict("excluded", name, found.rule, found.reason, uid)
