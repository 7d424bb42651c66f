"""Giving and taking roles: dated, recorded, never to oneself."""

from __future__ import annotations

import pytest
from django.db import connection

from registry import access
from registry.access import Permission, Role, actor_for
from registry.exceptions import (
    ConflictError,
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)
from registry.models import ModelUserPermission, RegisteredModel, ReviewerGroup, User
from registry.services import people as accounts
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db


def codenames(user: User, model: RegisteredModel) -> set[str]:
    rows = ModelUserPermission.objects.filter(user=user, content_object=model)
    return set(rows.values_list("permission__codename", flat=True))


def test_a_grant_is_a_dated_row_with_its_event(people: People, model: RegisteredModel, recorded: Recorded) -> None:
    priya, marta = actor_for(people.priya), people.marta
    with recorded() as events:
        grant = access.grant_role(actor=priya, role=Role.APPROVER, model=model, user=marta, reason="reviews for risk")
    (event,) = events
    assert (event.action, event.actor_id, event.thing_id) == ("grant.given", people.priya.uid, str(grant.uid))
    assert set(event.touched) == {f"grant:{grant.uid}", f"person:{marta.uid}", f"model:{model.uid}"}
    assert (grant.opened_event, grant.opened_at, grant.granted_by) == (event.event_id, event.happened_at, priya.id)
    assert "reviews for risk" not in bytes(event.leaf).decode()
    with recorded() as events:
        closed = access.revoke_role(actor=priya, grant=grant, reason="moved on")
    (event,) = events
    assert (event.action, closed.closed_event, closed.closed_at) == (
        "grant.revoked",
        event.event_id,
        event.happened_at,
    )
    assert codenames(marta, model) == set()
    with pytest.raises(InvalidStateError):
        access.revoke_role(actor=priya, grant=grant, reason="again")
    connection.check_constraints()


def test_what_another_grant_brings_stays(people: People, model: RegisteredModel) -> None:
    marta = people.marta
    developer = factories.grant(Role.DEVELOPER, to=marta, on=model)
    factories.grant(Role.REGISTRAR, to=marta, on=model)
    access.revoke_role(actor=factories.SETUP, grant=developer, reason="r")
    assert codenames(marta, model) == {Permission.VIEW, Permission.REGISTER_VERSION}


def test_no_person_gives_themselves_a_role(people: People, model: RegisteredModel) -> None:
    administrator = factories.person("olga")
    factories.grant(Role.ADMINISTRATOR, to=administrator)
    for person in (people.ada, administrator, people.priya):
        with pytest.raises(PermissionDeniedError) as refused:
            access.grant_role(actor=actor_for(person), role=Role.APPROVER, model=model, user=person, reason="me")
        assert refused.value.code == "self_grant"
    with pytest.raises(PermissionDeniedError):
        access.grant_role(actor=actor_for(administrator), role=Role.OFFICER, user=administrator, reason="me")
    mine = factories.group("mine", administrator)
    with pytest.raises(PermissionDeniedError) as refused:
        access.grant_role(actor=actor_for(administrator), role=Role.OFFICER, group=mine, reason="us")
    assert refused.value.code == "self_grant"


def test_who_may_give(people: People, model: RegisteredModel) -> None:
    marta, henrik, eve = people.marta, people.henrik, people.eve
    with pytest.raises(NotFoundError):
        access.grant_role(actor=actor_for(eve), role=Role.VIEWER, model=model, user=marta, reason="r")
    with pytest.raises(PermissionDeniedError):
        access.grant_role(actor=actor_for(henrik), role=Role.VIEWER, model=model, user=marta, reason="r")
    with pytest.raises(PermissionDeniedError):
        access.grant_role(actor=actor_for(people.priya), role=Role.VIEWER, user=marta, reason="everywhere")
    token = people.token_of(people.priya, *access.SCOPES)
    with pytest.raises(PermissionDeniedError):
        access.grant_role(actor=token, role=Role.VIEWER, model=model, user=marta, reason="r")
    assert access.grant_role(actor=actor_for(people.ada), role=Role.AUDITOR, user=marta, reason="r").model is None
    with pytest.raises(PermissionDeniedError) as refused:
        access.grant_role(actor=actor_for(people.ada), role=Role.OFFICER, user=marta, reason="r")
    assert refused.value.code == "second_person_required"
    assert access.grant_role(actor=actor_for(people.ada), role=Role.VIEWER, model=model, user=marta, reason="r").pk


def test_a_role_is_given_once(people: People, model: RegisteredModel) -> None:
    grant = factories.grant(Role.VIEWER, to=people.marta, on=model)
    with pytest.raises(ConflictError) as refused:
        factories.grant(Role.VIEWER, to=people.marta, on=model)
    assert refused.value.existing == grant
    factories.grant(Role.VIEWER, to=people.marta)
    factories.grant(Role.VIEWER, to=people.risk_team, on=model)


def test_what_may_not_be_given(people: People, model: RegisteredModel) -> None:
    accounts.deactivate(actor=factories.SETUP, person=people.eve, reason="left")
    group: ReviewerGroup | None
    for role, user, group, on, code in (
        ("emperor", people.marta, None, model, "unknown_role"),
        (Role.VIEWER, None, None, model, "one_subject"),
        (Role.VIEWER, people.marta, people.risk_team, model, "one_subject"),
        (Role.AUDITOR, people.marta, None, model, "organisation_only"),
        (Role.VIEWER, people.eve, None, model, "inactive"),
        (Role.APPROVER, people.ci_retail, None, model, "service_account"),
        (Role.OFFICER, people.ci_retail, None, None, "service_account"),
    ):
        with pytest.raises(ValidationFailedError) as refused:
            access.grant_role(
                actor=factories.SETUP, role=role, user=user, group=group, model=on, reason="the scene of a test"
            )
        assert [error.code for error in refused.value.errors] == [code]
    with pytest.raises(ValidationFailedError) as refused:
        access.grant_role(actor=factories.SETUP, role=Role.VIEWER, user=people.marta, model=model, reason=" ")
    assert refused.value.errors[0].pointer == "/reason"
