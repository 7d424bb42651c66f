"""Accounts and reviewer groups: who may make them, what is recorded, what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from audit import clock
from audit.selectors import private_values
from registry import access
from registry.access import Role, actor_for
from registry.exceptions import (
    ConflictError,
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)
from registry.models import Membership, User
from registry.services import people as service
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db


def test_registering_a_person_is_one_event_that_holds_no_personal_data(people: People, recorded: Recorded) -> None:
    ada = people.ada
    with recorded() as events:
        user = service.register_person(
            actor=actor_for(ada),
            username="noor",
            name="Noor Haddad",
            email="noor@bank.example",
            title="Analyst",
            password=factories.PASSWORD,
        )
    (event,) = events
    assert (event.action, event.actor_id, event.thing_id) == ("person.registered", ada.uid, user.uid)
    leaf = bytes(event.leaf).decode()
    for personal in ("noor", "Noor", "Haddad", "bank.example", "Analyst"):
        assert personal not in leaf
    assert set(private_values(event).values()) == {"noor", "Noor Haddad", "noor@bank.example", "Analyst"}
    assert user.check_password(factories.PASSWORD)
    connection.check_constraints()


def test_only_who_manages_people_makes_accounts(people: People) -> None:
    for user in (people.eve, people.priya, people.henrik, people.ingrid):
        with pytest.raises(PermissionDeniedError) as refused:
            service.register_person(actor=actor_for(user), username="x", name="X")
        assert "administrator" in refused.value.detail
    administrator = factories.person("olga")
    factories.grant(Role.ADMINISTRATOR, to=administrator)
    assert service.register_person(actor=actor_for(administrator), username="x", name="X").pk
    with pytest.raises(PermissionDeniedError) as refused:
        service.register_person(actor=actor_for(administrator), username="root", name="Root", is_superuser=True)
    assert refused.value.code == "superuser_required"


@pytest.mark.parametrize(
    ("facts", "pointer", "code"),
    [
        ({"username": "marta"}, "/username", "taken"),
        ({"username": "MARTA"}, "/username", "taken"),
        ({"username": "a b"}, "/username", "username"),
        ({"username": ""}, "/username", "required"),
        ({"name": " "}, "/name", "required"),
        ({"email": "not an address"}, "/email", "email"),
        ({"password": "short"}, "/password", "weak_password"),
        ({"kind": "robot"}, "/kind", "unknown_kind"),
        ({"kind": "service", "password": factories.PASSWORD}, "/password", "service_account"),
        ({"kind": "service", "is_staff": True}, "/is_staff", "service_account"),
    ],
)
def test_what_an_account_may_not_be(people: People, facts: dict[str, str], pointer: str, code: str) -> None:
    assert people.marta
    with pytest.raises(ValidationFailedError) as refused:
        service.register_person(actor=factories.SETUP, **{"username": "nn", "name": "N. N.", **facts})  # type: ignore[arg-type]  # the arguments of the case have many types
    assert (pointer, code) in {(error.pointer, error.code) for error in refused.value.errors}


def test_a_password_is_set_by_its_owner_or_who_manages_people(people: People, recorded: Recorded) -> None:
    with recorded() as events:
        service.set_password(actor=actor_for(people.eve), person=people.eve, password="another-Password-77")
    assert [(e.action, e.actor_id) for e in events[-1:]] == [("person.password_set", people.eve.uid)]
    assert User.objects.get(pk=people.eve.pk).check_password("another-Password-77")
    token = people.token_of(people.eve, "models:read")
    service.set_password(actor=actor_for(people.ada), person=people.eve, password="a-third-Password-78")
    with pytest.raises(PermissionDeniedError):
        service.set_password(actor=actor_for(people.priya), person=people.eve, password="yet-another-Password-79")
    with pytest.raises(PermissionDeniedError) as refused:
        service.set_password(actor=token, person=people.eve, password="yet-another-Password-79")
    assert refused.value.code == "person_required"
    with pytest.raises(ValidationFailedError):
        service.set_password(actor=actor_for(people.ada), person=people.ci_retail, password="yet-another-Password-79")
    administrator = factories.person("olga")
    factories.grant(Role.ADMINISTRATOR, to=administrator)
    with pytest.raises(PermissionDeniedError) as refused:
        service.set_password(actor=actor_for(administrator), person=people.ada, password="yet-another-Password-79")
    assert refused.value.code == "superuser_required"


def test_an_account_is_updated_once_for_what_differs(people: People, recorded: Recorded) -> None:
    eve = people.eve
    with recorded() as events:
        service.update_person(actor=actor_for(eve), person=eve, name="Eve Outsider", title="Trainee")
    (event,) = events
    assert [change["field"] for change in event.body["changes"]] == ["title"]
    with recorded() as events:
        service.update_person(actor=actor_for(eve), person=eve, title="Trainee")
    assert events == []


def test_a_deactivated_account_may_do_nothing(people: People, recorded: Recorded) -> None:
    eve = people.eve
    with recorded() as events:
        service.deactivate(actor=actor_for(people.ada), person=eve, reason="left the bank")
    assert [e.action for e in events][-1] == "person.deactivated"
    assert events[-1].body["changes"] == [{"field": "is_active", "from": True, "to": False}]
    assert not access.check_org_permission(actor_for(eve), access.OrgPermission.REGISTER_MODEL)
    with pytest.raises(PermissionDeniedError):
        access.require_person(actor_for(eve))
    with pytest.raises(InvalidStateError):
        service.deactivate(actor=actor_for(people.ada), person=eve, reason="again")
    with pytest.raises(PermissionDeniedError) as refused:
        service.deactivate(actor=actor_for(people.ada), person=people.ada, reason="bye")
    assert refused.value.code == "own_account"
    service.reactivate(actor=actor_for(people.ada), person=eve, reason="came back")
    assert access.check_org_permission(actor_for(eve), access.OrgPermission.REGISTER_MODEL)


def test_groups_are_the_officers_business(people: People, recorded: Recorded) -> None:
    henrik, marta = people.henrik, people.marta
    with pytest.raises(PermissionDeniedError):
        service.create_group(actor=actor_for(people.ada), slug="risk-team", name="Risk team")
    with recorded() as events:
        group = service.create_group(actor=actor_for(henrik), slug="risk-team", name="Risk team")
        membership = service.add_member(actor=actor_for(henrik), group=group, user=marta, reason="joins the team")
    assert [(e.action, e.actor_id) for e in events] == [
        ("group.created", henrik.uid),
        ("membership.added", henrik.uid),
    ]
    assert (membership.opened_event, membership.opened_at) == (events[1].event_id, events[1].happened_at)
    assert access.is_member(marta, group)
    with pytest.raises(PermissionDeniedError) as refused:
        service.add_member(actor=actor_for(henrik), group=group, user=henrik, reason="myself")
    assert refused.value.code == "self_grant"
    with pytest.raises(ConflictError) as conflict:
        service.add_member(actor=actor_for(henrik), group=group, user=marta, reason="again")
    assert conflict.value.existing == membership
    with recorded() as events:
        service.remove_member(actor=actor_for(henrik), group=group, user=marta, reason="changes teams")
    assert [e.action for e in events] == ["membership.removed"]
    assert not access.is_member(marta, group)
    with pytest.raises(NotFoundError):
        service.remove_member(actor=actor_for(henrik), group=group, user=marta, reason="again")
    connection.check_constraints()


def test_membership_begins_and_ends_by_the_products_clock(people: People) -> None:
    group, marta, henrik = factories.group("deputies"), people.marta, actor_for(people.henrik)
    now = clock.now()
    service.add_member(
        actor=henrik,
        group=group,
        user=marta,
        valid_from=now + timedelta(days=10),
        valid_until=now + timedelta(days=20),
        reason="deputy in August",
    )
    assert not access.is_member(marta, group)
    with clock.freeze(now + timedelta(days=15)):
        assert access.is_member(marta, group)
        assert list(access.effective_groups(marta)) == [group]
    with clock.freeze(now + timedelta(days=20)):
        assert not access.is_member(marta, group)
        again = service.add_member(actor=henrik, group=group, user=marta, reason="deputy again")
        assert access.is_member(marta, group)
    rows = Membership.objects.filter(group=group, user=marta)
    assert rows.count() == 2
    assert rows.exclude(pk=again.pk).get().closed_event == again.opened_event
    assert access.is_member(marta, group, at=now + timedelta(days=15)), "what held then is still known"
    connection.check_constraints()


def test_a_membership_that_ends_before_it_begins_is_refused(people: People) -> None:
    group, now = factories.group(), clock.now()
    for valid_from, valid_until in ((None, now - timedelta(days=1)), (now + timedelta(2), now + timedelta(1))):
        with pytest.raises(ValidationFailedError) as refused:
            service.add_member(
                actor=factories.SETUP,
                group=group,
                user=people.marta,
                valid_from=valid_from,
                valid_until=valid_until,
                reason="r",
            )
        assert refused.value.errors[0].code == "ends_before_it_begins"


def test_group_names_are_given_once(people: People) -> None:
    factories.group("risk-team")
    with pytest.raises(ValidationFailedError) as refused:
        service.create_group(actor=factories.SETUP, slug="risk-team", name="Risk Team")
    assert {error.pointer for error in refused.value.errors} == {"/slug", "/name"}


def test_django_sees_the_memberships_that_hold(people: People) -> None:
    assert list(people.marta.groups.values_list("name", flat=True)) == []
    group = people.risk_team
    assert [g.pk for g in people.marta.groups.all()] == [group.pk]
