"""Roles with an end: over by the clock at once, closed on the record some time after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from audit import clock
from registry import access
from registry.access import OrgPermission, Permission, Role, actor_for
from registry.exceptions import ConflictError, InvalidStateError, ValidationFailedError
from registry.models import Grant, ModelUserPermission, RegisteredModel, User
from registry.services import models
from registry.services import people as accounts
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded, in_sight

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def lent(role: Role, to: Any, on: RegisteredModel | None, days: float) -> Grant:
    return factories.grant(role, to=to, on=on, expires_at=clock.now() + days * DAY)


@pytest.mark.parametrize("by_group", [False, True], ids=["person", "group"])
def test_a_role_is_over_when_the_clock_says_so(people: People, model: RegisteredModel, by_group: bool) -> None:
    marta, actor = people.marta, actor_for(people.marta)
    grant = lent(Role.APPROVER, factories.group("team", marta) if by_group else marta, model, 7)
    assert access.check_permission(actor, Permission.DECIDE, model)
    with clock.freeze(clock.now() + 8 * DAY):
        assert not access.check_permission(actor, Permission.DECIDE, model)
        assert not access.check_permission(actor, Permission.VIEW, model)
        assert model not in access.visible_models(actor)
        assert model.pk not in in_sight(actor)
        assert model.pk in in_sight(actor_for(people.priya))
        assert not access.models_with_permission(actor, Permission.DECIDE).exists()
        assert marta not in access.users_with_permission(Permission.DECIDE, model)
        assert not access.grants_conferring(marta, Permission.DECIDE, model).exists()
        assert Grant.objects.get(pk=grant.pk).closed_at is None, "nobody closed it yet"


def test_an_organisation_wide_role_ends_too(people: People, model: RegisteredModel) -> None:
    lent(Role.AUDITOR, people.marta, None, 7)
    actor = actor_for(people.marta)
    assert access.check_org_permission(actor, OrgPermission.READ_AUDIT)
    with clock.freeze(clock.now() + 7 * DAY + timedelta(seconds=1)):
        assert not access.check_org_permission(actor, OrgPermission.READ_AUDIT)
        assert access.check_org_permission(actor, OrgPermission.REGISTER_MODEL)
        assert not access.check_permission(actor, Permission.VIEW, model)
        assert model.pk not in in_sight(actor)


def test_the_longer_of_two_roles_counts(people: People, model: RegisteredModel) -> None:
    actor = actor_for(people.marta)
    lent(Role.VIEWER, people.marta, model, 3)
    longer = lent(Role.DEVELOPER, people.marta, model, 9)
    with clock.freeze(clock.now() + 5 * DAY):
        assert access.check_permission(actor, Permission.VIEW, model)
        access.revoke_role(actor=factories.SETUP, grant=longer, reason="r")
        assert not access.check_permission(actor, Permission.VIEW, model)
    assert not ModelUserPermission.objects.filter(user=people.marta).exists()


def test_a_round_closes_what_has_ended_with_an_event(
    people: People, model: RegisteredModel, recorded: Recorded
) -> None:
    grant = lent(Role.VIEWER, people.marta, model, 7)
    lent(Role.VIEWER, people.aiko, model, 30)
    assert access.expired_grant_ids() == []
    assert not access.close_expired_grant(grant.pk)
    with clock.freeze(clock.now() + 8 * DAY):
        assert access.expired_grant_ids() == [grant.pk]
        with recorded() as events:
            assert access.close_expired_grant(grant.pk)
            assert not access.close_expired_grant(grant.pk), "a second ring finds nothing to do"
        assert [(event.action, event.actor_id) for event in events] == [("grant.expired", "access-keeper")]
        assert access.expired_grant_ids() == []
    closed = Grant.objects.get(pk=grant.pk)
    assert closed.closed_event == events[0].event_id
    assert not ModelUserPermission.objects.filter(user=people.marta).exists()
    assert not access.close_expired_grant(999_999)


def test_a_role_is_given_anew_after_its_end(people: People, model: RegisteredModel, recorded: Recorded) -> None:
    lent(Role.VIEWER, people.marta, model, 7)
    with pytest.raises(ConflictError) as refused:
        factories.grant(Role.VIEWER, to=people.marta, on=model)
    assert "revoke that grant first" in refused.value.detail
    with clock.freeze(clock.now() + 8 * DAY), recorded() as events:
        factories.grant(Role.VIEWER, to=people.marta, on=model)
        assert access.check_permission(actor_for(people.marta), Permission.VIEW, model)
    assert [event.action for event in events] == ["grant.expired", "grant.given"]


def test_what_has_ended_cannot_be_taken_back_and_an_end_lies_ahead(people: People, model: RegisteredModel) -> None:
    grant = lent(Role.VIEWER, people.marta, model, 7)
    with clock.freeze(clock.now() + 8 * DAY), pytest.raises(InvalidStateError):
        access.revoke_role(actor=factories.SETUP, grant=grant, reason="r")
    with pytest.raises(ValidationFailedError) as refused:
        lent(Role.VIEWER, people.aiko, model, -1)
    assert refused.value.errors[0].pointer == "/expires_at"


def test_an_end_is_fixed(people: People, model: RegisteredModel) -> None:
    grant = lent(Role.VIEWER, people.marta, model, 7)
    with pytest.raises(DatabaseError), transaction.atomic():
        Grant.objects.filter(pk=grant.pk).update(expires_at=clock.now() + 99 * DAY)


# --- somebody answers for every model ---


def own(model: RegisteredModel, user: User) -> Grant:
    return Grant.objects.get(model=model, user=user, role=Role.OWNER)


def test_the_last_active_owner_stays(people: People, model: RegisteredModel) -> None:
    grant = own(model, people.priya)
    with pytest.raises(InvalidStateError) as refused:
        access.revoke_role(actor=actor_for(people.ada), grant=grant, reason="r")
    assert refused.value.code == "last_owner"
    assert "Priya Nair is the last active owner" in refused.value.detail
    lent(Role.OWNER, people.marta, model, 5)
    factories.grant(Role.OWNER, to=factories.group("nobody"), on=model)
    factories.grant(Role.OWNER, to=people.ci_retail, on=model)
    with pytest.raises(InvalidStateError):
        access.revoke_role(actor=actor_for(people.ada), grant=grant, reason="none of those lasts or answers")
    factories.grant(Role.OWNER, to=factories.group("team", people.chen), on=model)
    assert access.revoke_role(actor=actor_for(people.ada), grant=grant, reason="Chen does").closed_at


def test_the_role_of_who_left_may_be_taken_from_a_model_without_owner(people: People, model: RegisteredModel) -> None:
    accounts.deactivate(actor=factories.SETUP, person=people.priya, reason="left")
    assert access.revoke_role(actor=actor_for(people.ada), grant=own(model, people.priya), reason="left").closed_at


def test_who_is_named_owner_again_after_an_end_holds_the_role(people: People, model: RegisteredModel) -> None:
    lent(Role.OWNER, people.marta, model, 5)
    with clock.freeze(clock.now() + 6 * DAY):
        models.update_model(actor=actor_for(people.priya), model=model, owner=people.marta)
        assert access.check_permission(actor_for(people.marta), Permission.GRANT_ROLE, model)
