"""Whose decision can count for a request: membership of reviewer groups and separation of duties.

`eligibility_of` is the only implementation; pages, REST, lists, explanations and the gate use it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from audit import clock
from audit import selectors as log
from governance.gate.conflict_facts import CycleQuery, cycles_of, loosened_policies, mutual_rule
from governance.gate.model_roles import role_holders
from governance.models import PromotionRequest
from governance.policies import (
    Exclusion,
    Involvement,
    Joining,
    Reviewer,
    joining_exclusion,
    separation_of_duties_exclusion,
)
from governance.policies.approval_roles import OWNER, is_role
from registry import access
from registry.access.facts_sql import is_effective_member
from registry.models import Membership, RegisteredModel, User
from registry.models.joined_rows import JoinedRows
from registry.selectors import account_controls, participation
from registry.selectors.account_controls import Control
from registry.selectors.tier_lowerings import Loosening, who_loosened


@dataclass(frozen=True)
class Member:
    """A user with their current reviewer groups. `joined` maps the slug of a group to when and by whom the membership
    was entered.
    """

    user: User
    joined: Mapping[str, Joining]
    known_controls: tuple[Control, ...] | None = None
    roles: Mapping[int, Mapping[str, Joining]] = field(default_factory=dict)
    """The roles that approval rules can name, by the primary key of the model, as far as they were read."""

    @cached_property
    def controls(self) -> tuple[Control, ...]:
        """Return who made the account or could act as it. One query unless it was read together with others."""
        if self.known_controls is not None:
            return self.known_controls
        return account_controls.controls_of([self.user.uid]).get(self.user.uid, ())

    def groups_on(self, model: int) -> Mapping[str, Joining]:
        """Return the groups of the person, and their roles on a model, as far as they were read."""
        return {**self.joined, **self.roles.get(model, {})}

    def controlled_by(self, since: datetime) -> frozenset[str]:
        """Return the uids of accounts that could act as this one at `since` or later."""
        return account_controls.controllers(self.controls, since)

    @property
    def made_by(self) -> frozenset[str]:
        """The uids of accounts that made this one."""
        return account_controls.makers(self.controls)


@dataclass(frozen=True)
class Eligibility:
    """Whether the decision of a person can count for a request.

    `groups`: groups in which it counts. `barred`: reason by group in which alone it does not count. `excluded`: why no
    decision of theirs counts; None where one can, or where they are in none of the required groups.
    """

    groups: frozenset[str]
    barred: Mapping[str, Exclusion]
    excluded: Exclusion | None


def members_of(groups: Collection[str], model: RegisteredModel | None = None) -> list[Member]:
    """Return the current members of any of these groups, ordered by name. Three queries, and those for roles.

    Args:
        groups: slugs of reviewer groups, and roles on the model.
        model: the model of the roles.
    """
    held = Membership.effective(clock.now()).filter(group__slug__in=groups)
    found = _members([(row, row.group.slug) for row in held.select_related("user", "group")])
    holders = role_holders([model], groups).get(model.pk, {}) if model is not None else {}
    if model is None or not holders:
        return found
    others = [holder.user for key, holder in holders.items() if key not in {each.user.pk for each in found}]
    found += members_among([user.pk for user in others]).values()
    known = {each.user.pk for each in found}
    found += [Member(user, {}) for user in others if user.pk not in known]
    with_roles = [
        replace(each, roles={model.pk: holders[each.user.pk].roles}) if each.user.pk in holders else each
        for each in found
    ]
    return sorted(with_roles, key=lambda each: (each.user.name, each.user.pk))


def add_roles(members: Iterable[Member], models: Collection[RegisteredModel], called: Collection[str]) -> list[Member]:
    """Return members with those of the called roles that they hold on models; see `model_roles.role_holders`."""
    holders = role_holders(models, called)
    if not holders:
        return list(members)
    return [
        replace(
            each,
            roles={key: found[each.user.pk].roles for key, found in holders.items() if each.user.pk in found},
        )
        for each in members
    ]


_MEMBERSHIPS = JoinedRows(Membership, "b", ("user",))
_GROUP = "(SELECT g.slug FROM registry_reviewergroup g WHERE g.group_ptr_id = b.group_id)"
_EFFECTIVE = f"b.user_id = ANY (%(people)s) AND {is_effective_member('b')}"
"""`Membership.effective` of some people, as SQL."""


def member(person: User) -> Member:
    """Return a person with all their current groups. At most three queries; cached while a page is only read."""
    return members_among([person.pk]).get(person.pk) or Member(person, {})


def members_among(people: Collection[int]) -> dict[int, Member]:
    """Return those of some people who are in a reviewer group, with all their current groups, by primary key.

    At most four queries; cached while a page is only read.

    Args:
        people: primary keys of users.
    """
    known: dict[int, Member | None] = access._cached("members", dict)
    if missing := [pk for pk in people if pk not in known]:
        rows = _MEMBERSHIPS.fetch_with([_GROUP], _EFFECTIVE, {"people": missing, "now": clock.now()})
        known.update(dict.fromkeys(missing))
        known.update({found.user.pk: found for found in _members([(row, slug) for row, (slug,) in rows])})
    return {pk: found for pk in people if (found := known[pk]) is not None}


def _members(held: Sequence[tuple[Membership, str]]) -> list[Member]:
    """The members by their memberships, each with the slug of its group."""
    if not held:
        return []
    proposers = User.objects.in_bulk_prepared({row.proposed_by_id for row, _ in held})
    actors = log.actor_ids_by_event([row.opened_event for row, _ in held])
    joined: dict[User, dict[str, Joining]] = {}
    for row, slug in held:
        by = {actors.get(row.opened_event, "")}
        if row.proposed_by_id is not None:
            by.add(proposers[row.proposed_by_id].uid)
        joined.setdefault(row.user, {})[slug] = Joining(row.opened_at, frozenset(by))
    controls = account_controls.controls_of([user.uid for user in joined])
    members = (Member(user, groups, known_controls=controls.get(user.uid, ())) for user, groups in joined.items())
    return sorted(members, key=lambda found: (found.user.name, found.user.pk))


def get_involvement(request: PromotionRequest) -> Involvement:
    """Return who requested, registered, trained and contributed to a request's version. Three queries."""
    return involvements([request])[request.pk]


def involvements(requests: Collection[PromotionRequest]) -> dict[int, Involvement]:
    """Return the involvement of several requests, by request number. Three queries for all that are not cached."""
    known: dict[int, Involvement] = access._cached("involvements", dict)
    if missing := [r for r in requests if r.pk not in known]:
        known.update(_involvements(missing))
    return {r.pk: known[r.pk] for r in requests}


def _involvements(requests: Collection[PromotionRequest]) -> dict[int, Involvement]:
    parties = participation((r.pk, r.version_id, r.requested_with_id) for r in requests)
    lowered = who_loosened({r.model_id for r in requests})
    behind_by_request = {r.pk: parties[r.pk].behind_request | {r.requested_by.uid} for r in requests}
    controls = account_controls.controls_of(frozenset().union(*behind_by_request.values()))
    loosened = loosened_policies(requests)
    found = {
        r.pk: Involvement(
            requester=r.requested_by.uid,
            registered_by=r.version.registered_by.uid,
            trained_by=r.version.trained_by.uid if r.version.trained_by is not None else None,
            behind_token=parties[r.pk].behind_tokens,
            contributed=parties[r.pk].contributed,
            token_accounts=parties[r.pk].token_accounts,
            behind_request=parties[r.pk].behind_request,
            controls_of_requester=frozenset(
                uid
                for account in behind_by_request[r.pk]
                for uid in account_controls.controllers(controls.get(account, ()), r.created_at)
            ),
            lowered_tier=lowered.get(r.model_id, Loosening()).tier,
            changed_facts=lowered.get(r.model_id, Loosening()).facts,
            claimed=parties[r.pk].claimed,
            unmatched=parties[r.pk].unmatched,
            loosened_policy=loosened.get(r.pk, {}),
        )
        for r in requests
    }
    rules = {r.pk: rule for r in requests if r.is_live and (rule := mutual_rule(r)).effect == "exclude"}
    cycles = cycles_of({number: CycleQuery(found[number].authors, rule) for number, rule in rules.items()})
    return found | {number: replace(found[number], mutual=people) for number, people in cycles.items() if people}


def eligibility_of(
    found: Member,
    request: PromotionRequest,
    called: Collection[str],
    *,
    name: str | None = None,
    involved: Involvement | None = None,
) -> Eligibility:
    """Evaluate whether a person's decision can count for a request.

    Args:
        found: the person with their memberships.
        request: the promotion request.
        called: slugs of the groups that the request's policies require.
        name: how reasons name the person: their own name if None, or `policies.YOU`.
        involved: the request's involvement if already read.

    Returns:
        The groups in which the person counts, and the reasons where they do not.
    """
    user, called_by = found.user, user_name(found, name)
    involved = get_involvement(request) if involved is None else involved
    if any(is_role(name) for name in called) and request.model_id not in found.roles:
        (found,) = add_roles([found], [request.model], called)
    mine = {slug: joining for slug, joining in found.groups_on(request.model_id).items() if slug in called}
    excluded = separation_of_duties_exclusion(
        user.uid,
        called_by,
        involved,
        superuser=user.is_superuser,
        service=user.kind == User.Kind.SERVICE,
        controlled_by=found.controlled_by(request.created_at),
        made_by=found.made_by,
    )
    if excluded is not None:
        return Eligibility(frozenset(mine), {}, excluded)
    barred = {
        slug: why
        for slug, joining in sorted(mine.items())
        if (why := joining_exclusion(called_by, slug, joining, involved, opened_at=request.created_at)) is not None
    }
    groups = frozenset(mine) - barred.keys()
    return Eligibility(groups, barred, next(iter(barred.values())) if barred and not groups else None)


def user_name(found: Member, name: str | None) -> str:
    """Return how reasons name a person."""
    return found.user.name if name is None else name


def reviewers_among(
    members: Iterable[Member],
    deciders: Collection[int],
    request: PromotionRequest,
    called: Collection[str],
    involved: Involvement | None = None,
) -> tuple[Reviewer, ...]:
    """Select the reviewers of a request among members of its groups.

    Args:
        members: members of the required groups.
        deciders: primary keys of the users with permission to decide on the model.
        request: the promotion request.
        called: slugs of the groups that the request's policies require.
        involved: the request's involvement if already read.

    Returns:
        The members with the permission and active superusers (who are always excluded), with the reasons of exclusion.
    """
    involved = get_involvement(request) if involved is None else involved
    found = []
    for each in members:
        user = each.user
        owns = OWNER in called and OWNER in each.roles.get(request.model_id, {})
        if user.pk in deciders or owns or (user.is_superuser and user.is_active):
            eligibility = eligibility_of(each, request, called, involved=involved)
            # The owner decides as the owner without the permission that members of groups need.
            groups = eligibility.groups if user.pk in deciders or not owns else eligibility.groups & {OWNER}
            found.append(Reviewer(user.uid, user.name, groups, eligibility.excluded, eligibility.barred))
    return tuple(found)


def has_left_since(person: User, moment: datetime) -> bool:
    """Return whether the account was deactivated at `moment` or later, even if it was reactivated.

    Decisions signed before a deactivation no longer count.
    """
    return person.deactivated_at is not None and person.deactivated_at >= moment
