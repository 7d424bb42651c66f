"""Lineage: what a version was made from, what rests on a dataset, and that nobody learns of what they may not see."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registry import selectors
from registry.access import Role, actor_for
from registry.exceptions import ConflictError, NotFoundError, PermissionDeniedError, ValidationFailedError
from registry.models import DatasetReference, ModelVersion, RegisteredModel, Stage
from registry.selectors import lineage
from registry.services.versions import DatasetSpec, DatasetText
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db

LOANS = DatasetSpec("training", "loans", "2026-07", "s3://data/loans", "sha256", "a" * 64)
HOLDOUT = DatasetText("evaluation", "lakefs", "lakefs://loans/main/holdout.csv")
COMMIT = "c" * 64


@pytest.fixture
def secret(lifecycle: None, people: People) -> RegisteredModel:
    """Chen's model, which Priya may not see."""
    return factories.model(people.chen, "secret-model")


def identity_of(version: ModelVersion, name: str = "loans") -> str:
    return str(DatasetReference.objects.get(version=version, name=name).identity)


def numbers(versions: tuple[ModelVersion, ...]) -> list[str]:
    return [f"{v.model.slug}/{v.number}" for v in versions]


def test_what_a_version_was_made_from_and_into(model: RegisteredModel, people: People) -> None:
    other = factories.model(people.priya, "scorecard")
    base = factories.version(other, people.priya, datasets=[LOANS])
    tuned = factories.version(model, people.priya, parents=[base], datasets=[HOLDOUT])
    pruned = factories.version(model, people.priya, parents=[tuned, base])
    far = factories.version(model, people.priya, parents=[pruned])
    farther = factories.version(model, people.priya, parents=[far])

    near = lineage.lineage_neighbourhood(actor_for(people.priya), tuned)

    assert numbers(near.ancestors) == ["scorecard/1"]
    assert numbers(near.descendants) == ["credit-risk-pd/3", "credit-risk-pd/2"]
    assert near.edges == {(tuned.pk, base.pk), (pruned.pk, tuned.pk), (far.pk, pruned.pk)}
    assert {(d.name, d.version_id) for d in near.datasets} == {("loans", base.pk), ("holdout.csv", tuned.pk)}
    assert (near.hidden, near.cut) == (0, False)
    assert len(lineage.lineage_neighbourhood(actor_for(people.priya), tuned, steps=9).descendants) == 3
    assert lineage.lineage_neighbourhood(actor_for(people.priya), farther, steps=1).ancestors == (far,)


def test_a_dataset_is_one_wherever_it_is_called_what(model: RegisteredModel, people: People) -> None:
    first = factories.version(model, people.priya, datasets=[LOANS])
    renamed = DatasetSpec("evaluation", "loans-copy", "", "file:///tmp/x", "sha256", "a" * 64)
    second = factories.version(model, people.priya, datasets=[renamed])
    third = factories.version(model, people.priya, parents=[second])
    factories.version(model, people.priya, datasets=[DatasetSpec("training", "loans", "2026-08")])
    priya = actor_for(people.priya)

    resting = lineage.dependents(priya, identity_of(first))

    assert {v.number: v.direct for v in resting} == {1: True, 2: True, third.number: False}  # type: ignore[attr-defined]  # annotated by the query
    assert lineage.dataset(priya, "a" * 64).identity == identity_of(first)
    assert lineage.dataset(priya, "sha256:" + "a" * 64).name == "loans-copy", "the newest reference speaks for it"


def test_what_runs_comes_first_and_can_be_asked_for_alone(
    model: RegisteredModel, people: People, canary: Stage, move_to: object
) -> None:
    versions = [factories.version(model, people.priya, datasets=[LOANS]) for _ in range(3)]
    assert callable(move_to)
    move_to(versions[1], canary)
    priya = actor_for(people.priya)
    found = lineage.dependents(priya, identity_of(versions[0]))
    resting = found.order_by("rank", "-number")  # type: ignore[misc]  # an annotation orders
    assert [(v.number, v.rank) for v in resting] == [(2, 0), (3, 2), (1, 2)]  # type: ignore[attr-defined]  # annotated by the query
    assert [v.number for v in lineage.dependents(priya, identity_of(versions[0]), stage="canary")] == [2]
    weight = lineage.dataset_usage(priya, identity_of(versions[0]))
    assert (weight.by_stage, weight.hidden, weight.total) == ({"canary": 1, "development": 2}, 0, 3)
    (row,) = lineage.counted(priya, [identity_of(versions[0])])
    assert (row.versions, row.live) == (3, 1)


def test_what_may_not_be_seen_is_counted_and_never_named(
    model: RegisteredModel, secret: RegisteredModel, people: People
) -> None:
    hidden_base = factories.version(secret, people.chen, datasets=[LOANS])
    factories.grant(Role.REGISTRAR, to=people.chen, on=model)
    mine = factories.version(model, people.chen, parents=[hidden_base], datasets=[HOLDOUT])
    below = factories.version(model, people.priya, parents=[mine])
    hidden_child = factories.version(secret, people.chen, parents=[below])
    factories.version(secret, people.chen, parents=[hidden_child])
    priya, identity = actor_for(people.priya), identity_of(hidden_base)

    near = lineage.lineage_neighbourhood(priya, mine, steps=9)

    assert numbers(near.ancestors) == []
    assert numbers(near.descendants) == [f"{model.slug}/{below.number}"]
    assert [d.name for d in near.datasets] == ["holdout.csv"], "a hidden ancestor's data is hidden with it"
    assert near.hidden == 2, "the two next to what is shown; what lies behind them is not even counted"
    # Who may not see the version that names the data may not see the data, though their own rests on it.
    with pytest.raises(NotFoundError):
        lineage.dataset(priya, identity)
    assert not lineage.find_datasets(priya, "loans").exists()
    # Once they may see one that names it, all that rests on it and is theirs to see is shown, whatever lies between.
    seen = factories.version(model, people.priya, datasets=[LOANS])
    resting = lineage.dependents(priya, identity)
    assert {v.number for v in resting} == {mine.number, below.number, seen.number}
    assert all(v.model_id == model.pk for v in resting)
    assert lineage.dataset_usage(priya, identity).hidden == 3
    assert lineage.dataset_usage(actor_for(people.chen), identity).hidden == 0


def test_a_hidden_and_an_absent_dataset_sound_alike(secret: RegisteredModel, people: People) -> None:
    version = factories.version(secret, people.chen, datasets=[LOANS])
    said = []
    for key in (identity_of(version), "0" * 64):
        with pytest.raises(NotFoundError) as refused:
            lineage.dataset(actor_for(people.eve), key)
        said.append(refused.value.detail.replace(key, "…"))
    assert said[0] == said[1]
    with pytest.raises(PermissionDeniedError):
        lineage.dataset(people.token_of(people.chen, "versions:write"), identity_of(version))


def test_no_person_names_a_parent_they_may_not_see(
    model: RegisteredModel, secret: RegisteredModel, people: People
) -> None:
    hidden = factories.version(secret, people.chen)
    with pytest.raises(ValidationFailedError) as refused:
        factories.version(model, people.priya, parents=[hidden])
    assert [(e.pointer, e.code) for e in refused.value.errors] == [("/parents", "unknown_version")]


def test_a_digest_of_a_state_with_several_datasets_is_ambiguous(model: RegisteredModel, people: People) -> None:
    paths = [DatasetText("training", "lakefs", f"lakefs://loans/{COMMIT}/{name}.csv") for name in ("a", "b")]
    factories.version(model, people.priya, datasets=paths)
    with pytest.raises(ConflictError) as refused:
        lineage.dataset(actor_for(people.priya), COMMIT)
    assert refused.value.code == "ambiguous_dataset"
    assert "a.csv" in refused.value.detail


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", {"loans", "holdout.csv"}),
        ("loa", {"loans"}),
        ("aaaaaaaa", {"loans"}),
        ("sha256:" + "a" * 64, {"loans"}),
        ("s3://data/loans", {"loans"}),
        ("lakefs://loans/main/holdout.csv", {"holdout.csv"}),
        ("aaaaaaa", set()),
        ("%", set()),
        ("\x00", {"loans", "holdout.csv"}),
    ],
)
def test_a_dataset_is_found_by_whatever_names_it(
    model: RegisteredModel, people: People, words: str, found: set[str]
) -> None:
    factories.version(model, people.priya, datasets=[LOANS, HOLDOUT])
    assert {r.name for r in lineage.find_datasets(actor_for(people.priya), words)} == found


def test_the_cost_does_not_grow_with_the_family(model: RegisteredModel, people: People) -> None:
    priya = actor_for(people.priya)

    def cost() -> list[int]:
        counts = []
        for ask in (
            lambda: lineage.lineage_neighbourhood(priya, base),
            lambda: list(lineage.dependents(priya, identity)[:25]),
            lambda: lineage.dataset_usage(priya, identity),
            lambda: lineage.counted(priya, [identity]),
        ):
            with CaptureQueriesContext(connection) as queries:
                ask()
            counts.append(len(queries))
        return counts

    base = factories.version(model, people.priya, datasets=[LOANS])
    identity = identity_of(base)
    factories.version(model, people.priya, parents=[base])
    first = cost()
    for _ in range(12):
        factories.version(model, people.priya, parents=[base], datasets=[LOANS])
    assert cost() == first == [4, 2, 2, 2]
    assert selectors.lineage is lineage


def test_a_busy_dataset_is_walked_by_index(model: RegisteredModel, people: People) -> None:
    """The plan does not read tables from end to end, whatever the planner would like for a table of three rows."""
    version = factories.version(model, people.priya, datasets=[LOANS])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + lineage._RESTING, [identity_of(version), lineage.MAX_STEPS])
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("EXPLAIN " + lineage._AROUND, {"version": version.pk, "steps": 2, "most": 400})
        plan += "\n".join(row[0] for row in cursor.fetchall())
    assert "dataset_by_identity" in plan
    assert "Seq Scan" not in plan
