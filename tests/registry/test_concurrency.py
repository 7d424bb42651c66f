"""Two at once: numbers follow each other, names are given once, one of two wins and the other is told."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction

from registry import access
from registry.access import Role, actor_for
from registry.exceptions import ConflictError, DomainError, InvalidStateError, ValidationFailedError
from registry.models import IS_CURRENT, Artifact, Grant, ModelVersion, RegisteredModel
from registry.services import models, versions
from registry.services import people as accounts
from registry.services.versions import MetricSpec, VersionSpec
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Run the acts in threads that start together; returns what each returned or was refused with."""
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            gate.wait(timeout=30)
            return act()
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as threads:
        return [future.result(timeout=60) for future in [threads.submit(run, act) for act in acts]]


def refusals(results: Sequence[Any]) -> list[DomainError]:
    return [result for result in results if isinstance(result, DomainError)]


@pytest.fixture
def registered(people: People) -> RegisteredModel:
    factories.lifecycle()
    return factories.model(people.priya, "credit-risk-pd")


def test_two_registrations_get_two_numbers(people: People, registered: RegisteredModel) -> None:
    priya = actor_for(people.priya)

    def register(name: str) -> Callable[[], ModelVersion]:
        return lambda: versions.declare_version(actor=priya, model=registered, spec=VersionSpec(description=name))

    made = at_once(*(register(str(n)) for n in range(6)))
    assert sorted(version.number for version in made) == [1, 2, 3, 4, 5, 6]
    assert RegisteredModel.objects.get().next_version == 7


def test_the_same_registration_twice_at_once_is_one_version(people: People, registered: RegisteredModel) -> None:
    priya = actor_for(people.priya)
    spec = VersionSpec(parameters={"lr": 0.1})
    made = at_once(*[lambda: versions.declare_version(actor=priya, model=registered, spec=spec)] * 3)
    assert len({version.pk for version in made}) == 1
    assert sorted(version.found for version in made) == [False, True, True]


def test_a_name_is_given_to_one_of_two(people: People, registered: RegisteredModel) -> None:
    priya, ada = actor_for(people.priya), actor_for(people.ada)
    results = at_once(*[lambda: models.register_model(actor=priya, slug="churn")] * 2)
    (refused,) = refusals(results)
    assert isinstance(refused, ValidationFailedError)
    assert refused.errors[0].code == "taken"
    results = at_once(*[lambda: accounts.register_person(actor=ada, username="noor", name="Noor")] * 2)
    assert len(refusals(results)) == 1


def test_a_role_is_given_and_taken_once(people: People, registered: RegisteredModel) -> None:
    priya, marta = actor_for(people.priya), people.marta

    def give() -> Grant:
        return access.grant_role(actor=priya, role=Role.APPROVER, model=registered, user=marta, reason="r")

    results = at_once(give, give)
    assert [type(refusal) for refusal in refusals(results)] == [ConflictError]
    (grant,) = (result for result in results if isinstance(result, Grant))
    results = at_once(*[lambda: access.revoke_role(actor=priya, grant=grant, reason="r")] * 2)
    assert [type(refusal) for refusal in refusals(results)] == [InvalidStateError]
    assert not access.check_permission(actor_for(marta), access.Permission.DECIDE, registered)


def test_two_roles_at_once_leave_the_union(people: People, registered: RegisteredModel) -> None:
    priya, marta = actor_for(people.priya), people.marta
    at_once(
        *(
            lambda role=role: access.grant_role(actor=priya, role=role, model=registered, user=marta, reason="r")
            for role in (Role.REGISTRAR, Role.APPROVER)
        )
    )
    assert Grant.objects.filter(IS_CURRENT, user=marta).count() == 2
    for permission in (access.Permission.VIEW, access.Permission.REGISTER_VERSION, access.Permission.DECIDE):
        assert access.check_permission(actor_for(marta), permission, registered)


def test_the_same_file_twice_at_once_is_stored_once(people: People, registered: RegisteredModel) -> None:
    priya = actor_for(people.priya)
    content = b"x" * 1_000_000
    files = [factories.artifact(path, content) for path in ("a", "b")]
    version = versions.declare_version(actor=priya, model=registered, spec=VersionSpec(artifacts=files))

    def store(path: str) -> Callable[[], Artifact]:
        return lambda: versions.store_artifact(actor=priya, version=version, path=path, stream=io.BytesIO(content))

    stored = at_once(store("a"), store("a"), store("b"), store("b"))
    assert {artifact.blob_id for artifact in stored} == {files[0].sha256}
    assert versions.complete_registration(actor=priya, version=version).status == "registered"


def test_additions_at_once_are_each_counted(people: People, registered: RegisteredModel) -> None:
    priya = actor_for(people.priya)
    version = factories.version(registered, people.priya)
    at_once(
        *(
            lambda n=n: versions.add_metrics(actor=priya, version=version, metrics=[MetricSpec(f"m{n}", float(n))])
            for n in range(4)
        ),
        lambda: versions.add_card(actor=priya, version=version, text="# Card"),
    )
    row = ModelVersion.objects.get(pk=version.pk)
    assert (row.evidence_revision, row.metrics.count(), row.cards.count()) == (5, 4, 1)


def test_an_act_that_fails_leaves_nothing(people: People, registered: RegisteredModel) -> None:
    from audit.models import Event

    events = Event.objects.count()

    def fail() -> None:
        with transaction.atomic():
            factories.version(registered, people.priya)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (Event.objects.count(), ModelVersion.objects.count()) == (events, 0)
    assert factories.version(registered, people.priya).number == 1
