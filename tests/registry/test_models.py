"""Registered models: on record with an owner, changed by those who may, one event a change."""

from __future__ import annotations

import pytest
from django.db import connection

from audit.selectors import private_values
from registry import access
from registry.access import Role, actor_for
from registry.exceptions import NotFoundError, PermissionDeniedError, StaleRevisionError, ValidationFailedError
from registry.models import IS_CURRENT, Grant, RegisteredModel
from registry.services import models
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db


def test_registering_makes_the_person_owner(people: People, recorded: Recorded) -> None:
    priya = people.priya
    with recorded() as events:
        model = models.register_model(
            actor=actor_for(priya), slug="churn", title="Customer churn", risk_tier=2, tags={"team": "retail"}
        )
    assert [(e.action, e.actor_id) for e in events] == [("model.registered", priya.uid), ("grant.given", priya.uid)]
    assert {e.stream_id for e in events} == {f"model:{model.uid}"}
    assert (model.owner, model.revision, model.next_version) == (priya, 1, 1)
    grant = Grant.objects.get(IS_CURRENT, model=model)
    assert (grant.user, grant.role, grant.opened_event) == (priya, Role.OWNER, events[1].event_id)
    assert "Customer churn" not in bytes(events[0].leaf).decode()
    assert "Customer churn" in private_values(events[0]).values()
    connection.check_constraints()


def test_another_owner_may_be_named(people: People) -> None:
    model = models.register_model(actor=actor_for(people.priya), slug="churn", owner=people.chen)
    assert model.owner == people.chen
    for person in (people.priya, people.chen):
        assert access.check_permission(actor_for(person), access.Permission.GRANT_ROLE, model)


def test_a_pipeline_registers_for_its_account_within_its_limits(people: People) -> None:
    actor = people.token_of(people.ci_retail, "models:write", models=["churn"])
    assert models.register_model(actor=actor, slug="churn").owner == people.ci_retail
    with pytest.raises(PermissionDeniedError) as refused:
        models.register_model(actor=actor, slug="other")
    assert refused.value.code == "token_limited"
    with pytest.raises(PermissionDeniedError) as refused:
        models.register_model(actor=people.token_of(people.ci_retail, "models:read"), slug="other")
    assert "models:write" in refused.value.detail


def test_auditors_add_nothing_to_what_they_check(people: People) -> None:
    with pytest.raises(PermissionDeniedError):
        models.register_model(actor=actor_for(people.ingrid), slug="churn")
    with pytest.raises(PermissionDeniedError):
        models.register_model(actor=factories.SETUP, slug="churn")


def test_a_name_is_given_once(people: People, model: RegisteredModel) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        models.register_model(actor=actor_for(people.eve), slug=model.slug)
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/slug", "name_unavailable")]
    with pytest.raises(ValidationFailedError) as refused:
        models.register_model(actor=actor_for(people.priya), slug=model.slug)
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/slug", "taken")]


@pytest.mark.parametrize(
    ("facts", "pointer"),
    [
        ({"slug": "Not A Slug"}, "/slug"),
        ({"risk_tier": 4}, "/risk_tier"),
        ({"risk_tier": True}, "/risk_tier"),
        ({"risk_tier": "1"}, "/risk_tier"),
        ({"title": "x" * 201}, "/title"),
        ({"title": 5}, "/title"),
        ({"tags": {"a": 1}}, "/tags/a"),
        ({"tags": ["a"]}, "/tags"),
        ({"regulations": "SR 26-2"}, "/regulations"),
        ({"regulations": [1]}, "/regulations/0"),
        ({"colour": "red"}, "/colour"),
        ({"next_version": 9}, "/next_version"),
        ({"affects_people": "yes"}, "/affects_people"),
        ({"next_review": "tomorrow"}, "/next_review"),
    ],
)
def test_what_a_model_may_not_be(people: People, facts: dict[str, object], pointer: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        models.register_model(actor=actor_for(people.priya), **{"slug": "churn", **facts})  # type: ignore[arg-type]  # the arguments of the case have many types
    assert [error.pointer for error in refused.value.errors] == [pointer]


def test_an_update_is_one_event_with_what_differs(people: People, model: RegisteredModel, recorded: Recorded) -> None:
    with recorded() as events:
        changed = models.update_model(
            actor=actor_for(people.priya), model=model, expected_revision=1, title="PD model", team="Risk", risk_tier=1
        )
    (event,) = events
    assert event.action == "model.updated"
    assert [change["field"] for change in event.body["changes"]] == ["title", "team"]
    assert set(private_values(event).values()) == {"Credit risk PD", "PD model", "Risk"}
    assert (changed.revision, changed.title) == (2, "PD model")
    with recorded() as events:
        models.update_model(actor=actor_for(people.priya), model=changed, title="PD model")
    assert events == []
    connection.check_constraints()


def test_an_update_of_what_changed_meanwhile_is_refused(people: People, model: RegisteredModel) -> None:
    models.update_model(actor=actor_for(people.priya), model=model, title="First")
    with pytest.raises(StaleRevisionError) as refused:
        models.update_model(actor=actor_for(people.priya), model=model, expected_revision=1, title="Second")
    assert isinstance(refused.value.existing, RegisteredModel)
    assert refused.value.existing.title == "First"


def test_who_may_edit_may_not_choose_the_policy(people: People, model: RegisteredModel) -> None:
    factories.grant(Role.DEVELOPER, to=people.eve, on=model)
    eve = actor_for(people.eve)
    assert models.update_model(actor=eve, model=model, title="Edited").title == "Edited"
    for sensitive in ({"risk_tier": 3}, {"owner": people.eve}):
        with pytest.raises(PermissionDeniedError) as refused:
            models.update_model(actor=eve, model=model, **sensitive)
        assert refused.value.code == "accountability"
        assert "Priya Nair" in refused.value.who_can
    assert models.update_model(actor=actor_for(people.henrik), model=model, risk_tier=2).risk_tier == 2
    assert models.update_model(actor=actor_for(people.priya), model=model, risk_tier=1).risk_tier == 1
    with pytest.raises(PermissionDeniedError):
        models.update_model(actor=actor_for(people.henrik), model=model, title="An officer does not edit")
    with pytest.raises(NotFoundError):
        models.update_model(actor=actor_for(people.chen), model=model, risk_tier=3)


def test_a_new_owner_is_given_the_role(people: People, model: RegisteredModel, recorded: Recorded) -> None:
    with recorded() as events:
        models.update_model(actor=actor_for(people.priya), model=model, owner=people.chen)
    assert [e.action for e in events if e.stream_id.startswith("model:")] == ["model.updated", "grant.given"]
    assert access.check_permission(actor_for(people.chen), access.Permission.GRANT_ROLE, model)
    models.update_model(actor=actor_for(people.chen), model=model, owner=people.priya)
    assert Grant.objects.filter(IS_CURRENT, model=model, user=people.priya, role=Role.OWNER).count() == 1
