"""The people of every test, each with the same place in the organisation.

`people.priya` makes Priya when she is first called for; a test pays for those it names. Accounts have the password
`factories.PASSWORD`.
"""

from __future__ import annotations

from functools import cached_property

import pytest

from audit.actor import Actor
from registry.access import Role
from registry.models import ReviewerGroup, User
from registry.services import tokens
from tests import factories


class People:
    """Who is who."""

    @cached_property
    def marta(self) -> User:
        """Reviews models for the risk team."""
        return factories.person("marta", name="Marta Kovač", title="Head of Model Risk", email="marta@bank.example")

    @cached_property
    def aiko(self) -> User:
        """Reviews models for the risk team."""
        return factories.person("aiko", name="Aiko Tanaka", title="Validator", email="aiko@bank.example")

    @cached_property
    def chen(self) -> User:
        """Reviews models for the business."""
        return factories.person("chen", name="Chen Wei", title="Business owner", email="chen@bank.example")

    @cached_property
    def henrik(self) -> User:
        """Compliance officer: policies and reviewer groups."""
        user = factories.person("henrik", name="Henrik Aas", title="Compliance officer", email="henrik@bank.example")
        factories.grant(Role.OFFICER, to=user)
        return user

    @cached_property
    def dorothy(self) -> User:
        """Second compliance officer: confirms what Henrik proposes."""
        user = factories.person("dorothy", name="Dorothy Mensah", title="Compliance officer", email="d@bank.example")
        factories.grant(Role.OFFICER, to=user)
        return user

    @cached_property
    def priya(self) -> User:
        """Develops models and registers them."""
        return factories.person("priya", name="Priya Nair", title="ML engineer", email="priya@bank.example")

    @cached_property
    def ingrid(self) -> User:
        """Auditor: sees all, changes nothing."""
        user = factories.person("ingrid", name="Ingrid Dahl", title="Internal audit", email="ingrid@bank.example")
        factories.grant(Role.AUDITOR, to=user)
        return user

    @cached_property
    def ada(self) -> User:
        """Administrator and superuser."""
        return factories.person("ada", name="Ada Byrne", is_staff=True, is_superuser=True, email="ada@bank.example")

    @cached_property
    def ci_retail(self) -> User:
        """The service account of the retail team's pipeline."""
        return factories.person("ci-retail", name="CI retail", kind=User.Kind.SERVICE)

    @cached_property
    def eve(self) -> User:
        """Has an account and no rights to anything in particular."""
        return factories.person("eve", name="Eve Outsider", email="eve@bank.example")

    @cached_property
    def risk_team(self) -> ReviewerGroup:
        """Marta and Aiko."""
        return factories.group("risk-team", self.marta, self.aiko)

    def take(self, others: People) -> None:
        """Take over the people that were made for a scene, each read again from the database."""
        for name, made in vars(others).items():
            vars(self)[name] = type(made)._default_manager.get(pk=made.pk)

    def token_of(self, user: User, *scopes: str, models: list[str] | None = None) -> Actor:
        """The actor that signs in with a fresh token of that person."""
        token, _ = factories.token(user, scopes, models)
        return tokens.actor_of(token)


@pytest.fixture
def people(db: None) -> People:
    """Everybody, made when first named."""
    return People()


@pytest.fixture
def lifecycle(db: None) -> None:
    """The default stages, moves and protected alias."""
    factories.lifecycle()


@pytest.fixture
def marta(people: People) -> User:
    return people.marta


@pytest.fixture
def aiko(people: People) -> User:
    return people.aiko


@pytest.fixture
def chen(people: People) -> User:
    return people.chen


@pytest.fixture
def henrik(people: People) -> User:
    return people.henrik


@pytest.fixture
def priya(people: People) -> User:
    return people.priya


@pytest.fixture
def ingrid(people: People) -> User:
    return people.ingrid


@pytest.fixture
def ada(people: People) -> User:
    return people.ada


@pytest.fixture
def ci_retail(people: People) -> User:
    return people.ci_retail


@pytest.fixture
def eve(people: People) -> User:
    return people.eve
