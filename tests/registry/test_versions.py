"""Versions: declared, filled with the very files that were declared, registered; the same again is found again."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from registry import storage
from registry.access import Role, actor_for
from registry.exceptions import InvalidStateError, NotFoundError, PermissionDeniedError, ValidationFailedError
from registry.models import Blob, DatasetReference, ModelVersion, RegisteredModel, StageOccupancy
from registry.services import archiving, versions
from registry.services.versions import ArtifactSpec, DatasetSpec, MetricSpec, VersionSpec
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db

WEIGHTS = os.urandom(300_000)
FILES = [factories.artifact("model/weights.bin", WEIGHTS), factories.artifact("README.md", b"# Read me")]


def declared(people: People, model: RegisteredModel, **spec: Any) -> ModelVersion:
    return versions.declare_version(actor=actor_for(people.priya), model=model, spec=VersionSpec(**spec))


def store(people: People, version: ModelVersion, path: str, content: bytes) -> None:
    versions.store_artifact(actor=actor_for(people.priya), version=version, path=path, stream=io.BytesIO(content))


def test_a_version_without_files_is_registered_at_once(
    people: People, model: RegisteredModel, recorded: Recorded
) -> None:
    with recorded() as events:
        version = declared(people, model, source="s3://bucket/model", parameters={"lr": 0.1})
    (event,) = events
    assert (event.action, event.actor_id, event.thing_id) == (
        "version.registered",
        people.priya.uid,
        str(version.uid),
    )
    assert (version.number, version.status, version.stage.slug) == (1, "registered", "development")
    assert event.body["data"]["fingerprint"] == version.fingerprint
    occupancy = StageOccupancy.objects.get(version=version)
    assert (occupancy.opened_event, occupancy.opened_at) == (event.event_id, event.happened_at)
    assert version.registered_at == event.happened_at
    connection.check_constraints()


def test_a_version_with_files_is_registered_when_all_are_stored(
    people: People, model: RegisteredModel, recorded: Recorded
) -> None:
    priya = actor_for(people.priya)
    with recorded() as events:
        version = declared(people, model, artifacts=FILES)
        assert (version.status, version.fingerprint) == ("registering", "")
        with pytest.raises(InvalidStateError) as refused:
            versions.complete_registration(actor=priya, version=version)
        assert (refused.value.code, set(refused.value.requirements)) == (
            "files_missing",
            {"README.md", "model/weights.bin"},
        )
        store(people, version, "model/weights.bin", WEIGHTS)
        store(people, version, "README.md", b"# Read me")
        done = versions.complete_registration(actor=priya, version=version)
    assert [event.action for event in events] == [
        "version.declared",
        "artifact.stored",
        "artifact.stored",
        "version.registered",
    ]
    assert {event.actor_id for event in events} == {people.priya.uid}
    assert "weights.bin" not in bytes(events[1].leaf).decode()
    assert (done.status, len(done.fingerprint)) == ("registered", 64)
    with storage.open_blob(FILES[0].sha256) as file:
        assert file.read() == WEIGHTS
    with recorded() as events:
        assert versions.complete_registration(actor=priya, version=done).pk == done.pk
    assert events == []
    connection.check_constraints()


def test_other_bytes_than_declared_are_refused_and_not_kept(people: People, model: RegisteredModel) -> None:
    version = declared(people, model, artifacts=FILES)
    blobs = Blob.objects.count()
    for content, code in (
        (b"x" * len(WEIGHTS), "wrong_digest"),
        (WEIGHTS + b"x", "wrong_size"),
        (WEIGHTS[:-1], "wrong_size"),
        (b"", "wrong_size"),
    ):
        with pytest.raises(ValidationFailedError) as refused:
            store(people, version, "model/weights.bin", content)
        assert [error.code for error in refused.value.errors] == [code]
        assert "Nothing was kept" in refused.value.detail
    assert Blob.objects.count() == blobs
    assert version.artifacts.filter(blob__isnull=False).count() == 0


def test_of_a_file_that_announces_another_size_no_byte_is_read(people: People, model: RegisteredModel) -> None:
    class Untouched:
        def read(self, size: int, /) -> bytes:
            raise AssertionError("it was read")

    version = declared(people, model, artifacts=FILES)
    priya = actor_for(people.priya)
    with pytest.raises(ValidationFailedError, match="not as many"):
        versions.store_artifact(actor=priya, version=version, path="README.md", stream=Untouched(), announced=10**12)
    with pytest.raises(ValidationFailedError, match="at most 268,435,456 bytes"):
        versions.store_evidence(
            actor=priya, version=version, kind="evaluation.table", stream=Untouched(), announced=10**9
        )


def test_a_file_that_was_not_declared_has_no_place(people: People, model: RegisteredModel) -> None:
    version = declared(people, model, artifacts=FILES)
    with pytest.raises(NotFoundError):
        store(people, version, "other.bin", b"x")


def test_the_same_upload_again_changes_nothing(people: People, model: RegisteredModel, recorded: Recorded) -> None:
    version = declared(people, model, artifacts=FILES)
    store(people, version, "README.md", b"# Read me")
    with recorded() as events:
        store(people, version, "README.md", b"# Read me")
    assert events == []


def test_a_digest_is_no_proof_of_having_the_file(people: People, model: RegisteredModel) -> None:
    factories.version(model, people.priya, {"secret.bin": b"only Priya has this"})
    other = factories.model(people.eve, "copycat")
    version = versions.declare_version(
        actor=actor_for(people.eve),
        model=other,
        spec=VersionSpec(artifacts=[factories.artifact("mine.bin", b"only Priya has this")]),
    )
    with pytest.raises(InvalidStateError):
        versions.complete_registration(actor=actor_for(people.eve), version=version)


def test_files_of_a_registered_version_are_fixed(people: People, version: ModelVersion) -> None:
    with pytest.raises(InvalidStateError) as refused:
        store(people, version, "model/weights.bin", b"weights")
    assert refused.value.code == "version_registered"


def test_a_stored_file_that_vanished_holds_the_registration_up(people: People, model: RegisteredModel) -> None:
    version = declared(people, model, artifacts=[factories.artifact("a", b"about to vanish")])
    store(people, version, "a", b"about to vanish")
    storage.path_of(factories.artifact("a", b"about to vanish").sha256).unlink()
    with pytest.raises(InvalidStateError) as refused:
        versions.complete_registration(actor=actor_for(people.priya), version=version)
    assert refused.value.requirements == ("a",)


def test_numbers_follow_each_other_and_are_never_reused(people: People, model: RegisteredModel) -> None:
    numbers = [declared(people, model, description=str(n)).number for n in range(3)]
    assert numbers == [1, 2, 3]
    assert RegisteredModel.objects.get(pk=model.pk).next_version == 4


def test_the_same_declaration_by_the_same_token_is_found_again(
    people: People, model: RegisteredModel, recorded: Recorded
) -> None:
    factories.grant(Role.REGISTRAR, to=people.ci_retail, on=model)
    actor = people.token_of(people.ci_retail, "versions:write")
    spec = VersionSpec(
        artifacts=FILES, parameters={"lr": 0.1, "big": 1e300}, metrics=[MetricSpec("auc", 0.9)], card="# Card"
    )
    first = versions.declare_version(actor=actor, model=model, spec=spec)
    assert not first.found
    assert first.registered_with is not None
    assert (first.registered_by, first.registered_with.uid) == (people.ci_retail, actor.id)
    with recorded() as events:
        again = versions.declare_version(actor=actor, model=model, spec=replace(spec, artifacts=FILES[::-1]))
    assert (again.pk, again.found, events) == (first.pk, True, [])
    for content in ((FILES[0].path, WEIGHTS), ("README.md", b"# Read me")):
        versions.store_artifact(actor=actor, version=first, path=content[0], stream=io.BytesIO(content[1]))
    versions.complete_registration(actor=actor, version=first)
    assert versions.declare_version(actor=actor, model=model, spec=spec).pk == first.pk
    assert versions.declare_version(actor=actor, model=model, spec=spec, reuse=False).pk != first.pk
    changed = replace(spec, parameters={"lr": 0.2})
    assert versions.declare_version(actor=actor, model=model, spec=changed).pk != first.pk
    other_token = people.token_of(people.ci_retail, "versions:write")
    assert versions.declare_version(actor=other_token, model=model, spec=spec).registered_with_id != (
        first.registered_with_id
    )


def test_who_may_add_versions(people: People, model: RegisteredModel) -> None:
    with pytest.raises(NotFoundError):
        versions.declare_version(actor=actor_for(people.eve), model=model, spec=VersionSpec())
    factories.grant(Role.VIEWER, to=people.eve, on=model)
    with pytest.raises(PermissionDeniedError) as refused:
        versions.declare_version(actor=actor_for(people.eve), model=model, spec=VersionSpec())
    assert "Priya Nair can grant it" in refused.value.detail
    factories.grant(Role.REGISTRAR, to=people.eve, on=model)
    assert versions.declare_version(actor=actor_for(people.eve), model=model, spec=VersionSpec()).number == 1
    with pytest.raises(PermissionDeniedError):
        versions.declare_version(actor=factories.SETUP, model=model, spec=VersionSpec())


def test_an_archived_model_takes_no_versions(people: People, model: RegisteredModel) -> None:
    archiving.archive_model(actor=actor_for(people.priya), model=model, reason="out of use")
    with pytest.raises(InvalidStateError) as refused:
        declared(people, model)
    assert refused.value.code == "model_archived"


@pytest.mark.parametrize(
    ("spec", "pointer", "code"),
    [
        ({"artifacts": [ArtifactSpec("../x", "a" * 64, 1)]}, "/artifacts/0/path", "parent_folder"),
        ({"artifacts": [ArtifactSpec("x", "A" * 64, 1)]}, "/artifacts/0/sha256", "sha256"),
        ({"artifacts": [ArtifactSpec("x", "a" * 64, -1)]}, "/artifacts/0/size", "size"),
        ({"artifacts": [ArtifactSpec("x", "a" * 64, 2000)]}, "/artifacts/0/size", "too_large"),
        ({"artifacts": [ArtifactSpec(n, "a" * 64, 800) for n in "xyz"]}, "/artifacts", "too_large"),
        ({"artifacts": [ArtifactSpec(n, "a" * 64, 1) for n in "abcdef"]}, "/artifacts", "too_many"),
        ({"metrics": [MetricSpec("auc", float("nan"))]}, "/metrics/0/value", "not_finite"),
        ({"metrics": [MetricSpec("auc", 1), MetricSpec("auc", 2)]}, "/metrics/1", "twice"),
        ({"metrics": [MetricSpec("", 1)]}, "/metrics/0/name", "required"),
        ({"card": "x" * 262_145}, "/card", "too_large"),
        ({"card": "é" * 200_000}, "/card", "too_large"),
        ({"code_commit": "main"}, "/code_commit", "commit_form"),
        ({"code_commit": "abc1234"}, "/code_commit", "commit_form"),
        ({"run_link": "x" * 2001}, "/run_link", "too_long"),
        ({"parameters": {"lr": float("inf")}}, "/parameters/lr", "not_finite"),
        ({"datasets": [DatasetSpec("holdout", "d")]}, "/datasets/0/role", "unknown_role"),
        ({"datasets": [DatasetSpec("training", "")]}, "/datasets/0/name", "required"),
        (
            {"datasets": [DatasetSpec("training", "d", digest_algorithm="sha256", digest="abc")]},
            "/datasets/0/digest",
            "digest_form",
        ),
        ({"datasets": [DatasetSpec("training", "d", digest="abc")]}, "/datasets/0/digest_algorithm", "required"),
        ({"tags": {"a": 1}}, "/tags/a", "not_text"),
        ({"source": "a\nb"}, "/source", "invisible_characters"),
        ({"environment_lock": "numpy==2\x00"}, "/environment_lock", "control_characters"),
    ],
)
def test_what_a_version_may_not_be(
    people: People, model: RegisteredModel, settings: Settings, spec: dict[str, Any], pointer: str, code: str
) -> None:
    settings.COUNTERSIGN_MAX_FILES = 5
    settings.COUNTERSIGN_MAX_FILE_BYTES = 1000
    settings.COUNTERSIGN_MAX_VERSION_BYTES = 2000
    with pytest.raises(ValidationFailedError) as refused:
        declared(people, model, **spec)
    assert [(error.pointer, error.code) for error in refused.value.errors] == [(pointer, code)]
    assert model.versions.count() == 0


def test_datasets_carry_the_strength_of_their_digest(people: People, model: RegisteredModel) -> None:
    version = declared(
        people,
        model,
        datasets=[
            DatasetSpec("training", "loans", "2026-06", "s3://d", "sha256", "a" * 64),
            DatasetSpec("validation", "loans", digest_algorithm="git", digest="b" * 40),
            DatasetSpec("evaluation", "loans"),
        ],
    )
    kept = {row.role: row.strength for row in DatasetReference.objects.filter(version=version)}
    assert kept == {"training": "strong", "validation": "medium", "evaluation": "weak"}


def test_parents_are_versions_one_may_see(people: People, version: ModelVersion) -> None:
    model = version.model
    child = declared(people, model, parents=[version])
    assert list(child.parents.all()) == [version]
    hidden = factories.version(factories.model(people.eve), people.eve)
    with pytest.raises(ValidationFailedError) as refused:
        declared(people, model, parents=[hidden], description="other")
    assert refused.value.errors[0].code == "unknown_version"
    connection.check_constraints()
