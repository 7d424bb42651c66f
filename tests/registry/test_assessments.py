"""Assessing a model: who may, what it sets, what is kept, and what happens when two do it at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from audit import clock
from audit.models import Event
from registry.access import Role, actor_for
from registry.exceptions import (
    ConflictError,
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    StaleRevisionError,
    ValidationFailedError,
)
from registry.models import Assessment, RegisteredModel
from registry.services import assessments, models, questionnaires
from tests import factories
from tests.personas import People

FIRST_OF_JULY = datetime(2026, 7, 1, 9, tzinfo=UTC)


@pytest.fixture
def asked(db: None) -> None:
    questionnaires.install_starter(actor=factories.SETUP)


@pytest.fixture
def model(people: People, asked: None) -> RegisteredModel:
    return factories.model(people.priya)


def answers(**given: str) -> dict[str, str]:
    """The mildest answer to everything, but for those given."""
    found = questionnaires.in_force()
    assert found is not None
    return {**{question.id: question.answers[0].id for question in found[1].questions}, **given}


def test_it_sets_the_tier_and_the_next_review_and_keeps_why(people: People, model: RegisteredModel) -> None:
    with clock.freeze(FIRST_OF_JULY):
        made = assessments.assess(
            actor=actor_for(people.priya),
            model=model,
            answers=answers(effect="access", automation="automatic"),
            rationale="Declines are carried out without a look.",
        )
    model.refresh_from_db()
    assert (made.number, made.tier, made.computed_tier, made.points) == (1, 1, 1, 11)
    assert model.risk_tier == 1
    assert model.tier_basis == made
    assert str(model.next_review) == "2027-07-01"
    assert made.reasoning["by_points"] == 3
    assert made.reasoning["rules"][0]["because"].startswith("Access to credit")
    event = Event.objects.filter(action="model.assessed").get()
    assert event.body["data"]["computed_tier"] == 1
    assert f"model:{model.uid}" in event.touched
    connection.check_constraints()


def test_stricter_is_free_and_laxer_is_for_officers(people: People, model: RegisteredModel) -> None:
    assert people.henrik
    given: Any = {"model": model, "answers": answers(regulatory="direct"), "rationale": "Reported."}
    with pytest.raises(ValidationFailedError) as why:
        assessments.assess(actor=actor_for(people.priya), tier=1, **given)
    assert why.value.errors[0].pointer == "/override_reason"
    made = assessments.assess(
        actor=actor_for(people.priya), tier=1, override_reason="The supervisor asked for it.", **given
    )
    assert (made.computed_tier, made.tier, made.overridden) == (2, 1, True)

    with pytest.raises(PermissionDeniedError) as refused:
        assessments.assess(actor=actor_for(people.priya), tier=3, override_reason="It is small.", **given)
    assert (refused.value.code, refused.value.who_can) == ("laxer_tier", ("Henrik Aas",))
    with pytest.raises(PermissionDeniedError) as refused:
        assessments.assess(actor=actor_for(people.henrik), tier=3, override_reason="It is small.", **given)
    assert refused.value.code == "second_person_required"
    model.refresh_from_db()
    assert (model.risk_tier, model.tier_basis) == (1, made)


def test_a_person_who_only_edits_may_not_make_it_laxer_than_it_is(people: People, model: RegisteredModel) -> None:
    factories.grant(Role.DEVELOPER, to=people.eve, on=model)
    severe: Any = {"model": model, "answers": answers(materiality="severe"), "rationale": "Large."}
    assert assessments.assess(actor=actor_for(people.eve), **severe).tier == 2
    with pytest.raises(PermissionDeniedError, match="owners and officers") as refused:
        assessments.assess(actor=actor_for(people.eve), model=model, answers=answers(), rationale="Small after all.")
    assert "Priya Nair" in refused.value.who_can


def test_who_may_not(people: People, model: RegisteredModel) -> None:
    factories.grant(Role.VIEWER, to=people.marta, on=model)
    given: Any = {"model": model, "answers": answers(), "rationale": "Small."}
    with pytest.raises(PermissionDeniedError):
        assessments.assess(actor=actor_for(people.marta), **given)
    with pytest.raises(NotFoundError):
        assessments.assess(actor=actor_for(people.eve), **given)
    factories.grant(Role.DEVELOPER, to=people.ci_retail, on=model)
    with pytest.raises(PermissionDeniedError, match="service account"):
        assessments.assess(actor=people.token_of(people.ci_retail, "models:read", "models:write"), **given)
    by_token = assessments.assess(actor=people.token_of(people.priya, "models:read", "models:write"), **given)
    assert by_token.assessed_with is not None


def test_a_declared_tier_gives_way_to_an_assessment_for_good(people: People, model: RegisteredModel) -> None:
    models.update_model(actor=actor_for(people.priya), model=model, risk_tier=2)
    model.refresh_from_db()
    assert model.tier_basis is None
    assessments.assess(actor=actor_for(people.priya), model=model, answers=answers(), rationale="Small.")
    with pytest.raises(ValidationFailedError, match="assess the model again") as refused:
        models.update_model(actor=actor_for(people.priya), model=model, risk_tier=2)
    assert refused.value.errors[0].code == "assessed"
    model.refresh_from_db()
    assert model.risk_tier == 3


def test_assessing_again_puts_no_review_off(people: People, model: RegisteredModel) -> None:
    given: Any = {"model": model, "answers": answers(), "rationale": "Small."}
    with clock.freeze(FIRST_OF_JULY):
        first = assessments.assess(actor=actor_for(people.priya), **given)
    with clock.freeze(FIRST_OF_JULY + timedelta(days=300)):
        again = assessments.assess(actor=actor_for(people.priya), **given)
    assert first.next_review == again.next_review


def test_answers_are_for_the_questionnaire_in_force(people: People, model: RegisteredModel) -> None:
    newer = questionnaires.STARTER.read_text().replace("Risk tier of a model", "Risk tier, second revision")
    published = questionnaires.publish(actor=factories.SETUP, source=newer, reason="clearer")
    assert published.number == 2
    assert questionnaires.publish(actor=factories.SETUP, source=newer, reason="again") == published
    with pytest.raises(ConflictError) as refused:
        assessments.assess(
            actor=actor_for(people.priya), model=model, answers=answers(), rationale="Small.", revision=1
        )
    assert refused.value.code == "questionnaire_changed"
    with pytest.raises(PermissionDeniedError):
        questionnaires.propose(actor=actor_for(people.priya), source=newer, reason="no officer")
    with pytest.raises(ValidationFailedError):
        questionnaires.propose(actor=actor_for(people.henrik), source="title: x", reason="broken")
    with pytest.raises(ValidationFailedError) as faults:
        assessments.assess(actor=actor_for(people.priya), model=model, answers={"data": "x"}, rationale="")
    pointers = [error.pointer for error in faults.value.errors]
    assert "/answers/reach" in pointers
    assert "/rationale" in pointers


def test_without_a_questionnaire_no_person_assesses(people: People, db: None) -> None:
    model = factories.model(people.priya)
    with pytest.raises(InvalidStateError) as refused:
        assessments.assess(actor=actor_for(people.priya), model=model, answers={}, rationale="x")
    assert refused.value.code == "no_questionnaire"


def test_the_database_keeps_what_was_answered(people: People, model: RegisteredModel) -> None:
    assessments.assess(actor=actor_for(people.priya), model=model, answers=answers(), rationale="Small.")
    changes: list[dict[str, Any]] = [{"points": 2}, {"answers": {}}, {"rationale": "other"}]
    for change in changes:
        with pytest.raises(IntegrityError, match="fixed"), transaction.atomic():
            Assessment.objects.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Assessment.objects.all().delete()


def test_two_who_assess_at_once_are_both_kept_and_one_wins(transactional_db: None, people: People) -> None:
    questionnaires.install_starter(actor=factories.SETUP)
    model = factories.model(people.priya)
    mild, severe = answers(), answers(materiality="severe")

    def assess(given: dict[str, str]) -> int | str:
        try:
            return assessments.assess(
                actor=actor_for(people.priya), model=model, answers=given, rationale="At once.", expected_revision=1
            ).number
        except StaleRevisionError as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        said = sorted(map(str, pool.map(assess, (mild, severe))))
    assert said == ["1", "stale_revision"]
    model.refresh_from_db()
    assert model.tier_basis is not None
    assert model.risk_tier == model.tier_basis.tier
    with ThreadPoolExecutor(2) as pool:
        numbers = sorted(
            pool.map(
                lambda _: _and_close(
                    assessments.assess(
                        actor=actor_for(people.priya), model=model, answers=severe, rationale="At once again."
                    )
                ),
                (mild, severe),
            )
        )
    assert numbers == [2, 3]
    model.refresh_from_db()
    assert model.tier_basis is not None
    assert (model.tier_basis.number, model.risk_tier) == (3, model.tier_basis.tier)


def _and_close(made: Assessment) -> int:
    connection.close()
    return made.number
