"""What is free of a version changes with an event and leaves the fingerprint alone; what is fixed is refused."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry import fingerprint, selectors
from registry.access import Role, actor_for
from registry.exceptions import PermissionDeniedError, StaleRevisionError, ValidationFailedError
from registry.models import ModelVersion, RegisteredModel
from registry.services import metadata, versions
from registry.services.versions import MetricSpec, VersionSpec
from tests import factories
from tests.personas import People
from tests.registry.conftest import Recorded

pytestmark = pytest.mark.django_db


def test_description_notes_and_tags_change_with_one_event(
    people: People, version: ModelVersion, recorded: Recorded
) -> None:
    with recorded() as events:
        changed = metadata.annotate_version(
            actor=actor_for(people.priya), version=version, notes="# Read *this*", tags={"run": "nightly"}
        )
    (event,) = events
    assert (event.action, [c["field"] for c in event.body["changes"]]) == ("version.updated", ["notes", "tags"])
    assert "nightly" not in str(event.body), "free text may name people"
    assert (changed.notes, changed.tags, changed.revision) == (
        "# Read *this*",
        {"run": "nightly"},
        version.revision + 1,
    )
    assert fingerprint.compute(changed) == version.fingerprint
    with recorded() as events:
        metadata.annotate_version(actor=actor_for(people.priya), version=changed, notes="# Read *this*")
    assert events == []


@pytest.mark.parametrize(
    "field", ["parameters", "datasets", "code_commit", "signature", "fingerprint", "number", "stage"]
)
def test_what_is_fixed_is_refused_with_the_way_out(people: People, version: ModelVersion, field: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        metadata.annotate_version(actor=actor_for(people.priya), version=version, **{field: "x"})  # type: ignore[arg-type]  # the arguments of the case have many types
    (fault,) = refused.value.errors
    assert (fault.pointer, fault.code) == (f"/{field}", "fixed_at_registration")
    assert "register a new version" in fault.detail


def test_who_may_and_over_what_they_read(people: People, version: ModelVersion) -> None:
    factories.grant(Role.VIEWER, to=people.eve, on=version.model)
    with pytest.raises(PermissionDeniedError):
        metadata.annotate_version(actor=actor_for(people.eve), version=version, notes="x")
    with pytest.raises(StaleRevisionError) as stale:
        metadata.annotate_version(actor=actor_for(people.priya), version=version, expected_revision=1, notes="x")
    assert isinstance(stale.value.existing, ModelVersion)


words = st.text("ab *_\n", max_size=20)
free = st.fixed_dictionaries(
    {},
    optional={
        "description": words,
        "notes": words,
        "tags": st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz")),
    },
)
added = st.tuples(st.sampled_from(["auc", "ece"]), st.floats(0, 1))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(free, added), max_size=6))
def test_the_fingerprint_covers_what_is_fixed_and_the_latest_of_what_is_added(
    people: People, version: ModelVersion, steps: list[object]
) -> None:
    """Whatever is done in whatever order: the free changes nothing, an addition changes it where the newest differs."""
    priya = actor_for(people.priya)
    for step in steps:
        before = ModelVersion.objects.get(pk=version.pk)
        newest = {m.name: m.value for m in selectors.latest_metrics(before)}
        if isinstance(step, dict):
            metadata.annotate_version(actor=priya, version=before, **step)
            changes = False
        else:
            assert isinstance(step, tuple)
            versions.add_metrics(actor=priya, version=before, metrics=[MetricSpec(*step)])
            changes = newest.get(step[0]) != step[1]
        after = ModelVersion.objects.get(pk=version.pk)
        assert (after.fingerprint != before.fingerprint) == changes
        assert after.fingerprint == fingerprint.compute(after)


def test_the_same_files_with_other_inputs_name_the_older(people: People, model: RegisteredModel) -> None:
    files = {"a.bin": b"a", "b.bin": b"b"}
    first = factories.version(model, people.priya, files)
    factories.version(model, people.priya, {"a.bin": b"a"})
    again = factories.version(model, people.priya, files, parameters={"depth": 4})
    assert [v.number for v in selectors.same_artifacts(again)] == [first.number]
    assert selectors.same_artifacts(first) == []
    assert selectors.same_artifacts(factories.version(model, people.priya)) == []
    spec = VersionSpec(artifacts=[factories.artifact(p, c) for p, c in files.items()], parameters={"depth": 4})
    found = versions.declare_version(actor=actor_for(people.priya), model=model, spec=spec)
    assert (found.found, found.number) == (True, again.number)
