"""Rows read with the rows they refer to: the same as `select_related` and `prefetch_related` read."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from registry.models import Artifact, DatasetReference, Membership, Metric, ModelVersion, RegisteredModel, User
from registry.models.joined_rows import JoinedRows, attach
from registry.services.version_spec import DatasetSpec, MetricSpec
from tests import factories
from tests.personas import People

pytestmark = pytest.mark.django_db


def columns(row: models.Model | None) -> dict[str, Any] | None:
    """The values of a row's columns; None for no row."""
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields} if row else None


@pytest.fixture
def measured(model: RegisteredModel, people: People) -> ModelVersion:
    return factories.version(
        model,
        people.priya,
        files={"model.json": b"{}", "a/b.txt": b"text"},
        metrics=[MetricSpec("auc", 0.1 + 0.2), MetricSpec("loss", -1e-9)],
        datasets=[DatasetSpec(role="training", name="loans", digest_algorithm="sha256", digest="a" * 64)],
        parameters={"depth": 3, "rate": 0.1, "text": 'é " \\ %s %(x)s'},
    )


def test_related_rows_are_those_of_select_related(measured: ModelVersion) -> None:
    related = ("model__owner", "stage", "registered_by", "trained_by", "registered_with__person")
    rows = JoinedRows(ModelVersion, "v", related, {"model": "m"})
    known = ModelVersion.objects.select_related(*related).get(pk=measured.pk)
    rows.fetch("v.id = %(pk)s", {"pk": 0})  # prepares the statement
    with CaptureQueriesContext(connection) as queries:
        (read,) = rows.fetch("v.id = %(pk)s AND m.deleted_at IS NULL", {"pk": measured.pk})
        pairs = [
            (read, known),
            (read.model, known.model),
            (read.model.owner, known.model.owner),
            (read.stage, known.stage),
            (read.registered_by, known.registered_by),
            (read.trained_by, known.trained_by),
            (read.registered_with, known.registered_with),
        ]
    assert len(queries) == 1
    assert [columns(mine) for mine, _ in pairs] == [columns(theirs) for _, theirs in pairs]


def test_a_column_of_rows_is_the_same_as_the_rows(measured: ModelVersion) -> None:
    """JSON has exact forms of every column: numbers with a fraction, moments, keys, documents and missing values."""
    version = JoinedRows(ModelVersion, "v")
    for parts, ending in (
        (JoinedRows(Artifact, "a", ("blob", "upload")), "a.version_id = {} ORDER BY a.path"),
        (JoinedRows(Metric, "c"), "c.version_id = {} ORDER BY c.name"),
        (JoinedRows(DatasetReference, "d"), "d.version_id = {} ORDER BY d.name"),
        (JoinedRows(ModelVersion, "w", ("registered_by", "trained_by")), "w.id = {}"),
    ):
        read = parts.fetch(ending.format("%(pk)s"), {"pk": measured.pk})
        column = parts.column(ending.format("v.id"))
        ((_, (text,)),) = version.fetch_with([column], "v.id = %(pk)s", {"pk": measured.pk})
        assert read
        assert [columns(row) for row in parts.of_column(text)] == [columns(row) for row in read]


def test_a_reverse_relation_without_a_row_is_known_to_be_empty(measured: ModelVersion) -> None:
    files = JoinedRows(Artifact, "a", ("blob", "upload")).fetch("a.version_id = %(pk)s", {"pk": measured.pk})
    with CaptureQueriesContext(connection) as queries:
        assert [hasattr(file, "upload") for file in files] == [False, False]
        assert all(file.blob is not None for file in files)
    assert not queries


def test_a_row_that_several_refer_to_is_made_once(measured: ModelVersion, people: People) -> None:
    factories.version(measured.model, people.priya)
    first, second = JoinedRows(ModelVersion, "v", ("registered_by",)).fetch(
        "v.model_id = %(m)s", {"m": measured.model_id}
    )
    assert first.registered_by is second.registered_by
    assert first is not second


def test_a_deferred_column_is_read_where_it_is_used(measured: ModelVersion) -> None:
    rows = JoinedRows(ModelVersion, "v", ("model",), deferred=("parameters", "model__description"))
    (read,) = rows.fetch("v.id = %(pk)s", {"pk": measured.pk})
    assert read.get_deferred_fields() == {"parameters"}
    assert read.model.get_deferred_fields() == {"description"}
    with CaptureQueriesContext(connection) as queries:
        assert (read.parameters, read.number) == (measured.parameters, measured.number)
    assert len(queries) == 1


def test_a_model_in_several_tables_is_refused() -> None:
    with pytest.raises(TypeError, match="several tables"):
        JoinedRows(Membership, "b", ("group",)).fetch("b.id = %(pk)s", {"pk": 1})


def test_rows_that_refer_to_others_are_attached(measured: ModelVersion, people: People) -> None:
    bare = factories.version(measured.model, people.priya)
    holders = JoinedRows(ModelVersion, "v").fetch("v.model_id = %(m)s ORDER BY v.number", {"m": measured.model_id})
    files = JoinedRows(Artifact, "a").fetch("a.version_id = %(pk)s ORDER BY a.path", {"pk": measured.pk})
    attach(holders, "artifacts", files)
    with CaptureQueriesContext(connection) as queries:
        found = {holder.pk: [file.path for file in holder.artifacts.all()] for holder in holders}
        assert all(file.version.pk == measured.pk for holder in holders for file in holder.artifacts.all())
    assert found == {measured.pk: ["a/b.txt", "model.json"], bare.pk: []}
    assert not queries
    assert User.objects.exists()
