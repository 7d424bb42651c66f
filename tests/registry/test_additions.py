"""What is added after registration: a new revision, a new fingerprint, one event; the same again adds nothing."""

from __future__ import annotations

import hashlib
import io

import pytest
from django.db import connection
from pytest_django import Settings

from registry import fingerprint, selectors
from registry.access import Role, actor_for
from registry.exceptions import PermissionDeniedError, ValidationFailedError
from registry.models import Evidence, ModelVersion, RegisteredModel
from registry.services import versions
from registry.services.versions import MetricSpec, VersionSpec
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db


def evidence(people: People, version: ModelVersion, content: bytes, name: str = "table.csv") -> Evidence:
    actor = actor_for(people.priya)
    blob = versions.store_evidence(actor=actor, version=version, kind="evaluation.table", stream=io.BytesIO(content))
    return versions.add_evidence(actor=actor, version=version, kind="evaluation.table", filename=name, blob=blob)


def test_each_addition_is_one_event_and_a_new_fingerprint(
    people: People, version: ModelVersion, recorded: Recorded
) -> None:
    priya = actor_for(people.priya)
    seen = [version.fingerprint]

    def check(action: str) -> None:
        now = ModelVersion.objects.get(pk=version.pk)
        (event,) = events
        assert (event.action, event.actor_id) == (action, people.priya.uid)
        assert f"version:{version.uid}" in event.touched
        assert event.body["data"]["fingerprint"] == now.fingerprint == fingerprint.compute(now)
        assert now.fingerprint not in seen
        assert (now.evidence_revision, now.revision) == (len(seen), version.revision + len(seen))
        seen.append(now.fingerprint)

    with recorded() as events:
        versions.add_metrics(actor=priya, version=version, metrics=[MetricSpec("auc", 0.91, "holdout")])
    check("metric.added")
    with recorded() as events:
        card = versions.add_card(actor=priya, version=version, text="# Card\n")
    check("card.added")
    assert card.sha256 == hashlib.sha256(b"# Card\n").hexdigest()
    with recorded() as events:
        evidence(people, version, b"id,score\n1,0.5\n")
    check("evidence.added")
    connection.check_constraints()


def test_the_same_again_adds_nothing(people: People, version: ModelVersion, recorded: Recorded) -> None:
    priya = actor_for(people.priya)

    def add() -> tuple[object, ...]:
        metrics = versions.add_metrics(
            actor=priya,
            version=version,
            metrics=[MetricSpec("auc", 0.9), MetricSpec("f1", 0.8, "holdout", "region=north")],
        )
        return (
            [metric.pk for metric in metrics],
            versions.add_card(actor=priya, version=version, text="# Card").pk,
            evidence(people, version, b"rows").pk,
        )

    first = add()
    before = ModelVersion.objects.get(pk=version.pk)
    with recorded() as events:
        assert add() == first
    assert events == []
    after = ModelVersion.objects.get(pk=version.pk)
    assert (after.fingerprint, after.revision) == (before.fingerprint, before.revision)


def test_the_newest_counts_and_the_older_stays(people: People, version: ModelVersion) -> None:
    priya = actor_for(people.priya)
    for value in (0.9, 0.8):
        versions.add_metrics(actor=priya, version=version, metrics=[MetricSpec("auc", value)])
    versions.add_metrics(actor=priya, version=version, metrics=[MetricSpec("auc", 0.7, slice="north")])
    assert [(m.slice, m.value) for m in selectors.latest_metrics(version)] == [("", 0.8), ("north", 0.7)]
    assert version.metrics.count() == 3
    for text in ("# One", "# Two"):
        versions.add_card(actor=priya, version=version, text=text)
    card = selectors.card_of(version)
    assert card is not None
    assert (card.text, card.revision) == ("# Two", 2)
    versions.add_card(actor=priya, version=version, text="# One")
    assert version.cards.count() == 3, "an older text may come back, as a new revision"
    evidence(people, version, b"a")
    evidence(people, version, b"b")
    assert [(row.revision, row.blob_id) for row in selectors.latest_evidence(version)] == [
        (2, hashlib.sha256(b"b").hexdigest())
    ]


def test_evidence_may_come_before_the_files(people: People, model: RegisteredModel) -> None:
    priya = actor_for(people.priya)
    version = versions.declare_version(
        actor=priya, model=model, spec=VersionSpec(artifacts=[factories.artifact("a", b"a")])
    )
    versions.add_card(actor=priya, version=version, text="# Card")
    assert ModelVersion.objects.get(pk=version.pk).fingerprint == ""
    versions.store_artifact(actor=priya, version=version, path="a", stream=io.BytesIO(b"a"))
    done = versions.complete_registration(actor=priya, version=version)
    assert done.fingerprint == fingerprint.compute(done)


def test_who_may_add(people: People, version: ModelVersion) -> None:
    factories.grant(Role.APPROVER, to=people.marta, on=version.model)
    marta = actor_for(people.marta)
    with pytest.raises(PermissionDeniedError):
        versions.add_card(actor=marta, version=version, text="# Card")
    with pytest.raises(PermissionDeniedError):
        versions.add_metrics(actor=marta, version=version, metrics=[MetricSpec("auc", 1.0)])
    with pytest.raises(PermissionDeniedError):
        versions.store_evidence(actor=marta, version=version, kind="evaluation.table", stream=io.BytesIO(b""))


def test_what_may_not_be_added(people: People, version: ModelVersion, settings: Settings) -> None:
    settings.COUNTERSIGN_MAX_EVIDENCE_BYTES = 10
    priya = actor_for(people.priya)
    for kind, content, sha256, code in (
        ("Evaluation", b"", None, "kind"),
        ("a..b", b"", None, "kind"),
        ("a.b", b"x" * 11, None, "too_large"),
        ("a.b", b"x", "0" * 64, "wrong_digest"),
        ("a.b", b"x", "zz", "sha256"),
    ):
        with pytest.raises(ValidationFailedError) as refused:
            versions.store_evidence(actor=priya, version=version, kind=kind, stream=io.BytesIO(content), sha256=sha256)
        assert [error.code for error in refused.value.errors] == [code]
    for name in ("", "../x", "a/b", "a\x00", "x" * 251):
        with pytest.raises(ValidationFailedError) as refused:
            evidence(people, version, b"x", name)
        assert refused.value.errors[0].pointer == "/filename"
    with pytest.raises(ValidationFailedError):
        versions.add_card(actor=priya, version=version, text="  ")
    with pytest.raises(ValidationFailedError):
        versions.add_metrics(actor=priya, version=version, metrics=[])
