"""Who may decide in the place of a member by a delegation.

A delegation never widens what the two people may do: the delegate needs permission to view the model, the delegator has
to be a reviewer of the request, and the separation of duties applies to both.

`delegates_among` is the only implementation; pages, REST, lists and the gate use it.
"""

from collections.abc import Collection, Iterable, Mapping

from audit import clock
from governance.gate.eligibility import Member, eligibility_of, members_among
from governance.models import Delegation, PromotionRequest
from governance.policies import Exclusion, Involvement, Reviewer, delegation_exclusion
from governance.policies.approval_roles import is_role
from registry import access
from registry.models import User
from registry.models.joined_rows import JoinedRows
from registry.selectors import account_controls

_DELEGATIONS = JoinedRows(Delegation, "g", ("delegator", "delegate"))
_IN_EFFECT = """
    g.closed_at IS NULL AND g.opened_at <= %(now)s AND g.valid_from <= %(now)s AND g.valid_until > %(now)s
    ORDER BY g.id"""
"""`Delegation.is_in_effect` as SQL, in the order in which delegations were granted."""


def delegations_by(delegators: Collection[int]) -> list[Delegation]:
    """Return the delegations in effect that these users gave. One query.

    Args:
        delegators: primary keys of users.
    """
    if not delegators:
        return []
    return _DELEGATIONS.fetch(
        f"g.delegator_id = ANY (%(people)s) AND {_IN_EFFECT}", {"people": list(delegators), "now": clock.now()}
    )


def delegations_to(delegates: Collection[int]) -> list[Delegation]:
    """Return the delegations in effect to these users. One query; cached while a page is only read.

    Args:
        delegates: primary keys of users.
    """
    if not delegates:
        return []
    wanted = sorted(set(delegates))
    return access._cached(
        ("delegations_to", *wanted),
        lambda: _DELEGATIONS.fetch(
            f"g.delegate_id = ANY (%(people)s) AND {_IN_EFFECT}", {"people": wanted, "now": clock.now()}
        ),
    )


def people_of(delegations: Iterable[Delegation]) -> dict[int, Member]:
    """Return the delegators and delegates with their reviewer groups, by primary key. At most five queries."""
    users: dict[int, User] = {
        user.pk: user for delegation in delegations for user in (delegation.delegator, delegation.delegate)
    }
    found = members_among(users) if users else {}
    if others := [user for pk, user in users.items() if pk not in found]:
        controls = account_controls.controls_of([user.uid for user in others])
        found |= {user.pk: Member(user, {}, controls.get(user.uid, ())) for user in others}
    return found


def delegates_of(
    members: Collection[Member],
    deciders: Collection[int],
    request: PromotionRequest,
    called: Collection[str],
    involved: Involvement | None = None,
) -> tuple[Reviewer, ...]:
    """Return the delegates of the members who may decide on a request. One query where there is no delegation.

    Args:
        members: members of the required groups.
        deciders: primary keys of the users with permission to decide on the model.
        request: the promotion request.
        called: slugs of the groups that the request's policies require.
        involved: the request's involvement if already read.
    """
    given = delegations_by([each.user.pk for each in members if each.user.pk in deciders])
    if not given:
        return ()
    able = able_delegates(given, [request.model_id])[request.model_id]
    return delegates_among(given, people_of(given), deciders, able, request, called, involved)


def able_delegates(delegations: Iterable[Delegation], models: Collection[int]) -> dict[int, frozenset[int]]:
    """Return for each model which delegates may view it and are neither superuser, administrator nor service account.

    One query.

    Args:
        delegations: the delegations.
        models: primary keys of models.

    Returns:
        Primary keys of the delegates by primary key of the model.
    """
    people = {each.delegate_id: each.delegate for each in delegations}
    return access.users_with_permission_by_model(people.values(), access.Permission.VIEW, models, decides=True)


def delegates_among(
    delegations: Iterable[Delegation],
    people: Mapping[int, Member],
    deciders: Collection[int],
    able: Collection[int],
    request: PromotionRequest,
    called: Collection[str],
    involved: Involvement | None = None,
) -> tuple[Reviewer, ...]:
    """Select the reviewers of a request by delegations.

    Args:
        delegations: delegations in effect, in the order in which they were granted.
        people: their delegators and delegates, by primary key.
        deciders: primary keys of the users with permission to decide on the model.
        able: primary keys of the delegates from `able_delegates`.
        request: the promotion request.
        called: slugs of the groups that the request's policies require.
        involved: the request's involvement if already read.

    Returns:
        One reviewer for each pair of delegate and delegator, in the delegator's groups, with the reasons of exclusion.
        People involved in the version are excluded, whichever of the two they are.
    """
    found: dict[tuple[int, int], Reviewer] = {}
    for each in delegations:
        pair = (each.delegate_id, each.delegator_id)
        if pair in found or each.delegator_id not in deciders or each.delegate_id not in able:
            continue
        if not each.covers(request.model):
            continue
        theirs = eligibility_of(people[each.delegator_id], request, called, involved=involved)
        # A role on the model, such as owner, is not a group and is not delegated.
        groups = frozenset(name for name in each.groups or called if not is_role(name))
        granted = theirs.groups.union(theirs.barred) & groups
        if not granted:
            continue
        found[pair] = _reviewer(
            each, granted, theirs.groups, theirs.barred, theirs.excluded, people[each.delegate_id], request, involved
        )
    return tuple(found.values())


def _reviewer(
    delegation: Delegation,
    granted: Collection[str],
    counting: frozenset[str],
    barred: Mapping[str, Exclusion],
    excluded: Exclusion | None,
    delegate: Member,
    request: PromotionRequest,
    involved: Involvement | None,
) -> Reviewer:
    """Return a delegate as a reviewer, with the exclusions of both people."""
    user, delegator = delegation.delegate, delegation.delegator
    # Without groups only the rules about the person apply: the delegate fills the delegator's slot, not one of a group.
    own = eligibility_of(delegate, request, (), involved=involved).excluded
    return Reviewer(
        uid=user.uid,
        name=user.name,
        groups=counting & frozenset(granted),
        excluded=delegation_exclusion(user.name, delegator.name, own, excluded),
        barred={
            group: Exclusion(why.rule, f"{user.name} would decide for {delegator.name}, and {why.reason}")
            for group, why in barred.items()
            if group in granted
        },
        on_behalf_of=delegator.uid,
        delegator=delegator.name,
    )
