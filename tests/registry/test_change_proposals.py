"""Changes that need two people: who proposes, who confirms, what the database refuses, and the single officer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from audit import clock
from audit.actor import process
from audit.models import Event
from governance.models import Policy, PolicyRevision
from governance.services import policies, setup
from registry import selectors
from registry.access import Denied, Role, actor_for
from registry.exceptions import (
    ConflictError,
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)
from registry.models import ChangeProposal, Instance, QuestionnaireRevision, User
from registry.services import change_kinds, change_proposals, instance, questionnaires, sign_in_links, tier_lowering
from registry.services.people import register_person
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db

POLICY = """
slug: into-staging
title: Into Staging
applies_to: {stages: [staging]}
checks: [{check: integrity.digest}]
"""
WHY = "finding 3 of the audit"


@pytest.fixture(autouse=True)
def _lifecycle() -> None:
    factories.lifecycle()


def proposed(people: People, source: str = POLICY) -> ChangeProposal:
    return policies.propose(actor=actor_for(people.henrik), source=source, reason=WHY)


def test_a_policy_takes_effect_with_the_second_signature(people: People, recorded: Recorded) -> None:
    assert change_kinds.officers().filter(pk__in=[people.henrik.pk, people.dorothy.pk]).count() == 2
    with recorded() as events:
        proposal = proposed(people)
    assert [event.action for event in events] == ["change.proposed"]
    assert not Policy.objects.exists()
    with recorded() as events:
        factories.confirm(proposal, people.dorothy)
    assert [event.action for event in events] == ["policy.published", "change.confirmed"]
    assert {event.actor_id for event in events} == {people.dorothy.uid}
    revision = PolicyRevision.objects.get()
    assert (revision.published_by, revision.confirmed_by) == (people.henrik.uid, people.dorothy.uid)
    assert revision.confirmation == "two_officers"
    assert (proposal.state, proposal.signed_name) == ("proposed", None), "the instance that was read is not changed"
    assert ChangeProposal.objects.get().state == "confirmed"
    connection.check_constraints()


def test_one_officer_puts_nothing_in_force(people: People) -> None:
    henrik = actor_for(people.henrik)
    with pytest.raises(PermissionDeniedError) as refused:
        policies.publish(actor=henrik, source=POLICY, reason=WHY)
    assert refused.value.code == "second_person_required"
    with pytest.raises(PermissionDeniedError) as refused:
        questionnaires.publish(actor=henrik, source=questionnaires.STARTER.read_text(), reason=WHY)
    assert refused.value.code == "second_person_required"
    proposal = proposed(people)
    with pytest.raises(PermissionDeniedError) as refused:
        factories.confirm(proposal, people.henrik)
    assert (refused.value.code, refused.value.rule) == ("separation_of_duties", "SoD-9")
    assert not Policy.objects.exists()


def test_who_confirms(people: People) -> None:
    proposal = proposed(people)
    with pytest.raises(NotFoundError):
        factories.confirm(proposal, people.priya)
    with pytest.raises(PermissionDeniedError) as refused:
        factories.confirm(proposal, people.ingrid)
    assert refused.value.code == "not_a_confirmer"
    factories.grant(Role.OFFICER, to=people.ada)  # a superuser administers and decides nothing
    with pytest.raises(PermissionDeniedError) as refused:
        factories.confirm(proposal, people.ada)
    assert refused.value.code == "not_a_confirmer"
    for actor in (process("initialise"), people.token_of(people.dorothy, "models:read", "models:write", "audit:read")):
        with pytest.raises(PermissionDeniedError) as refused:
            change_proposals.confirm(
                actor=actor, proposal=proposal, digest=proposal.digest, password=factories.PASSWORD
            )
        assert refused.value.code == "tokens_do_not_decide"
    assert change_proposals.waiting_for(actor_for(people.dorothy)) == [proposal]
    assert change_proposals.waiting_for(actor_for(people.henrik)) == []


def take_link(people: People, person: User) -> None:
    """A sign-in link, shown to Ada and used."""
    _, secret = sign_in_links.issue_link(actor=actor_for(people.ada), person=person, way="shown", reason="lost it")
    assert secret is not None
    sign_in_links.redeem_link(secret=secret, password=factories.PASSWORD)


def test_two_accounts_that_one_person_could_use_are_no_two_people(people: People) -> None:
    take_link(people, people.dorothy)
    proposal = proposed(people)
    assert change_proposals.can_confirm(actor_for(people.dorothy), proposal)
    take_link(people, people.henrik)
    with pytest.raises(PermissionDeniedError) as refused:
        factories.confirm(proposal, people.dorothy)
    assert (refused.value.code, refused.value.rule) == ("separation_of_duties", "SoD-9")
    assert people.dorothy not in change_proposals.confirmers_of(proposal)


def test_an_account_that_the_proposer_made_or_could_use_does_not_confirm(people: People) -> None:
    factories.grant(Role.ADMINISTRATOR, to=people.henrik)
    henrik = actor_for(people.henrik)
    made = register_person(actor=henrik, username="second", name="Second")
    _, secret = sign_in_links.issue_link(actor=henrik, person=people.dorothy, way="shown", reason="lost it")
    assert secret is not None
    sign_in_links.redeem_link(secret=secret, password=factories.PASSWORD)
    factories.grant(Role.OFFICER, to=made)
    proposal = proposed(people)
    assert not change_proposals.confirmers_of(proposal).exists()
    for person in (made, people.dorothy):
        answer = change_proposals.can_confirm(actor_for(person), proposal)
        assert isinstance(answer, Denied)
        assert answer.rule == "SoD-9"
    their_own = policies.propose(actor=actor_for(people.dorothy), source=POLICY.replace("into-", "in-"), reason=WHY)
    answer = change_proposals.can_confirm(henrik, their_own)
    assert isinstance(answer, Denied), "who could act as the proposer"
    assert answer.rule == "SoD-9"


def test_a_confirmation_names_who_could_have_acted_as_its_signer(people: People) -> None:
    take_link(people, people.dorothy)
    factories.confirm(proposed(people), people.dorothy)
    event = Event.objects.get(action="change.confirmed")
    assert event.body["data"]["account_controlled_by"] == [people.ada.uid]


def test_a_limited_token_reads_proposals_about_its_models_only(people: People) -> None:
    about_policy = proposed(people)
    model = factories.assessed(factories.model(people.priya, "credit-risk-pd"), tier=1)
    lowering = tier_lowering.submit(
        actor=actor_for(people.priya), model=model, answers=factories.answers_for(3), rationale="It is small."
    )
    assert isinstance(lowering, ChangeProposal)
    scopes = ("models:read", "audit:read")
    for person, limit, seen in (
        (people.henrik, None, {about_policy, lowering}),
        (people.henrik, ["credit-risk-pd"], {lowering}),
        (people.priya, ["another"], set()),
        (people.priya, None, {lowering}),
    ):
        actor = people.token_of(person, *scopes, models=limit)
        assert set(selectors.change_proposals(actor)) == seen, (person, limit)
    assert set(selectors.change_proposals(actor_for(people.eve))) == set()


def test_a_confirmation_is_signed(people: People) -> None:
    proposal, dorothy = proposed(people), actor_for(people.dorothy)
    for password in ("", "not the password"):
        with pytest.raises(ValidationFailedError):
            change_proposals.confirm(actor=dorothy, proposal=proposal, digest=proposal.digest, password=password)
    with pytest.raises(ConflictError) as conflict:
        change_proposals.confirm(actor=dorothy, proposal=proposal, digest="0" * 64, password=factories.PASSWORD)
    assert conflict.value.code == "proposal_changed"
    assert not Policy.objects.exists()


def test_a_proposal_is_answered_once(people: People) -> None:
    proposal = proposed(people)
    with pytest.raises(ConflictError) as conflict:
        proposed(people)
    assert (conflict.value.code, conflict.value.existing) == ("already_proposed", proposal)
    change_proposals.reject(actor=actor_for(people.dorothy), proposal=proposal, comment="not like this")
    with pytest.raises(InvalidStateError) as closed:
        factories.confirm(proposal, people.dorothy)
    assert closed.value.code == "proposal_closed"
    again = proposed(people)
    with pytest.raises(PermissionDeniedError):
        change_proposals.withdraw(actor=actor_for(people.dorothy), proposal=again, reason="mine?")
    change_proposals.withdraw(actor=actor_for(people.henrik), proposal=again, reason="a typing error")
    assert not Policy.objects.exists()


def test_a_proposal_expires(people: People) -> None:
    proposal = proposed(people)
    with clock.freeze(proposal.expires_at):
        with pytest.raises(InvalidStateError):
            factories.confirm(proposal, people.dorothy)
        assert change_proposals.expired() == [proposal.pk]
        change_proposals.expire(proposal.pk)
        assert ChangeProposal.objects.get().state == "expired"
        assert proposed(people).pk != proposal.pk


def test_what_is_no_longer_possible_is_not_confirmed(people: People) -> None:
    proposal = proposed(people)
    policies.publish(actor=setup.INSTALLER, source=POLICY.replace("into-staging", "another"), reason="meanwhile")
    with pytest.raises(ConflictError) as conflict:
        factories.confirm(proposal, people.dorothy)
    assert conflict.value.code == "ambiguous_policy"
    assert ChangeProposal.objects.get().state == "proposed"


def test_what_is_in_force_is_not_proposed(people: People) -> None:
    policies.publish(actor=setup.INSTALLER, source=POLICY, reason=WHY)
    with pytest.raises(ConflictError) as conflict:
        proposed(people)
    assert conflict.value.code == "unchanged_policy"


def test_a_questionnaire_needs_two(people: People) -> None:
    source = questionnaires.STARTER.read_text()
    proposal = questionnaires.propose(actor=actor_for(people.henrik), source=source, reason=WHY)
    assert not QuestionnaireRevision.objects.exists()
    factories.confirm(proposal, people.dorothy)
    assert QuestionnaireRevision.objects.get().published_by == people.henrik.uid


def test_the_setup_is_exempt_until_two_officers_confirm_it(people: People) -> None:
    setup.initialise()
    assert selectors.instance().setup_confirmed_at is None
    assert {r.confirmation for r in PolicyRevision.objects.all()} == {"setup"}
    proposal = instance.propose_setup_confirmation(actor=actor_for(people.henrik), reason="all as appointed")
    people.dorothy  # noqa: B018 - an officer from now on
    lines = {(line["type"], line["name"]) for line in proposal.payload["in_force"]}
    assert {("officer", "henrik"), ("policy", "starter-production v1")} <= lines
    connection.check_constraints()
    factories.confirm(proposal, people.dorothy)
    assert selectors.instance().setup_confirmed_at is not None
    with pytest.raises(PermissionDeniedError) as refused:
        policies.publish(actor=setup.INSTALLER, source=POLICY, reason="by a process")
    assert refused.value.code == "second_person_required"
    assert setup.initialise().policies == ()
    connection.check_constraints()


@pytest.mark.django_db(transaction=True)
def test_a_single_officer_is_declared_and_recorded(people: People) -> None:
    instance.declare_single_officer(actor=setup.INSTALLER, reason="a team of three")
    proposal = proposed(people)
    assert (proposal.state, proposal.single_officer, proposal.closed_by) == ("confirmed", True, people.henrik.uid)
    assert PolicyRevision.objects.get().confirmation == "single_officer"
    assert Event.objects.filter(action="instance.single_officer_declared").exists()
    people.dorothy  # noqa: B018 - an officer from now on
    another = proposed(people, POLICY.replace("Into Staging", "Into Staging, stricter"))
    assert another.state == "proposed", "with two officers, two are needed"
    connection.check_constraints()


def test_a_single_officer_is_not_declared_beside_others_or_by_a_session(people: People) -> None:
    henrik = actor_for(people.henrik)
    with pytest.raises(PermissionDeniedError):
        instance.declare_single_officer(actor=henrik, reason="from a page")
    instance.declare_single_officer(actor=actor_for(people.henrik, auth="command"), reason="the others left")
    with pytest.raises(InvalidStateError) as refused:
        instance.end_single_officer(actor=henrik, reason="two from now on")
    assert refused.value.code == "one_officer"
    people.dorothy  # noqa: B018 - an officer from now on
    assert not instance.end_single_officer(actor=henrik, reason="two from now on").single_officer
    with pytest.raises(InvalidStateError) as refused:
        instance.declare_single_officer(actor=setup.INSTALLER, reason="again")
    assert refused.value.code == "several_officers"


@pytest.mark.parametrize("column", ["outcome", "payload", "digest", "proposed_by_id", "single_officer"])
def test_the_database_keeps_a_proposal(people: People, column: str) -> None:
    proposal = proposed(people)
    value = {"outcome": "confirmed", "payload": "{}", "digest": "1" * 64, "single_officer": "true"}.get(column, "1")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE registry_changeproposal SET {column} = %s WHERE id = %s",
            [value, proposal.pk],
        )


@pytest.mark.django_db(transaction=True)
def test_the_database_refuses_a_policy_in_force_without_a_proposal(people: People) -> None:
    setup.initialise()
    source = POLICY.replace("{stages: [staging]}", "{stages: [staging], tiers: [3]}\npriority: 9")
    policies.publish(actor=setup.INSTALLER, source=source, reason=WHY)
    factories.confirm(
        instance.propose_setup_confirmation(actor=actor_for(people.henrik), reason="as appointed"), people.dorothy
    )
    assert Instance.objects.get().setup_confirmed_at is not None
    with pytest.raises(DatabaseError, match=r"confirmed proposal only|made from a proposal"), transaction.atomic():
        policies._put_in_force(process("initialise"), source.replace("priority: 9", "priority: 8"), WHY, None)


@pytest.mark.django_db(transaction=True)
def test_the_database_refuses_a_confirmation_by_the_proposer(people: People) -> None:
    proposal = proposed(people)
    henrik = actor_for(people.henrik)
    with pytest.raises(DatabaseError, match="a second person confirms"), transaction.atomic():
        change_proposals._carry_out(ChangeProposal.objects.get(pk=proposal.pk), henrik, people.henrik, comment="me")


def test_the_page_shows_the_difference_to_what_is_in_force(people: People, client: Client) -> None:
    policies.publish(actor=setup.INSTALLER, source=POLICY, reason=WHY)
    proposal = proposed(people, POLICY.replace("Into Staging", "Into Staging, stricter"))
    client.force_login(people.dorothy)
    for _ in ("open", "confirmed"):
        page = client.get(f"/changes/{proposal.pk}/").content.decode()
        assert "<ins>" in page
        assert "stricter" in page
        if ChangeProposal.objects.get(pk=proposal.pk).state == "proposed":
            factories.confirm(proposal, people.dorothy)


def test_a_deadline_is_thirty_days(people: People) -> None:
    proposal = proposed(people)
    assert proposal.expires_at - proposal.opened_at == timedelta(days=30)
