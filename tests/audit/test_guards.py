"""Facts that stay facts, rows that stay, and an owner who cannot take the guards away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, IntegrityError, connection
from django.db.migrations.operations import RunSQL

from audit import migration_guards

pytestmark = [pytest.mark.usefixtures("scratch"), pytest.mark.django_db(transaction=True)]


def run(statement: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0] if cursor.description else cursor.rowcount


# --- emptying, deleting, facts ---


@pytest.mark.parametrize(
    "table", ["scratch_model", "scratch_version", "scratch_metric", "scratch_fact", "scratch_grant"]
)
def test_a_governed_table_is_never_emptied(owner: Callable[[], Any], table: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"):
        run(f"TRUNCATE {table} CASCADE")
    session = owner()
    try:
        with pytest.raises(psycopg2.errors.CheckViolation, match="never emptied"), session.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table} CASCADE")
    finally:
        session.rollback()
        session.close()


@pytest.fixture
def fact() -> int:
    return int(run("INSERT INTO scratch_fact (document, note) VALUES ('{\"a\": 1.50}', 'n') RETURNING id"))


def test_what_is_kept_for_good_is_not_deleted(fact: int) -> None:
    with pytest.raises(IntegrityError, match="kept for good") as refused:
        run("DELETE FROM scratch_fact WHERE id = %s", fact)
    assert "Write a new fact." in str(refused.value)


@pytest.mark.parametrize(
    "change",
    ["document = '{\"a\": 2}'", "document = NULL", "digest = 'set later'", "digest = 'x', note = 'y'"],
)
def test_a_fixed_column_keeps_its_first_value(fact: int, change: str) -> None:
    with pytest.raises(IntegrityError, match=r"(document|digest) is fixed when the row is made"):
        run(f"UPDATE scratch_fact SET {change} WHERE id = %s", fact)


def test_other_columns_of_a_fact_may_change(fact: int) -> None:
    assert run("UPDATE scratch_fact SET note = 'other', document = document, digest = NULL WHERE id = %s", fact) == 1


def test_a_column_set_once_goes_from_null_to_a_value_and_no_further(fact: int) -> None:
    assert run("UPDATE scratch_fact SET signed_at = '2026-01-01' WHERE id = %s", fact) == 1
    assert run("UPDATE scratch_fact SET signed_at = '2026-01-01', note = 'x' WHERE id = %s", fact) == 1
    for value in ("'2026-01-02'", "NULL"):
        with pytest.raises(IntegrityError, match="signed_at is fixed once it is set") as refused:
            run(f"UPDATE scratch_fact SET signed_at = {value} WHERE id = %s", fact)
        assert getattr(refused.value.__cause__, "diag", None).constraint_name == "audit_once_signed_at"  # type: ignore[union-attr]  # psycopg2 sets it


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("role = 'owner'", "role may not change; the row can only be closed"),
        ("role = 'owner', closed_at = now(), closed_event = gen_random_uuid()", "role may not change"),
        ("closed_at = now()", "closed_at and closed_event are set together"),
    ],
)
def test_an_open_row_can_only_be_closed(change: str, words: str) -> None:
    key = run("INSERT INTO scratch_grant (role) VALUES ('viewer') RETURNING id")
    with pytest.raises(IntegrityError, match=words):
        run(f"UPDATE scratch_grant SET {change} WHERE id = %s", key)


def test_a_row_is_closed_once() -> None:
    key = run("INSERT INTO scratch_grant (role) VALUES ('viewer') RETURNING id")
    close = "UPDATE scratch_grant SET closed_at = now(), closed_event = gen_random_uuid() WHERE id = %s"
    assert run("UPDATE scratch_grant SET role = role WHERE id = %s", key) == 1
    assert run(close, key) == 1
    for change in (close, "UPDATE scratch_grant SET closed_at = NULL, closed_event = NULL WHERE id = %s"):
        with pytest.raises(IntegrityError, match="closed already"):
            run(change, key)


# --- the owner of governed tables ---


@pytest.mark.parametrize(
    "attack",
    [
        "ALTER TABLE scratch_model DISABLE TRIGGER audit_event_required",
        "ALTER TABLE scratch_model DISABLE TRIGGER USER",
        "ALTER TABLE scratch_model ENABLE TRIGGER audit_event_required",
        "ALTER TABLE scratch_model ENABLE REPLICA TRIGGER audit_event_required",
        "DROP TRIGGER audit_event_required ON scratch_model",
        "DROP TRIGGER audit_truncate_refused ON scratch_model",
        "ALTER TRIGGER audit_event_required ON scratch_model RENAME TO other",
        "DROP TABLE scratch_metric",
        (
            "CREATE OR REPLACE TRIGGER audit_delete_refused BEFORE DELETE ON scratch_fact "
            "FOR EACH ROW WHEN (false) EXECUTE FUNCTION audit_refuse()"
        ),
        "DROP FUNCTION audit_require_event() CASCADE",
        "DROP FUNCTION audit_event_of_scratch_metric() CASCADE",
        (
            "CREATE OR REPLACE FUNCTION audit_event_of_scratch_metric() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NULL; END'"
        ),
        (
            "CREATE OR REPLACE FUNCTION audit_demand_event(op text, changed text, guard text, account text[], "
            "was jsonb, became jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN END'"
        ),
    ],
)
def test_the_owner_cannot_take_the_guards_away(owner: Callable[[], Any], attack: str) -> None:
    session = owner()
    try:
        with pytest.raises(psycopg2.Error) as refused, session.cursor() as cursor:
            cursor.execute(attack)
        assert refused.value.pgcode == "42501"
    finally:
        session.rollback()
        session.close()


def test_a_migration_can_still_alter_a_governed_table(migrating_owner: Callable[[], Any]) -> None:
    session = migrating_owner()
    try:
        with session.cursor() as cursor:
            cursor.execute("ALTER TABLE scratch_model ADD COLUMN colour text DEFAULT 'blue'")
            cursor.execute("ALTER TABLE scratch_model ADD COLUMN shade text GENERATED ALWAYS AS (name) STORED")
            cursor.execute("CREATE INDEX ON scratch_model (name)")
            cursor.execute("ALTER TABLE scratch_fact ALTER COLUMN digest DROP NOT NULL")
    finally:
        session.rollback()
        session.close()


def test_renaming_a_guarded_column_stops_changes_instead_of_the_guard(superuser: Callable[[], Any]) -> None:
    session = superuser()
    try:
        with session.cursor() as cursor:
            cursor.execute("ALTER TABLE scratch_fact RENAME COLUMN digest TO checksum")
            cursor.execute("INSERT INTO scratch_fact (note) VALUES ('x')")
            with pytest.raises(psycopg2.errors.UndefinedColumn, match="no longer has"):
                cursor.execute("UPDATE scratch_fact SET note = 'y'")
    finally:
        session.rollback()
        session.close()


# --- the helpers themselves ---


@pytest.mark.parametrize("name", ["Scratch", "a; DROP TABLE x", 'a"b', "", "a" * 64])
def test_only_plain_names_become_sql(name: str) -> None:
    makes: list[Callable[[], RunSQL]] = [
        lambda: migration_guards.require_event(name, "model"),
        lambda: migration_guards.require_event("t", name),
        lambda: migration_guards.require_event("t", "model", name),
        lambda: migration_guards.require_event("t", "model", via=(name, "p")),
        lambda: migration_guards.require_event("t", "model", via=("c", name)),
        lambda: migration_guards.require_event("t", "model", unrecorded=[name]),
        lambda: migration_guards.immutable_columns("t", name),
        lambda: migration_guards.refuse_delete(name),
    ]
    for make in makes:
        with pytest.raises(ValueError, match="plain lower-case SQL name"):
            make()


def test_kept_columns_have_to_be_named() -> None:
    with pytest.raises(ValueError, match="which columns"):
        migration_guards.immutable_columns("t")


def test_many_columns_still_make_a_name_postgresql_keeps() -> None:
    columns = [f"a_rather_long_column_name_{number}" for number in range(5)]
    one, two = migration_guards.immutable_columns("t", *columns), migration_guards.immutable_columns("t", *columns[:4])

    names = [str(operation.sql[2]).split('"')[1] for operation in (one, two)]
    assert [len(name) for name in names] == [63, 63]
    assert names[0] != names[1]
