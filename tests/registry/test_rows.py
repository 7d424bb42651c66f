"""Rows read, locked and written by their key: the same as the mapper would, in sentences planned once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from audit import clock
from registry.models import AccessToken, ModelVersion, RegisteredModel, SavedView, Stage, User
from tests.personas import People

pytestmark = pytest.mark.django_db

TAGS = {"a": "é \" ' %s %(x)s", "n": "1"}


def columns(row: models.Model) -> dict[str, Any]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def words(asked: CaptureQueriesContext) -> list[str]:
    return [query["sql"].split()[0] for query in asked]


def test_a_row_is_read_as_the_mapper_reads_it(version: ModelVersion, people: People) -> None:
    people.token_of(people.ci_retail, "models:read", models=["churn"])
    ModelVersion.objects.filter(pk=version.pk).update(tags=TAGS)
    for rows in (
        ModelVersion.objects,
        RegisteredModel.objects,
        User.objects,
        Stage.objects,
        AccessToken.objects,
    ):
        for known in rows.all():
            with CaptureQueriesContext(connection) as asked:
                read, locked = rows.get_by_pk(known.pk), rows.get_for_update(known.pk)
                those = rows.in_bulk_prepared([known.pk, None, 0])
            assert words(asked) == ["EXECUTE"] * 3
            assert columns(read) == columns(locked) == columns(those[known.pk]) == columns(known)
            assert list(those) == [known.pk]
            assert not read._state.adding
            assert read._state.db == "default"
    assert User.objects.in_bulk_prepared([None]) == {}


def test_a_row_that_is_not_there_is_said_to_be_absent(version: ModelVersion) -> None:
    with pytest.raises(ModelVersion.DoesNotExist):
        ModelVersion.objects.get_by_pk(0)
    with pytest.raises(ModelVersion.DoesNotExist):
        ModelVersion.objects.get_for_update(0)
    assert ModelVersion.objects.raw_first("number = %(number)s", number=99) is None
    assert ModelVersion.objects.raw_filter("number < %(number)s ORDER BY number", number=99) == [version]


@pytest.mark.django_db(transaction=True)
def test_a_lock_needs_a_transaction_to_end_with(people: People) -> None:
    with pytest.raises(RuntimeError, match="none is open"):
        User.objects.get_for_update(people.chen.pk)
    with transaction.atomic():
        assert User.objects.get_for_update(people.chen.pk) == people.chen


def test_a_row_is_written_as_the_mapper_writes_it(version: ModelVersion) -> None:
    row = ModelVersion.objects.get_by_pk(version.pk)
    row.tags, row.revision, row.notes = TAGS, row.revision + 1, "not said"
    with CaptureQueriesContext(connection) as asked:
        row.save(update_fields=["tags", "revision"])
    assert words(asked) == ["EXECUTE"]
    kept = ModelVersion.objects.get(pk=version.pk)
    assert (kept.tags, kept.revision, kept.notes) == (TAGS, version.revision + 1, version.notes)


def test_a_new_row_gets_its_key_and_its_defaults(people: People) -> None:
    token = AccessToken(
        person=people.chen,
        name="it's 100 %",
        digest=b"\x00\xff",
        scopes=["models:read", "a,b"],
        created_at=clock.now(),
        expires_at=clock.now() + timedelta(days=1),
    )
    with transaction.atomic():
        with CaptureQueriesContext(connection) as asked:
            token.save()
        assert words(asked) == ["EXECUTE"]
        kept = AccessToken.objects.get(pk=token.pk)
        transaction.set_rollback(True)  # no event accounts for it
    assert (kept.uid, kept.name, bytes(kept.digest), kept.scopes, kept.model_slugs) == (
        token.uid,
        "it's 100 %",
        b"\x00\xff",
        ["models:read", "a,b"],
        None,
    )


def test_expressions_are_left_to_the_mapper(version: ModelVersion) -> None:
    row = ModelVersion.objects.get_by_pk(version.pk)
    row.revision = F("revision") + 1
    with CaptureQueriesContext(connection) as asked:
        row.save(update_fields=["revision"])
    assert words(asked) == ["UPDATE"]
    row.refresh_from_db()
    assert row.revision == version.revision + 1


def test_refusals_stay_refusals(version: ModelVersion) -> None:
    twin = ModelVersion.objects.get_by_pk(version.pk)
    twin.pk, twin._state.adding = None, True
    with transaction.atomic(), pytest.raises(IntegrityError):
        twin.save(force_insert=True)
    ghost = ModelVersion.objects.get_by_pk(version.pk)
    ghost.pk = 0
    with pytest.raises(DatabaseError, match="did not affect"):
        ghost.save(update_fields=["notes"])
    unsaved = RegisteredModel(slug="unsaved")
    with pytest.raises(ValueError, match="unsaved related object"):
        ModelVersion(model=unsaved).save()


def test_other_models_are_the_mappers_alone() -> None:
    assert not hasattr(SavedView.objects, "get_for_update")
