"""A version registered by its source alone: its files come later, once, until it enters a protected stage."""

from __future__ import annotations

import io

import pytest
from django.db import IntegrityError, transaction

from audit.models import Event
from governance import promotions
from governance.services import policies
from governance.services import setup as instance
from registry import access
from registry.access import Role
from registry.exceptions import InvalidStateError, NotFoundError, PermissionDeniedError, ValidationFailedError
from registry.models import Artifact, ModelVersion, RegisteredModel, User
from registry.services import attachments, versions
from registry.services.versions import DatasetSpec, VersionSpec
from tests import factories


@pytest.fixture
def model(priya: User) -> RegisteredModel:
    instance.initialise()
    return factories.model(priya, "churn", risk_tier=2)


@pytest.fixture
def bare(model: RegisteredModel, priya: User) -> ModelVersion:
    return factories.version(model, priya, source="s3://models/churn/1")


def attach(version: ModelVersion, by: User, path: str = "model.json", content: bytes = b"{}") -> Artifact:
    actor = access.actor_for(by)
    blob = attachments.store_file(actor=actor, version=version, path=path, stream=io.BytesIO(content))
    return attachments.attach_file(actor=actor, version=version, path=path, blob=blob)


def test_a_file_comes_later_with_its_event_and_a_new_fingerprint(bare: ModelVersion, priya: User) -> None:
    before = bare.fingerprint

    made = attach(bare, priya)

    bare.refresh_from_db()
    assert bare.fingerprint != before
    assert bare.evidence_revision == 1
    event = Event.objects.order_by("-id")[0]
    assert event.action == "artifact.attached"
    assert event.body["data"]["sha256"] == made.sha256
    assert event.body["data"]["fingerprint"] == bare.fingerprint


def test_the_same_bytes_again_change_nothing(bare: ModelVersion, priya: User) -> None:
    first = attach(bare, priya)
    count = Event.objects.count()

    assert attach(bare, priya) == first
    assert Event.objects.count() == count


def test_a_path_is_filled_once(bare: ModelVersion, priya: User) -> None:
    attach(bare, priya)

    with pytest.raises(InvalidStateError) as refused:
        attach(bare, priya, content=b"other")

    assert refused.value.code == "file_attached"


def test_paths_of_a_version_do_not_get_into_each_others_way(bare: ModelVersion, priya: User) -> None:
    attach(bare, priya, "Model.json")

    with pytest.raises(ValidationFailedError):
        attach(bare, priya, "model.json", b"other")


def test_a_version_registered_with_files_takes_no_more(model: RegisteredModel, priya: User) -> None:
    version = factories.version(model, priya, {"model.json": b"{}"})

    assert not attachments.may_attach(version)
    with pytest.raises(InvalidStateError) as refused:
        attach(version, priya, "more.json")

    assert refused.value.code == "version_registered"


def test_who_may_add_versions_may_attach(bare: ModelVersion, eve: User, people: object) -> None:
    with pytest.raises(NotFoundError):
        attach(bare, eve)
    factories.grant(Role.VIEWER, to=eve, on=bare.model)
    with pytest.raises(PermissionDeniedError):
        attach(bare, eve)


def test_files_are_fixed_once_the_version_carried_a_protected_alias(bare: ModelVersion, priya: User) -> None:
    attach(bare, priya)
    policies.publish(
        actor=instance.INSTALLER,
        source="slug: open-door\ntitle: Whoever asks is champion\n"
        "applies_to: {stages: [production], aliases: [champion]}\npriority: 10\n"
        "requires_assessed_tier: false\n",
        reason="the scene of a test",
    )
    asked = promotions.request(
        actor=access.actor_for(priya), version=bare, target_alias="champion", reason="the best there is"
    )
    assert asked.state == "promoted"

    with pytest.raises(InvalidStateError) as refused:
        attach(bare, priya, "late.json")

    assert refused.value.code == "version_registered"


def test_the_database_holds_the_same_rule(bare: ModelVersion, model: RegisteredModel, priya: User) -> None:
    whole = factories.version(model, priya, {"model.json": b"{}"})
    for version, blob in ((whole, Artifact.objects.get(version=whole).blob_id), (bare, None)):
        with pytest.raises(IntegrityError, match="fixed"), transaction.atomic():
            Artifact.objects.create(version=version, path="late", sha256=blob or "0" * 64, size=2, blob_id=blob)


def test_the_same_declaration_is_found_again_unless_another_version_is_meant(
    model: RegisteredModel, priya: User
) -> None:
    actor = access.actor_for(priya)
    spec = VersionSpec(source="s3://models/churn/1", datasets=[DatasetSpec("training", "loans")])
    first = versions.declare_version(actor=actor, model=model, spec=spec)
    assert versions.declare_version(actor=actor, model=model, spec=spec) == first
    assert versions.declare_version(actor=actor, model=model, spec=spec, reuse=False).number == 2
