"""A risk tier that lowers: who proposes, who confirms, what is excluded, and what the database refuses."""

from __future__ import annotations

from typing import Any

import psycopg2
import pytest
from django.db import IntegrityError, connection, transaction

from audit.models import Event
from registry.access import Role, actor_for, grant_role
from registry.exceptions import ConflictError, InvalidStateError, PermissionDeniedError
from registry.models import Assessment, ChangeProposal, RegisteredModel
from registry.selectors.tier_lowerings import who_lowered
from registry.services import archiving, assessments, change_proposals, instance, models, questionnaires, tier_lowering
from registry.services.people import add_member
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(people: People) -> RegisteredModel:
    """A model of tier 1, assessed by its owner, beside an officer."""
    assert people.henrik
    factories.lifecycle()
    return factories.assessed(factories.model(people.priya, "credit-risk-pd"), tier=1)


def submit(model: RegisteredModel, by: Any, *, tier: int = 3, **given: Any) -> Assessment | ChangeProposal:
    return tier_lowering.submit(
        actor=by, model=model, answers=factories.answers_for(tier), rationale="It is small after all.", **given
    )


def proposed(model: RegisteredModel, people: People) -> ChangeProposal:
    made = submit(model, actor_for(people.priya))
    assert isinstance(made, ChangeProposal)
    return made


def test_an_owner_does_not_lower_the_tier_alone(people: People, model: RegisteredModel, recorded: Recorded) -> None:
    assert people.henrik
    with pytest.raises(PermissionDeniedError) as refused:
        assessments.assess(
            actor=actor_for(people.priya), model=model, answers=factories.answers_for(3), rationale="It is small."
        )
    assert refused.value.code == "second_person_required"
    with recorded() as events:
        proposal = proposed(model, people)
    assert [event.action for event in events] == ["change.proposed"]
    model.refresh_from_db()
    assert (model.risk_tier, tier_lowering.proposed_for(model)) == (1, proposal)
    with recorded() as events:
        factories.confirm(proposal, people.henrik)
    assert [event.action for event in events] == ["model.assessed", "model.tier_lowered", "change.confirmed"]
    assert {event.actor_id for event in events} == {people.henrik.uid}
    model.refresh_from_db()
    made = model.tier_basis
    assert made is not None
    assert (model.risk_tier, made.assessor, made.proposal) == (3, people.priya, proposal)
    assert who_lowered([model.pk]) == {model.pk: {people.priya.uid, people.henrik.uid}}
    assert tier_lowering.proposed_for(model) is None
    connection.check_constraints()


def test_a_stricter_or_equal_tier_needs_one_person(people: People, model: RegisteredModel) -> None:
    factories.confirm(proposed(model, people), people.henrik)
    assert isinstance(submit(model, actor_for(people.priya), tier=3), Assessment)
    assert who_lowered([model.pk]) == {model.pk: {people.priya.uid, people.henrik.uid}}, "the lower tier remains"
    assert isinstance(submit(model, actor_for(people.priya), tier=1), Assessment)
    assert who_lowered([model.pk]) == {}
    connection.check_constraints()


def test_who_confirms(people: People, model: RegisteredModel) -> None:
    owners = factories.group("owners", people.dorothy)
    factories.grant(Role.OFFICER, to=people.eve)
    factories.grant(Role.OWNER, to=owners, on=model)
    for author in (people.chen, people.eve):
        factories.grant(Role.DEVELOPER, to=author, on=model)
    for decider in (people.marta, people.aiko, people.chen, people.eve):
        factories.grant(Role.VALIDATOR, to=decider, on=model)
    factories.grant(Role.VIEWER, to=people.ci_retail, on=model)
    factories.version(model, people.eve, {"weights": b"1"})
    factories.version(model, people.chen, {"weights": b"2"}, trained_by=people.aiko)
    proposal = proposed(model, people)
    assert set(change_proposals.confirmers_of(proposal)) == {people.marta, people.henrik}
    for author in (people.priya, people.chen, people.aiko, people.eve, people.dorothy):
        with pytest.raises(PermissionDeniedError) as refused:
            factories.confirm(proposal, author)
        assert (refused.value.code, refused.value.rule) == ("separation_of_duties", "SoD-9")
    assert tier_lowering.involved_people(model).keys() == {
        person.uid for person in (people.priya, people.chen, people.aiko, people.eve, people.dorothy)
    }
    factories.confirm(proposal, people.marta)
    model.refresh_from_db()
    assert model.risk_tier == 3


def test_a_role_from_after_the_proposal_or_from_the_proposer_does_not_confirm(
    people: People, model: RegisteredModel
) -> None:
    early, late = factories.group("early", people.aiko), factories.group("late")
    for group in (early, late):
        factories.grant(Role.APPROVER, to=group, on=model)
    grant_role(actor=actor_for(people.priya), role=Role.APPROVER, user=people.chen, model=model, reason="asked to")
    proposal = proposed(model, people)
    factories.grant(Role.APPROVER, to=people.eve, on=model)
    add_member(actor=factories.SETUP, group=late, user=people.marta, reason="joins")
    people.dorothy  # noqa: B018 - an officer after the proposal
    assert set(change_proposals.confirmers_of(proposal)) == {people.aiko, people.henrik}
    for person in (people.chen, people.eve, people.marta, people.dorothy):
        with pytest.raises(PermissionDeniedError) as refused:
            factories.confirm(proposal, person)
        assert refused.value.code == "not_a_confirmer"


def test_a_tier_below_the_computed_one_needs_a_second_person_the_first_time(people: People) -> None:
    factories.lifecycle()
    model = factories.model(people.priya)
    people.dorothy  # noqa: B018 - an officer before the proposal
    questionnaires.install_starter(actor=factories.SETUP)
    given: Any = {"model": model, "answers": factories.answers_for(1), "rationale": "Large.", "tier": 3}
    with pytest.raises(PermissionDeniedError) as refused:
        tier_lowering.submit(actor=actor_for(people.priya), override_reason="It is a pilot.", **given)
    assert refused.value.code == "laxer_tier"
    made = tier_lowering.submit(actor=actor_for(people.henrik), override_reason="It is a pilot.", **given)
    assert isinstance(made, ChangeProposal)
    factories.confirm(made, people.dorothy)
    model.refresh_from_db()
    assert model.risk_tier == 3
    assert who_lowered([model.pk]) == {model.pk: {people.henrik.uid, people.dorothy.uid}}


def test_a_token_proposes_and_does_not_lower(people: People, model: RegisteredModel) -> None:
    made = submit(model, people.token_of(people.priya, "models:read", "models:write"))
    assert isinstance(made, ChangeProposal)
    assert made.proposed_with is not None
    model.refresh_from_db()
    assert model.risk_tier == 1
    factories.grant(Role.DEVELOPER, to=people.eve, on=model)
    for actor in (actor_for(people.eve), people.token_of(people.eve, "models:read", "models:write")):
        with pytest.raises(PermissionDeniedError) as refused:
            submit(model, actor)
        assert refused.value.code == "laxer_tier"


def test_what_changed_meanwhile_is_not_confirmed(people: People, model: RegisteredModel) -> None:
    proposal = proposed(model, people)
    with pytest.raises(ConflictError) as conflict:
        proposed(model, people)
    assert conflict.value.code == "already_proposed"
    with transaction.atomic():
        newer = questionnaires.STARTER.read_text().replace("Risk tier of a model", "Risk tier, second revision")
        questionnaires.publish(actor=factories.SETUP, source=newer, reason="clearer")
        with pytest.raises(ConflictError) as conflict:
            factories.confirm(proposal, people.henrik)
        assert conflict.value.code == "questionnaire_changed"
        transaction.set_rollback(True)
    submit(model, actor_for(people.priya), tier=1)
    with pytest.raises(ConflictError) as conflict:
        factories.confirm(proposal, people.henrik)
    assert conflict.value.code == "tier_changed"
    change_proposals.withdraw(actor=actor_for(people.priya), proposal=proposal, reason="overtaken")
    again = proposed(model, people)
    archiving.archive_model(actor=actor_for(people.priya), model=model, reason="out of use")
    with pytest.raises(InvalidStateError) as refused:
        factories.confirm(again, people.henrik)
    assert refused.value.code == "model_archived"
    model.refresh_from_db()
    assert model.risk_tier == 1


@pytest.mark.django_db(transaction=True)
def test_a_single_officer_lowers_alone_and_it_is_marked(people: People, model: RegisteredModel) -> None:
    assert people.henrik
    instance.declare_single_officer(actor=factories.SETUP, reason="a team of three")
    made = submit(model, actor_for(people.henrik))
    assert isinstance(made, ChangeProposal)
    assert (made.state, made.single_officer) == ("confirmed", True)
    model.refresh_from_db()
    assert model.risk_tier == 3
    event = Event.objects.get(action="model.tier_lowered")
    assert event.body["data"]["single_officer"] is True
    connection.check_constraints()


def test_a_single_officer_who_owns_the_model_does_not(people: People) -> None:
    factories.lifecycle()
    model = factories.assessed(factories.model(people.henrik), tier=1)
    assert people.henrik
    instance.declare_single_officer(actor=factories.SETUP, reason="a team of three")
    made = submit(model, actor_for(people.henrik))
    assert isinstance(made, ChangeProposal)
    assert made.state == "proposed"


def test_the_database_keeps_an_assessed_tier(people: People, model: RegisteredModel) -> None:
    mild = factories.assessed(factories.model(people.priya), tier=3).tier_basis
    assert mild is not None
    changes: list[dict[str, Any]] = [
        {"risk_tier": 3},
        {"risk_tier": None, "tier_basis": None},
        {"tier_basis": None},
        {"tier_basis": mild, "risk_tier": 3},
    ]
    for change in changes:
        refused = refused_tier(model, **change)
        assert refused in {"audit_named_risk_tier", "registry_tier_by_two"}, change
    proposal = proposed(model, people)
    change_proposals.reject(actor=actor_for(people.henrik), proposal=proposal, comment="not so small")
    assert refused_tier(model, risk_tier=3) in {"audit_named_risk_tier", "registry_tier_by_two"}


def refused_tier(model: RegisteredModel, **change: Any) -> str:
    """Change the row beside the services, with an event about the model; the constraint that refuses it."""
    try:
        with transaction.atomic():
            assert model.owner is not None
            models.update_model(actor=actor_for(model.owner), model=model, title=f"An event for {sorted(change)}")
            RegisteredModel.objects.filter(pk=model.pk).update(**change)
            connection.check_constraints()
    except IntegrityError as error:
        cause = error.__cause__
        return str(cause.diag.constraint_name) if isinstance(cause, psycopg2.Error) else str(error)
    return ""
