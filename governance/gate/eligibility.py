"""Who may count for a request: the members of reviewer groups, since when and by whom they are that, and the separation
of duties over them.

One rule for pages, REST, lists, explanations and the gate: `standing_of`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from audit import clock
from audit import selectors as log
from governance.models import PromotionRequest
from governance.policies import (
    Exclusion,
    Involvement,
    Joining,
    Reviewer,
    joining_exclusion,
    separation_of_duties_exclusion,
)
from registry import access
from registry.models import Membership, User
from registry.selectors import account_controls, participation
from registry.selectors.account_controls import Control
from registry.selectors.tier_lowerings import who_lowered


@dataclass(frozen=True)
class Member:
    """A member of reviewer groups now: by the slug of each group since when and by whom, and who could act as them."""

    user: User
    joined: Mapping[str, Joining]
    known_controls: tuple[Control, ...] | None = None

    @cached_property
    def controls(self) -> tuple[Control, ...]:
        """Who made the account or could act as it: one query where it was not read with others."""
        if self.known_controls is not None:
            return self.known_controls
        return account_controls.controls_of([self.user.uid]).get(self.user.uid, ())

    def controlled_by(self, since: datetime) -> frozenset[str]:
        """Who could act as the account at `since` or later."""
        return account_controls.controllers(self.controls, since)

    @property
    def made_by(self) -> frozenset[str]:
        """Who made the account."""
        return account_controls.makers(self.controls)


@dataclass(frozen=True)
class Standing:
    """How a person stands to a request. `groups`: those in which they count; `barred`: why they do not count in others.

    `excluded`: why no decision of theirs counts; None where it can, or where they are in no group that is called upon.
    """

    groups: frozenset[str]
    barred: Mapping[str, Exclusion]
    excluded: Exclusion | None


def members_of(groups: Collection[str]) -> list[Member]:
    """Everyone who is in one of these groups now, by name. Three queries."""
    held = Membership.effective(clock.now()).filter(group__slug__in=groups)
    return _members(held.select_related("user", "group"))


def member(person: User) -> Member:
    """One person with all groups they are in now. Three queries at most, once on a page that is only read."""
    return access._cached(("member", person.pk), lambda: _member(person))


def _member(person: User) -> Member:
    held = Membership.effective(clock.now()).filter(user=person).select_related("user", "group")
    found = _members(held)
    return found[0] if found else Member(person, {})


def _members(held: Iterable[Membership]) -> list[Member]:
    rows = list(held)
    if not rows:
        return []
    proposers = User.objects.in_bulk_prepared({row.proposed_by_id for row in rows})
    doers = log.actor_ids_by_event([row.opened_event for row in rows])
    joined: dict[User, dict[str, Joining]] = {}
    for row in rows:
        by = {doers.get(row.opened_event, "")}
        if row.proposed_by_id is not None:
            by.add(proposers[row.proposed_by_id].uid)
        joined.setdefault(row.user, {})[row.group.slug] = Joining(row.opened_at, frozenset(by))
    controls = account_controls.controls_of([user.uid for user in joined])
    members = (Member(user, groups, controls.get(user.uid, ())) for user, groups in joined.items())
    return sorted(members, key=lambda found: (found.user.name, found.user.pk))


def get_involvement(request: PromotionRequest) -> Involvement:
    """Who asked for, registered, trained and contributed to what is promoted, who could use the tokens that were used,
    who could act as the accounts that asked, and who lowered the model's tier. Three queries."""
    return involvements([request])[request.pk]


def involvements(requests: Collection[PromotionRequest]) -> dict[int, Involvement]:
    """`involvement` of several requests by their numbers, in three queries; a page that is only read asks once about
    each request."""
    known: dict[int, Involvement] = access._cached("involvements", dict)
    if missing := [r for r in requests if r.pk not in known]:
        known.update(_involvements(missing))
    return {r.pk: known[r.pk] for r in requests}


def _involvements(requests: Collection[PromotionRequest]) -> dict[int, Involvement]:
    parties = participation((r.pk, r.version_id, r.requested_with_id) for r in requests)
    lowered = who_lowered({r.model_id for r in requests})
    asking = {r.pk: parties[r.pk].behind_request | {r.requested_by.uid} for r in requests}
    controls = account_controls.controls_of(frozenset().union(*asking.values()))
    return {
        r.pk: Involvement(
            requester=r.requested_by.uid,
            registered_by=r.version.registered_by.uid,
            trained_by=r.version.trained_by.uid if r.version.trained_by is not None else None,
            behind_token=parties[r.pk].behind_tokens,
            contributed=parties[r.pk].contributed,
            token_accounts=parties[r.pk].token_accounts,
            behind_request=parties[r.pk].behind_request,
            controls_asking=frozenset(
                uid
                for account in asking[r.pk]
                for uid in account_controls.controllers(controls.get(account, ()), r.created_at)
            ),
            lowered_tier=lowered.get(r.model_id, frozenset()),
        )
        for r in requests
    }


def standing_of(
    found: Member,
    request: PromotionRequest,
    called: Collection[str],
    *,
    name: str | None = None,
    involved: Involvement | None = None,
) -> Standing:
    """How a person stands to a request whose policy calls on the groups `called`.

    Args:
        name: what reasons call them: their name where none is given, or `policies.YOU`.
        involved: the request's involvement, where it is known.
    """
    user, called_by = found.user, user_name(found, name)
    involved = get_involvement(request) if involved is None else involved
    mine = {slug: joining for slug, joining in found.joined.items() if slug in called}
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
        return Standing(frozenset(mine), {}, excluded)
    barred = {
        slug: why
        for slug, joining in sorted(mine.items())
        if (why := joining_exclusion(called_by, slug, joining, involved, opened_at=request.created_at)) is not None
    }
    groups = frozenset(mine) - barred.keys()
    return Standing(groups, barred, next(iter(barred.values())) if barred and not groups else None)


def user_name(found: Member, name: str | None) -> str:
    """What reasons call a person."""
    return found.user.name if name is None else name


def reviewers_among(
    members: Iterable[Member],
    deciders: Collection[int],
    request: PromotionRequest,
    called: Collection[str],
    involved: Involvement | None = None,
) -> tuple[Reviewer, ...]:
    """Those of the members who may decide, and superusers, whom the separation of duties always keeps out."""
    involved = get_involvement(request) if involved is None else involved
    found = []
    for each in members:
        user = each.user
        if user.pk in deciders or (user.is_superuser and user.is_active):
            standing = standing_of(each, request, called, involved=involved)
            found.append(Reviewer(user.uid, user.name, standing.groups, standing.excluded, standing.barred))
    return tuple(found)


def has_left_since(person: User, moment: datetime) -> bool:
    """Whether the account was deactivated at that moment or later, even if it was reactivated: what it signed before
    counts no more."""
    return person.deactivated_at is not None and person.deactivated_at >= moment
