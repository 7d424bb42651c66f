"""The permission matrix: every role and every permission, written out once more by hand."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from audit.actor import Actor, ActorKind, process
from registry import access
from registry.access import OrgPermission, Permission, Role, actor_for
from registry.exceptions import NotFoundError, PermissionDeniedError
from registry.models import RegisteredModel, User
from registry.services import people as accounts
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db

V, E, R, P, D, G = (
    Permission.VIEW,
    Permission.EDIT,
    Permission.REGISTER_VERSION,
    Permission.REQUEST_PROMOTION,
    Permission.DECIDE,
    Permission.GRANT_ROLE,
)
ON_A_MODEL = {
    Role.VIEWER: {V},
    Role.REGISTRAR: {V, R},
    Role.DEVELOPER: {V, E, R, P},
    Role.VALIDATOR: {V, D},
    Role.APPROVER: {V, D},
    Role.OWNER: {V, E, R, P, G},
}
EVERYWHERE = {**ON_A_MODEL, Role.AUDITOR: {V}, Role.OFFICER: {V}, Role.ADMINISTRATOR: {V, G}}
IN_ORGANISATION = {
    Role.AUDITOR: {OrgPermission.READ_AUDIT},
    Role.OFFICER: {
        OrgPermission.REGISTER_MODEL,
        OrgPermission.READ_AUDIT,
        OrgPermission.MANAGE_POLICIES,
        OrgPermission.MANAGE_GROUPS,
        OrgPermission.MANAGE_WEBHOOKS,
    },
    Role.ADMINISTRATOR: {
        OrgPermission.REGISTER_MODEL,
        OrgPermission.MANAGE_PEOPLE,
        OrgPermission.MANAGE_WEBHOOKS,
    },
    **{role: {OrgPermission.REGISTER_MODEL} for role in ON_A_MODEL},
}


def allowed(actor: Actor, model: RegisteredModel) -> set[Permission]:
    return {permission for permission in Permission if access.check_permission(actor, permission, model)}


def allowed_in_organisation(actor: Actor) -> set[OrgPermission]:
    """Of a person, asked one way and the other."""
    can = {permission for permission in OrgPermission if access.check_org_permission(actor, permission)}
    holds = {
        permission
        for permission in OrgPermission
        if access.holders_in_organisation(permission).filter(uid=actor.person).exists()
    }
    assert actor.kind is not ActorKind.PERSON or can == holds
    return can


@pytest.mark.parametrize("by_group", [False, True], ids=["person", "group"])
@pytest.mark.parametrize("role", ON_A_MODEL)
def test_what_a_role_brings_on_one_model(people: People, model: RegisteredModel, role: Role, by_group: bool) -> None:
    marta = people.marta
    factories.grant(role, to=factories.group("team", marta) if by_group else marta, on=model)
    other = factories.model(people.priya, "other")
    assert allowed(actor_for(marta), model) == ON_A_MODEL[role]
    assert allowed(actor_for(marta), other) == set()
    assert list(access.visible_models(actor_for(marta))) == [model]
    assert allowed_in_organisation(actor_for(marta)) == {OrgPermission.REGISTER_MODEL}


@pytest.mark.parametrize("by_group", [False, True], ids=["person", "group"])
@pytest.mark.parametrize("role", EVERYWHERE)
def test_what_a_role_brings_everywhere(people: People, model: RegisteredModel, role: Role, by_group: bool) -> None:
    marta = people.marta
    factories.grant(role, to=factories.group("team", marta) if by_group else marta)
    later = factories.model(people.priya, "registered-later")
    for each in (model, later):
        assert allowed(actor_for(marta), each) == EVERYWHERE[role]
    assert set(access.visible_models(actor_for(marta))) == {model, later}
    assert allowed_in_organisation(actor_for(marta)) == IN_ORGANISATION[role]


def test_without_a_role_one_may_register_models_and_nothing_else(people: People, model: RegisteredModel) -> None:
    eve = actor_for(people.eve)
    assert allowed(eve, model) == set()
    assert not access.visible_models(eve).exists()
    assert allowed_in_organisation(eve) == {OrgPermission.REGISTER_MODEL}


def test_a_superuser_administers_and_decides_nothing(people: People, model: RegisteredModel) -> None:
    ada = actor_for(people.ada)
    assert allowed(ada, model) == {V, G}
    assert allowed_in_organisation(ada) == {
        OrgPermission.REGISTER_MODEL,
        OrgPermission.MANAGE_PEOPLE,
        OrgPermission.MANAGE_WEBHOOKS,
    }
    factories.grant(Role.APPROVER, to=people.ada, on=model)
    denied = access.check_permission(ada, D, model)
    assert isinstance(denied, access.Denied)
    assert "SoD-4" in denied.reason
    assert people.ada not in access.users_with_permission(D, model)


def test_an_administrator_decides_nothing_whatever_else_they_hold(people: People, model: RegisteredModel) -> None:
    factories.grant(Role.APPROVER, to=factories.group("team", people.marta), on=model)
    assert access.check_permission(actor_for(people.marta), D, model)
    factories.grant(Role.ADMINISTRATOR, to=people.marta)
    assert not access.check_permission(actor_for(people.marta), D, model)


def test_a_service_account_decides_nothing(people: People, model: RegisteredModel) -> None:
    factories.grant(Role.APPROVER, to=factories.group("team", people.ci_retail), on=model)
    denied = access.check_permission(actor_for(people.ci_retail), D, model)
    assert isinstance(denied, access.Denied)
    assert "SoD-5" in denied.reason
    assert access.check_permission(actor_for(people.ci_retail), V, model)


def test_a_deactivated_account_may_do_nothing(people: People, model: RegisteredModel) -> None:
    priya = people.priya
    accounts.deactivate(actor=factories.SETUP, person=priya, reason="left")
    assert allowed(actor_for(priya), model) == set()
    assert not access.visible_models(actor_for(priya)).exists()
    assert allowed_in_organisation(actor_for(priya)) == set()
    denied = access.check_permission(actor_for(priya), E, model)
    assert isinstance(denied, access.Denied)
    assert "deactivated" in denied.reason


def test_a_process_does_what_the_product_does_but_never_decides(model: RegisteredModel) -> None:
    worker = process("check-worker")
    assert allowed(worker, model) == set(Permission) - {D}
    assert list(access.visible_models(worker)) == [model]
    assert allowed_in_organisation(worker) == set(OrgPermission)
    assert access.person_of(worker) is None
    with pytest.raises(PermissionDeniedError):
        access.require_person(worker)


@pytest.mark.parametrize(
    ("scope", "permission"),
    [("models:read", V), ("models:write", E), ("versions:write", R), ("promotions:write", P)],
)
def test_a_token_does_what_its_scope_names_and_its_person_may(
    people: People, model: RegisteredModel, scope: str, permission: Permission
) -> None:
    assert allowed(people.token_of(people.priya, scope), model) == {permission}
    assert allowed(people.token_of(people.eve, scope), model) == set()


def test_no_token_decides_grants_or_administers(people: People, model: RegisteredModel) -> None:
    factories.grant(Role.APPROVER, to=people.priya, on=model)
    factories.grant(Role.OFFICER, to=people.priya)
    everything = people.token_of(people.priya, *access.SCOPES)
    assert allowed(everything, model) == {V, E, R, P}
    assert allowed_in_organisation(everything) == {
        OrgPermission.REGISTER_MODEL,
        OrgPermission.READ_AUDIT,
        OrgPermission.MANAGE_WEBHOOKS,
    }
    denied = access.check_permission(everything, D, model)
    assert isinstance(denied, access.Denied)
    assert denied.reason.startswith("No token may decide")
    assert allowed(people.token_of(people.ada, *access.SCOPES), model) == {V}


def test_a_token_sees_the_models_it_is_limited_to(people: People, model: RegisteredModel) -> None:
    other = factories.model(people.priya, "other")
    limited = people.token_of(people.priya, *access.SCOPES, models=[other.slug])
    assert list(access.visible_models(limited)) == [other]
    assert allowed(limited, model) == set()
    with pytest.raises(NotFoundError):
        access.require_permission(limited, E, model)
    blind = people.token_of(people.priya, "versions:write")
    assert not access.visible_models(blind).exists()


def test_invisible_is_absent_and_visible_is_refused_with_the_way_out(people: People, model: RegisteredModel) -> None:
    eve = actor_for(people.eve)
    for permission in Permission:
        with pytest.raises(NotFoundError) as hidden:
            access.require_permission(eve, permission, model)
        assert hidden.value.detail == access.model_not_found_message(model.slug)
        assert hidden.value.who_can == ()
    factories.grant(Role.VIEWER, to=people.eve, on=model)
    access.require_permission(eve, V, model)
    with pytest.raises(PermissionDeniedError) as refused:
        access.require_permission(eve, P, model)
    assert refused.value.detail == (
        "To ask for a promotion you need the role developer or owner on credit-risk-pd. Priya Nair can grant it."
    )
    assert refused.value.who_can == ("Priya Nair",)
    scoped = people.token_of(people.eve, "versions:write")
    with pytest.raises(PermissionDeniedError) as refused:
        access.require_permission(scoped, P, model)
    assert refused.value.code == "missing_scope"
    assert "promotions:write" in refused.value.detail
    with pytest.raises(PermissionDeniedError) as refused:
        access.require_scope(scoped, "promotions:execute")
    assert "promotions:execute" in refused.value.detail


def test_who_can_help_in_the_organisation(people: People) -> None:
    assert people.ada
    denied = access.check_org_permission(actor_for(people.eve), OrgPermission.MANAGE_POLICIES)
    assert isinstance(denied, access.Denied)
    assert denied.reason == "To publish policies you need the role officer. Ada Byrne can grant it."


def test_why_a_person_can(people: People, model: RegisteredModel) -> None:
    direct = factories.grant(Role.APPROVER, to=people.marta, on=model)
    by_group = factories.grant(Role.VALIDATOR, to=people.risk_team)
    factories.grant(Role.VIEWER, to=people.marta)
    assert set(access.grants_conferring(people.marta, D, model)) == {direct, by_group}
    assert set(access.grants_conferring(people.aiko, D, model)) == {by_group}
    assert not access.grants_conferring(people.eve, D, model).exists()


def test_an_answer_is_one_query(
    people: People, model: RegisteredModel, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    priya, eve = actor_for(people.priya), actor_for(people.eve)
    with django_assert_num_queries(1):
        assert access.check_permission(priya, E, model)
    with django_assert_num_queries(1):
        assert not access.check_permission(eve, E, model)
    with django_assert_num_queries(0):
        assert not access.check_permission(
            Actor(kind=priya.kind, id=priya.id, person=priya.person, scopes=frozenset()), E, model
        )
    with django_assert_num_queries(1):
        assert access.check_org_permission(eve, OrgPermission.REGISTER_MODEL)
    with django_assert_num_queries(1):
        assert len(access.visible_models(priya)) == 1


def test_actors_and_accounts_lead_to_each_other(people: People) -> None:
    priya = people.priya
    assert access.person_of(actor_for(priya)) == priya
    assert access.token_of(actor_for(priya)) is None
    actor = people.token_of(priya, "models:read")
    token = access.token_of(actor)
    assert token is not None
    assert (token.person, access.person_of(actor)) == (priya, priya)
    assert User.objects.get(uid=actor.person) == priya
