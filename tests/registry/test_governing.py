"""Who governs is changed by two people, none of whom is concerned."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from audit import clock
from audit.models import Event
from governance.services import policies, setup
from registry import access
from registry.access import Role, actor_for
from registry.exceptions import PermissionDeniedError, ValidationFailedError
from registry.models import ChangeProposal, Grant, Membership, ReviewerGroup, User
from registry.services import governing, groups, instance
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db

CALLS = """
slug: calls-the-desk
title: Into Production, by the desk
applies_to: {stages: [production]}
approvals: [{group: desk}]
"""
WHY = "the desk grows"


@pytest.fixture
def officers(people: People) -> tuple[User, User]:
    other = factories.person("dorothy", name="Dorothy Mensah")
    factories.grant(Role.OFFICER, to=other)
    return people.henrik, other


@pytest.fixture
def desk(people: People) -> ReviewerGroup:
    """A group that a policy in force calls upon."""
    factories.lifecycle()
    made = factories.group("desk", people.aiko)
    policies.publish(actor=setup.INSTALLER, source=CALLS, reason="the scene of a test")
    return made


def holds(person: User, role: Role) -> bool:
    return Grant.objects.filter(user=person, role=role, model=None, closed_at=None).exists()


@pytest.mark.parametrize("role", [Role.OFFICER, Role.ADMINISTRATOR])
def test_a_governing_role_is_given_by_two(people: People, officers: tuple[User, User], role: Role) -> None:
    henrik, _ = officers
    ada = actor_for(people.ada)
    with pytest.raises(PermissionDeniedError) as refused:
        access.grant_role(actor=ada, role=role, user=people.chen, reason=WHY)
    assert refused.value.code == "second_person_required"

    proposal = governing.give_role(actor=ada, role=role, user=people.chen, reason=WHY)

    assert isinstance(proposal, ChangeProposal)
    assert not holds(people.chen, role)
    factories.confirm(proposal, henrik)
    assert holds(people.chen, role)
    assert Event.objects.filter(action="grant.given").latest("id").actor_id == henrik.uid


def test_the_person_concerned_does_not_confirm(people: People, officers: tuple[User, User]) -> None:
    henrik, dorothy = officers
    proposal = governing.give_role(actor=actor_for(people.ada), role=Role.ADMINISTRATOR, user=henrik, reason=WHY)
    assert isinstance(proposal, ChangeProposal)
    with pytest.raises(PermissionDeniedError) as refused:
        factories.confirm(proposal, henrik)
    assert refused.value.rule == "SoD-9"
    factories.confirm(proposal, dorothy)
    assert holds(henrik, Role.ADMINISTRATOR)


def test_neither_does_a_member_of_the_group_concerned(people: People, officers: tuple[User, User]) -> None:
    henrik, dorothy = officers
    group = factories.group("compliance", henrik)
    proposal = governing.give_role(actor=actor_for(people.ada), role=Role.OFFICER, group=group, reason=WHY)
    assert isinstance(proposal, ChangeProposal)
    with pytest.raises(PermissionDeniedError):
        factories.confirm(proposal, henrik)
    factories.confirm(proposal, dorothy)
    assert groups.is_governing(group)


def test_neither_does_a_member_whose_membership_begins_later(people: People, officers: tuple[User, User]) -> None:
    henrik, _ = officers
    group = factories.group("compliance")
    groups.add_member(
        actor=factories.SETUP, group=group, user=henrik, valid_from=clock.now() + timedelta(days=1), reason=WHY
    )
    proposal = governing.give_role(actor=actor_for(people.ada), role=Role.OFFICER, group=group, reason=WHY)
    assert isinstance(proposal, ChangeProposal)
    with pytest.raises(PermissionDeniedError):
        factories.confirm(proposal, henrik)


def test_a_role_that_governs_nothing_takes_effect_at_once(people: People) -> None:
    made = governing.give_role(actor=actor_for(people.ada), role=Role.VIEWER, user=people.chen, reason=WHY)
    assert isinstance(made, Grant)


def test_membership_of_a_group_that_a_policy_calls_upon_is_given_by_two(
    people: People, officers: tuple[User, User], desk: ReviewerGroup
) -> None:
    henrik, dorothy = officers
    with pytest.raises(PermissionDeniedError) as refused:
        groups.add_member(actor=actor_for(henrik), group=desk, user=people.marta, reason=WHY)
    assert refused.value.code == "second_person_required"

    proposal = governing.add_member(actor=actor_for(henrik), group=desk, user=people.marta, reason=WHY)

    assert isinstance(proposal, ChangeProposal)
    assert not access.is_member(people.marta, desk)
    with pytest.raises(PermissionDeniedError):
        factories.confirm(proposal, henrik)
    factories.confirm(proposal, dorothy)
    made = Membership.objects.get(group=desk, user=people.marta)
    assert made.proposed_by == henrik
    assert made.opened_at >= proposal.opened_at


def test_a_group_that_nothing_calls_upon_grows_at_once(people: People, officers: tuple[User, User]) -> None:
    group = factories.group("readers")
    made = governing.add_member(actor=actor_for(officers[0]), group=group, user=people.marta, reason=WHY)
    assert isinstance(made, Membership)


def test_what_is_not_possible_is_refused_before_it_is_proposed(
    people: People, officers: tuple[User, User], desk: ReviewerGroup
) -> None:
    henrik, _ = officers
    past = clock.now() - timedelta(days=1)
    with pytest.raises(ValidationFailedError):
        governing.add_member(actor=actor_for(henrik), group=desk, user=people.marta, valid_from=past, reason=WHY)
    with pytest.raises(PermissionDeniedError) as refused:
        governing.add_member(actor=actor_for(henrik), group=desk, user=henrik, reason=WHY)
    assert refused.value.code == "self_grant"
    with pytest.raises(PermissionDeniedError):
        governing.give_role(actor=actor_for(henrik), role=Role.OFFICER, user=people.marta, reason=WHY)
    assert not ChangeProposal.objects.exists()


def test_the_database_refuses_both_without_a_confirmed_proposal_once_the_set_up_is_confirmed(
    people: People, officers: tuple[User, User], desk: ReviewerGroup
) -> None:
    henrik, dorothy = officers
    marta, ada = people.marta, people.ada
    connection.check_constraints()  # what the set-up gave is judged before it is confirmed
    factories.confirm(instance.propose_setup_confirmation(actor=actor_for(henrik), reason=WHY), dorothy)

    def role() -> None:
        factories.grant(Role.OFFICER, to=marta)

    def member() -> None:
        groups.add_member(actor=actor_for(henrik), group=desk, user=marta, reason=WHY, proposed_by=dorothy)

    for attempt, message in ((role, "officer is given with"), (member, "joins desk with")):
        with pytest.raises(DatabaseError, match=message), transaction.atomic():  # noqa: PT012 (checked at commit)
            attempt()
            connection.check_constraints()
    for made in (
        governing.add_member(actor=actor_for(henrik), group=desk, user=marta, reason=WHY),
        governing.give_role(actor=actor_for(ada), role=Role.OFFICER, user=marta, reason=WHY),
    ):
        assert isinstance(made, ChangeProposal)
        factories.confirm(made, dorothy)
        connection.check_constraints()
    assert holds(marta, Role.OFFICER)
    assert access.is_member(marta, desk)


def test_a_proposer_who_lost_the_right_gives_nothing(people: People, officers: tuple[User, User]) -> None:
    given = factories.grant(Role.ADMINISTRATOR, to=people.priya)
    proposal = governing.give_role(actor=actor_for(people.priya), role=Role.OFFICER, user=people.chen, reason=WHY)
    assert isinstance(proposal, ChangeProposal)
    access.revoke_role(actor=factories.SETUP, grant=given, reason="moves on")
    with pytest.raises(PermissionDeniedError):
        factories.confirm(proposal, officers[0])
    assert not holds(people.chen, Role.OFFICER)
