"""The fingerprint: the same for the same content, another for any change a decision would rest on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from registry import fingerprint
from registry.access import actor_for
from registry.characters import is_unseen
from registry.models import ModelVersion, RegisteredModel
from registry.services import versions
from registry.services.versions import DatasetSpec, MetricSpec, VersionSpec
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db

LOANS = DatasetSpec("training", "loans", "1", "s3://d", "sha256", "a" * 64)
FULL = VersionSpec(
    source="s3://bucket/a",
    run_id="r1",
    run_link="https://ci.example/1",
    code_repository="https://git.example/a",
    code_commit="a" * 40,
    code_clean=True,
    environment_lock="numpy==2.4.0\n",
    parameters={"lr": 0.1, "depth": 3, "big": 1e300, "tiny": 5e-324},
    signature={"inputs": ["x"]},
    licence="MIT",
    datasets=(LOANS,),
    metrics=(MetricSpec("auc", 0.9, "holdout", "north"),),
    card="# Card",
)
CHANGES: list[dict[str, Any]] = [
    {"source": "s3://bucket/b"},
    {"run_id": "r2"},
    {"run_link": "https://ci.example/2"},
    {"code_repository": "https://git.example/b"},
    {"code_commit": "b" * 40},
    {"code_clean": False},
    {"environment_lock": "numpy==2.4.1\n"},
    {"parameters": {"lr": 0.2}},
    {"signature": {"inputs": ["y"]}},
    {"licence": "Apache-2.0"},
    {"datasets": ()},
    {"datasets": (replace(LOANS, digest="b" * 64),)},
    {"datasets": (replace(LOANS, role="evaluation"),)},
    {"metrics": (replace(FULL.metrics[0], value=0.91),)},
    {"metrics": (replace(FULL.metrics[0], slice="south"),)},
    {"card": "# Card "},
]


def registered(people: People, model: RegisteredModel, spec: VersionSpec) -> ModelVersion:
    return versions.declare_version(actor=actor_for(people.priya), model=model, spec=spec, reuse=False)


def test_the_same_content_has_the_same_fingerprint(people: People, model: RegisteredModel) -> None:
    first, second = (registered(people, model, FULL) for _ in range(2))
    assert first.pk != second.pk
    assert first.fingerprint == second.fingerprint == fingerprint.compute(first)
    elsewhere = registered(people, factories.model(people.priya), FULL)
    assert elsewhere.fingerprint != first.fingerprint, "another model's version is another thing"


def test_any_change_of_what_a_decision_rests_on_changes_it(people: People, model: RegisteredModel) -> None:
    seen = {registered(people, model, FULL).fingerprint}
    specs = [replace(FULL, **change) for change in CHANGES]
    specs.append(replace(FULL, trained_by=people.aiko))
    specs.append(replace(FULL, parents=[registered(people, model, FULL)]))
    for spec in specs:
        made = registered(people, model, spec).fingerprint
        assert made not in seen, spec
        seen.add(made)


def test_files_are_part_of_it(people: People, model: RegisteredModel) -> None:
    made = [
        factories.version(model, people.priya, files).fingerprint
        for files in ({"a": b"1"}, {"a": b"2"}, {"b": b"1"}, {"a": b"1", "b": b"1"})
    ]
    assert len(set(made)) == 4


def test_words_about_a_version_are_not(people: People, model: RegisteredModel) -> None:
    plain = registered(people, model, FULL)
    described = registered(people, model, replace(FULL, description="the good one", tags={"team": "retail"}))
    assert plain.fingerprint == described.fingerprint


@profile(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parameters=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=5),
        st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans(),
        max_size=4,
    )
)
def test_numbers_keep_their_digest_through_the_database(
    people: People, model: RegisteredModel, parameters: dict[str, Any]
) -> None:
    first, second = (registered(people, model, VersionSpec(parameters=parameters)) for _ in range(2))
    assert first.fingerprint == second.fingerprint == fingerprint.compute(ModelVersion.objects.get(pk=first.pk))


LINE = st.text(st.characters(exclude_categories=["C", "Z"]).filter(lambda one: not is_unseen(one)), max_size=20)


@profile(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    source=LINE,
    run_id=LINE,
    repository=LINE,
    clean=st.sampled_from([None, True, False]),
    lock=st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=40),
    trained=st.booleans(),
)
def test_what_is_text_alone_has_the_fingerprint_the_database_would_give(
    people: People,
    model: RegisteredModel,
    source: str,
    run_id: str,
    repository: str,
    clean: bool | None,
    lock: str,
    trained: bool,
) -> None:
    spec = VersionSpec(
        source=source,
        run_id=run_id,
        code_repository=repository,
        code_clean=clean,
        environment_lock=lock,
        trained_by=people.chen if trained else None,
    )
    assert spec.is_source_only
    made = registered(people, model, spec)
    kept = ModelVersion.objects.get(pk=made.pk)
    assert made.fingerprint == kept.fingerprint == fingerprint.compute(kept)
    assert (kept.status, kept.registered_at, kept.revision) == ("registered", made.registered_at, 1)


@pytest.mark.parametrize("change", CHANGES)
def test_a_person_who_has_more_than_text_is_not_bare(change: dict[str, Any]) -> None:
    beside = {"parameters", "signature", "datasets", "metrics", "card"}
    assert VersionSpec(**change).is_source_only == (not any(change[name] for name in beside & change.keys()))
