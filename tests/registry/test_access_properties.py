"""For any grants: a list shows what a look-up allows, holders are those who can, guardian's rows follow the grants."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from guardian.shortcuts import get_objects_for_user, get_perms, get_users_with_perms
from hypothesis import HealthCheck, Phase, example, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from audit import clock
from registry import access
from registry.access import Permission, Role, actor_for, visibility_lists
from registry.access.backend import RoleBackend
from registry.access.permissions import ORGANISATION_ONLY, ROLE_PERMISSIONS
from registry.exceptions import DomainError
from registry.models import (
    IS_CURRENT,
    Grant,
    ModelGroupPermission,
    ModelUserPermission,
    RegisteredModel,
    ReviewerGroup,
    User,
    active_grants_q,
    not_expired_q,
)
from registry.services import people as accounts
from registry.services import tokens
from tests import factories
from tests.registry.conftest import in_sight

pytestmark = pytest.mark.django_db

NOW = clock.now()
MEMBERSHIPS = {
    "now": (None, None),
    "not yet": (timedelta(days=5), None),
    "until soon": (None, timedelta(days=5)),
    "removed": (None, None),
}

GivenRole = tuple[Role, int, int | None, bool, int | None]


@dataclass(frozen=True)
class World:
    users: list[User]
    groups: list[ReviewerGroup]
    models: list[RegisteredModel]


@pytest.fixture
def world(lifecycle: None) -> World:
    """Three people, a superuser, a service account, one who left; two groups; three models."""
    owner = factories.person("owner")
    users = [factories.person() for _ in range(3)]
    users.append(factories.person(is_superuser=True))
    users.append(factories.person(kind=User.Kind.SERVICE))
    left = accounts.deactivate(actor=factories.SETUP, person=factories.person(), reason="left")
    return World(
        [*users, left], [factories.group() for _ in range(2)], [factories.model(owner, f"m{n}") for n in range(3)]
    )


grants = st.lists(
    st.tuples(
        st.sampled_from(list(Role)),
        st.integers(0, 7),  # a person or one of the two groups
        st.sampled_from([None, 0, 1, 2]),
        st.booleans(),  # taken back again
        st.sampled_from([None, None, 2, 5]),  # days until it ends by itself
    ),
    max_size=8,
)
memberships = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1), st.sampled_from(list(MEMBERSHIPS))), max_size=6)
limits = st.tuples(
    st.one_of(st.none(), st.frozensets(st.sampled_from(access.SCOPES), min_size=1)),
    st.one_of(st.none(), st.frozensets(st.sampled_from(["m0", "m1", "m2"]), min_size=1)),
)


def arrange(world: World, given_roles: list[GivenRole], joins: list[tuple[int, int, str]]) -> None:
    for person, group, kind in joins:
        begins, ends = (NOW + delta if delta is not None else None for delta in MEMBERSHIPS[kind])
        user, team = world.users[person], world.groups[group]
        try:
            accounts.add_member(
                actor=factories.SETUP, group=team, user=user, valid_from=begins, valid_until=ends, reason="r"
            )
            if kind == "removed":
                accounts.remove_member(actor=factories.SETUP, group=team, user=user, reason="r")
        except DomainError:
            continue
    for role, subject, place, revoked, days in given_roles:
        to = world.users[subject] if subject < 6 else world.groups[subject - 6]
        on = world.models[place] if place is not None and role not in ORGANISATION_ONLY else None
        ends = clock.now() + timedelta(days=days) if days is not None else None
        with suppress(DomainError):
            grant = factories.grant(role, to=to, on=on, expires_at=ends)
            if revoked:
                access.revoke_role(actor=factories.SETUP, grant=grant, reason="r")


@profile(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # an example asks some hundred questions: shrinking is dear
)
@example(  # who may decide on a model, and administers the organisation: chance seldom finds both
    given_roles=[(Role.APPROVER, 0, 0, False, None), (Role.ADMINISTRATOR, 0, None, False, None)],
    joins=[],
    later=0,
    limit=(None, None),
    asked=Permission.DECIDE,
    swept=False,
)
@given(
    given_roles=grants,
    joins=memberships,
    later=st.sampled_from([0, 3, 7]),
    limit=limits,
    asked=st.sampled_from(list(Permission)),
    swept=st.booleans(),
)
def test_lists_look_ups_and_grants_agree(
    world: World,
    given_roles: list[GivenRole],
    joins: list[tuple[int, int, str]],
    later: int,
    limit: tuple[frozenset[str] | None, frozenset[str] | None],
    asked: Permission,
    swept: bool,
) -> None:
    with transaction.atomic():
        arrange(world, given_roles, joins)
        rows_follow_grants()
        with clock.freeze(clock.now() + timedelta(days=later)):
            if swept:
                for pk in access.expired_grant_ids():
                    access.close_expired_grant(pk)
                assert not Grant.objects.filter(IS_CURRENT, expires_at__lte=clock.now()).exists()
            rows_follow_grants()
            for user in world.users:
                actors = [actor_for(user)]
                if limit[0] is not None and user.is_active:
                    token, _ = factories.token(user, limit[0], limit[1])
                    actors.append(tokens.actor_of(token))
                for actor in actors:
                    visible = set(access.visible_models(actor))
                    assert visible == {m for m in world.models if access.check_permission(actor, Permission.VIEW, m)}
                    assert access.visible_models(actor).count() == len(visible), "no model twice"
                    for few in (0, visibility_lists.MAX_INLINE_IDS):
                        with pytest.MonkeyPatch.context() as patched:
                            patched.setattr(visibility_lists, "MAX_INLINE_IDS", few)
                            assert sorted(m.pk for m in access.visible_models_for_list(actor)) == sorted(
                                m.pk for m in visible
                            )
                            assert in_sight(actor) == {m.pk for m in visible}
                    able = set(access.models_with_permission(actor, asked))
                    assert able == {m for m in world.models if access.check_permission(actor, asked, m)}
            for model in world.models:
                holders = set(access.users_with_permission(asked, model))
                who_can = {user for user in world.users if access.check_permission(actor_for(user), asked, model)}
                assert who_can == holders & set(world.users)
                assert all(user.is_active for user in holders)
                if asked is Permission.DECIDE:
                    assert not any(user.is_superuser or user.kind == User.Kind.SERVICE for user in holders)
                for user in world.users:
                    why = access.explain(user, asked, model)
                    assert why.allowed == (user in who_can), "the reasons given are the reasons"
                able_here = {rights.person for rights in access.effective_permissions_on(model) if rights.may(asked)}
                assert able_here == holders
                for user in who_can - {user for user in world.users if user.is_superuser}:
                    assert access.grants_conferring(user, asked, model).exists()
        if not later:  # the view compares times with the clock of the database
            guardian_agrees(world, asked)
        connection.check_constraints()
        transaction.set_rollback(True)


def guardian_agrees(world: World, asked: Permission) -> None:
    """Django's and guardian's functions give the answers of `registry.access`."""
    name = f"registry.{asked}"
    for user in world.users:
        able = {model for model in world.models if access.check_permission(actor_for(user), asked, model)}
        fresh = User.objects.get(pk=user.pk)
        assert {model for model in world.models if fresh.has_perm(name, model)} == able
        assert set(get_objects_for_user(fresh, name, with_superuser=False)) == able
        assert not fresh.has_perm(name), "a permission on a model is asked for with the model"
        if not fresh.is_superuser:
            assert {model for model in world.models if asked in get_perms(fresh, model)} == able
    for model in world.models:
        holders = set(access.users_with_permission(asked, model))
        assert set(RoleBackend().with_perm(name, obj=model)) == holders
        assert not RoleBackend().with_perm(name, is_active=False, obj=model)
        found: Any = get_users_with_perms(model, attach_perms=True, with_superusers=False)
        assert {user for user, names in found.items() if asked in names and not user.is_superuser} == {
            user for user in holders if not user.is_superuser
        }
        assert set(get_users_with_perms(model, only_with_perms_in=[str(asked)])) == holders


def rows_follow_grants() -> None:
    """Guardian's rows in force are the union of what the grants in force on a model bring, until the last of those
    ends, and nothing else."""
    now = clock.now()
    wanted: dict[tuple[object, ...], datetime | None] = {}
    for grant in Grant.objects.filter(active_grants_q(now), model__isnull=False):
        for permission in ROLE_PERMISSIONS[Role(grant.role)]:
            subject = ("user", grant.user_id) if grant.user_id else ("group", grant.group_id)
            key = (*subject, grant.model_id, str(permission))
            known = wanted.get(key, grant.expires_at)
            wanted[key] = max(known, grant.expires_at) if known and grant.expires_at else None
    columns = ("content_object_id", "permission__codename", "expires_at")
    users = ModelUserPermission.objects.filter(not_expired_q(now)).values_list("user_id", *columns)
    groups = ModelGroupPermission.objects.filter(not_expired_q(now)).values_list("group_id", *columns)
    rows = {("user", *row[:3]): row[3] for row in users} | {("group", *row[:3]): row[3] for row in groups}
    assert rows == wanted


def test_view_of_permissions_has_the_pairs_of_the_roles(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_viewdef('registry_effective_user_permission'::regclass)")
        (text,) = cursor.fetchone() or ("",)
    pairs = set(re.findall(r"\('(\w+)'::text,\s*'(\w+)'::text\)", text))

    assert pairs == {(str(role), str(permission)) for role, found in ROLE_PERMISSIONS.items() for permission in found}


def test_permissions_in_the_organisation_are_djangos_too(world: World) -> None:
    officer = factories.person()
    factories.grant(Role.OFFICER, to=officer)
    superuser = next(user for user in world.users if user.is_superuser)

    assert officer.has_perm("registry.manage_policies")
    assert officer.has_module_perms("registry")
    assert not superuser.has_perm("registry.manage_policies")
    assert not superuser.has_perm("auth.add_user")
    assert officer in RoleBackend().with_perm("registry.manage_policies")
