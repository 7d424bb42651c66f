"""A version that an import put in Production takes no file that nobody reviews: attaching one asks for its approval."""

from __future__ import annotations

import io

import pytest
from django.db import IntegrityError, connection
from pytest_django import Settings

from audit.models import Event
from governance import promotions
from governance.gate import approvals
from governance.integrations.source_sync import copying
from governance.models import PromotionRequest
from governance.services import evidence, policies, setup
from governance.services.evidence import Attached
from registry import access, storage
from registry.access import Role
from registry.exceptions import InvalidStateError, PermissionDeniedError
from registry.models import Artifact, DatasetReference, ModelVersion, User
from registry.services import attachments
from tests import factories
from tests.governance.promotions.test_adopting import adopt, brought, henrik

__all__ = ["henrik"]

OPEN_TO_ALL = """
slug: open-to-all
title: Whoever asks
applies_to: {stages: [production], aliases: [champion]}
priority: 10
"""


@pytest.fixture
def adopted(henrik: User) -> ModelVersion:
    """Version 4, which came in Production and as the champion; its model has a tier."""
    version = brought(henrik, 4, aliases=("champion",))
    adopt(henrik, version, target_stage="production")
    adopt(henrik, version, target_alias="champion")
    factories.assessed(version.model, 2)
    version.refresh_from_db()
    return version


def attach(by: User, version: ModelVersion, path: str = "model.json", reason: str = "") -> Attached:
    return evidence.attach_file(
        actor=access.actor_for(by), version=version, path=path, stream=io.BytesIO(path.encode()), reason=reason
    )


def requests_of(version: ModelVersion) -> list[PromotionRequest]:
    return list(PromotionRequest.objects.filter(version=version, before_governance=False).order_by("pk"))


def all_constraints_hold() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def test_attaching_asks_for_every_place_and_changes_nothing_that_is_served(
    adopted: ModelVersion,
    henrik: User,
) -> None:
    attached = attach(henrik, adopted)

    all_constraints_hold()
    asked = requests_of(adopted)
    assert [(r.target_name, r.state, r.reapproves is not None) for r in asked] == [
        ("Production", "open", True),
        ("@champion", "open", True),
    ]
    assert list(attached.requests) == asked
    assert "model.json" in asked[0].reason
    held = approvals.approvals(adopted)
    assert [(a.place, a.deviates, a.fingerprint, a.reapproval) for a in held] == [
        ("production", True, None, asked[0].pk),
        ("@champion", True, None, asked[1].pk),
    ]
    assert approvals.attached_since(held) == {attached.artifact.uid}
    event = Event.objects.get(action="artifact.attached")
    assert [d["place"] for d in event.body["data"]["deviates_from"]] == ["production", "@champion"]


def test_more_files_join_the_same_requests(adopted: ModelVersion, henrik: User) -> None:
    attach(henrik, adopted, reason="the bytes that have been served from there")
    attach(henrik, adopted, "more.json")
    attach(henrik, adopted, "more.json")

    asked = requests_of(adopted)
    assert len(asked) == 2
    assert {r.reason for r in asked} == {"the bytes that have been served from there"}
    adopted.refresh_from_db()
    assert {r.fingerprint for r in asked} == {adopted.fingerprint}


def test_the_same_bytes_again_do_not_open_what_was_withdrawn(adopted: ModelVersion, henrik: User) -> None:
    for request in attach(henrik, adopted).requests:
        promotions.withdraw(actor=access.actor_for(henrik), request=request, reason="the wrong file")

    assert attach(henrik, adopted).requests == ()
    assert all(a.deviates and a.reapproval is None for a in approvals.approvals(adopted))
    assert len(attach(henrik, adopted, "right.json").requests) == 2


def test_a_person_who_may_not_ask_for_a_promotion_attaches_nothing(adopted: ModelVersion, priya: User) -> None:
    factories.grant(Role.REGISTRAR, to=priya, on=adopted.model)

    with pytest.raises(PermissionDeniedError):
        attach(priya, adopted)

    assert not Artifact.objects.exists()
    assert requests_of(adopted) == []


def test_without_a_tier_nothing_is_attached(henrik: User) -> None:
    version = brought(henrik, 4)
    adopt(henrik, version, target_stage="production")

    with pytest.raises(InvalidStateError) as refused:
        attach(henrik, version)

    assert refused.value.code == "model_incomplete"


def test_once_approved_it_is_no_longer_before_governance_and_its_files_are_fixed(
    adopted: ModelVersion,
    henrik: User,
) -> None:
    policies.publish(actor=setup.INSTALLER, source=OPEN_TO_ALL, reason="the scene of a test")

    attached = attach(henrik, adopted)

    all_constraints_hold()
    assert attached.requests == ()  # promoted at once: the policy asks nothing
    held = approvals.approvals(adopted)
    adopted.refresh_from_db()
    assert [(a.place, a.reviewed, a.before_governance) for a in held] == [
        ("production", True, False),
        ("@champion", True, False),
    ]
    assert {a.fingerprint for a in held} == {adopted.fingerprint}
    assert approvals.attached_since(held) == frozenset()
    with pytest.raises(InvalidStateError) as refused:
        attach(henrik, adopted, "late.json")
    assert refused.value.code == "version_registered"


def test_an_adopted_version_can_be_asked_for_without_any_addition(adopted: ModelVersion, henrik: User) -> None:
    asked = promotions.request(
        actor=access.actor_for(henrik), version=adopted, target_stage="production", reason="nobody here approved it"
    )

    assert (asked.state, asked.reapproves is not None) == ("open", True)


def test_the_database_refuses_what_no_request_covers(adopted: ModelVersion, henrik: User) -> None:
    blob = storage.write(io.BytesIO(b"{}"), limit=2)

    attachments.attach_file(
        actor=access.actor_for(henrik), version=adopted, path="m", blob=blob, approved=approvals.approved
    )

    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="no promotion request covers"):
        cursor.execute("SET CONSTRAINTS governance_attached_under_review IMMEDIATE")


def test_the_database_refuses_data_sets_that_no_request_covers(adopted: ModelVersion) -> None:
    DatasetReference.objects.create(version=adopted, role="training", name="loans", strength="weak")

    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="no promotion request covers"):
        cursor.execute("SET CONSTRAINTS governance_attached_under_review IMMEDIATE")


def test_a_worker_copies_no_file_into_a_protected_place(
    adopted: ModelVersion,
    henrik: User,
    settings: Settings,
) -> None:
    settings.COUNTERSIGN_SOURCES = [{"kind": "s3", "bucket": "b"}]
    assert copying.plan(adopted) is None

    with pytest.raises(InvalidStateError) as refused:
        evidence.attach_file(actor=copying.COPIER, version=adopted, path="m", stream=io.BytesIO(b"{}"))
    assert refused.value.code == "review_needed"
    assert not Artifact.objects.exists()

    attach(henrik, adopted)  # from here on it is under review
    evidence.attach_file(actor=copying.COPIER, version=adopted, path="m", stream=io.BytesIO(b"{}"))
    adopted.refresh_from_db()
    assert {r.fingerprint for r in requests_of(adopted)} == {adopted.fingerprint}
