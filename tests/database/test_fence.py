"""The fence: what the owner of the tables has handed over or sealed stays as it was left, whatever the owner tries."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.errors
import pytest

from governance.embedded import binary

pytestmark = pytest.mark.django_db

Connect = Callable[[], Any]

MAKE = """
CREATE FUNCTION tried_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'kept' USING ERRCODE = '23514'; END $$;

CREATE TABLE tried_log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, leaf text NOT NULL);
REVOKE ALL ON tried_log FROM countersign_app;
GRANT SELECT, INSERT (leaf) ON tried_log TO countersign_app;
CREATE TRIGGER tried_log_kept BEFORE UPDATE OR DELETE ON tried_log FOR EACH ROW EXECUTE FUNCTION tried_refuse();
CREATE TRIGGER tried_log_full BEFORE TRUNCATE ON tried_log FOR EACH STATEMENT EXECUTE FUNCTION tried_refuse();
ALTER TABLE tried_log ENABLE ALWAYS TRIGGER tried_log_kept;
ALTER TABLE tried_log ENABLE ALWAYS TRIGGER tried_log_full;
SELECT fence.take('tried_log'::regclass);
SELECT fence.take('tried_refuse()'::regprocedure);

CREATE TABLE tried_row (id bigint PRIMARY KEY, stage text);
CREATE TRIGGER tried_row_kept BEFORE DELETE ON tried_row FOR EACH ROW EXECUTE FUNCTION tried_refuse();
ALTER TABLE tried_row ENABLE ALWAYS TRIGGER tried_row_kept;
SELECT fence.seal('tried_row', 'tried_row_kept');

INSERT INTO tried_log (leaf) VALUES ('first');
INSERT INTO tried_row VALUES (1, 'Development');
"""

UNMAKE = """
DELETE FROM fence.seal WHERE sealed_trigger LIKE 'tried%';
DELETE FROM fence.taken WHERE taken_table = to_regclass('tried_log');
DROP TABLE IF EXISTS tried_log, tried_row CASCADE;
DROP FUNCTION IF EXISTS tried_refuse() CASCADE;
DROP FUNCTION IF EXISTS tried_as_fence(text) CASCADE;
"""


@pytest.fixture
def attacker(migrating_owner: Connect, superuser: Connect) -> Iterator[Any]:
    """A session of the owner in a declared migration, in which a table was handed over and a trigger sealed."""
    session = migrating_owner()
    session.autocommit = True
    with session.cursor() as cursor:
        cursor.execute(MAKE)
    yield session
    session.close()
    cleaner = superuser()
    with cleaner, cleaner.cursor() as cursor:
        cursor.execute(UNMAKE)
    cleaner.close()


def run(session: Any, statement: str) -> Any:
    with session.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else None


def as_it_was_left(session: Any) -> bool:
    rows = run(session, "SELECT leaf FROM tried_log"), run(session, "SELECT id, stage FROM tried_row")
    triggers = run(
        session,
        "SELECT tgname FROM pg_trigger WHERE tgname LIKE 'tried%' AND tgenabled = 'A' "
        "AND tgrelid IN ('tried_log'::regclass, 'tried_row'::regclass) ORDER BY 1",
    )
    granted = run(session, "SELECT has_any_column_privilege('countersign_app', 'tried_log', 'UPDATE')")
    return (
        granted == [(False,)]
        and rows == ([("first",)], [(1, "Development")])
        and triggers
        == [
            ("tried_log_full",),
            ("tried_log_kept",),
            ("tried_row_kept",),
        ]
    )


ATTACKS = [
    "UPDATE tried_log SET leaf = 'other'",
    "DELETE FROM tried_log",
    "TRUNCATE tried_log",
    "DROP TABLE tried_log",
    "DROP TABLE tried_log CASCADE",
    "ALTER TABLE tried_log DISABLE TRIGGER ALL",
    "ALTER TABLE tried_log DISABLE TRIGGER tried_log_kept",
    "DROP TRIGGER tried_log_kept ON tried_log",
    "ALTER TABLE tried_log RENAME TO put_away",
    "ALTER TABLE tried_log SET SCHEMA pg_temp",
    "ALTER TABLE tried_log ADD COLUMN more text",
    "ALTER TABLE tried_log ALTER COLUMN leaf TYPE text USING 'other'",
    "ALTER TABLE tried_log OWNER TO countersign_owner",
    "CREATE RULE lose AS ON INSERT TO tried_log DO INSTEAD NOTHING",
    "CREATE TRIGGER lose BEFORE INSERT ON tried_log FOR EACH ROW EXECUTE FUNCTION tried_refuse()",
    "ALTER FUNCTION tried_refuse() RENAME TO put_away",
    "CREATE OR REPLACE FUNCTION tried_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "DROP FUNCTION tried_refuse() CASCADE",
    "ALTER TABLE tried_row DISABLE TRIGGER tried_row_kept",
    "ALTER TABLE tried_row ENABLE TRIGGER tried_row_kept",
    "ALTER TABLE tried_row ENABLE REPLICA TRIGGER tried_row_kept",
    "DROP TRIGGER tried_row_kept ON tried_row",
    "ALTER TRIGGER tried_row_kept ON tried_row RENAME TO put_away",
    """CREATE OR REPLACE TRIGGER tried_row_kept BEFORE DELETE ON tried_row FOR EACH ROW WHEN (false)
       EXECUTE FUNCTION tried_refuse()""",
    "DROP TABLE tried_row",
    "SET session_replication_role = replica",
    "SET event_triggers = off",
    "ALTER DATABASE {database} SET event_triggers = off",
    "ALTER ROLE countersign_owner SET session_replication_role = replica",
    "DROP EVENT TRIGGER fence_hold_after_change",
    "ALTER EVENT TRIGGER fence_hold_after_change DISABLE",
    "DROP SCHEMA fence CASCADE",
    "DROP SCHEMA public CASCADE",
    "ALTER SCHEMA public RENAME TO put_away",
    "DELETE FROM fence.seal",
    "DELETE FROM fence.taken",
    "CREATE OR REPLACE FUNCTION fence.hold() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$",
    "SET ROLE countersign_fence",
    "SET SESSION AUTHORIZATION postgres",
    "DROP OWNED BY countersign_fence",
    "REASSIGN OWNED BY countersign_fence TO countersign_owner",
    "GRANT countersign_fence TO countersign_owner",
    "SELECT fence.take('fence.seal'::regclass)",
    "SELECT fence.take('fence.hold()'::regprocedure)",
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_owner_gets_no_hold_of_what_it_gave_away(attacker: Any, attack: str) -> None:
    with pytest.raises(
        (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.CheckViolation, psycopg2.ProgrammingError)
    ):
        run(attacker, attack.format(database=attacker.info.dbname))

    assert as_it_was_left(attacker)


AS_FENCE = [
    "UPDATE tried_log SET leaf = 'other'",
    "DELETE FROM tried_log",
    "TRUNCATE tried_log",
    "DROP TABLE tried_log",
    "ALTER TABLE tried_log DISABLE TRIGGER ALL",
    "DROP TRIGGER tried_log_kept ON tried_log",
    "ALTER TABLE tried_log RENAME TO put_away",
    "ALTER TABLE tried_log ALTER COLUMN leaf TYPE text USING 'other'",
    "ALTER TABLE tried_log ALTER COLUMN leaf TYPE varchar USING 'other'",
    "ALTER TABLE tried_log OWNER TO countersign_owner",
    "ALTER TABLE tried_log ENABLE ROW LEVEL SECURITY",
    "ALTER TABLE tried_log SET UNLOGGED",
    "CREATE RULE lose AS ON INSERT TO tried_log DO INSTEAD NOTHING",
    "CREATE TRIGGER lose BEFORE INSERT ON tried_log FOR EACH ROW EXECUTE FUNCTION tried_refuse()",
    "GRANT UPDATE ON tried_log TO countersign_app",
    "DROP OWNED BY countersign_fence CASCADE",
    "DELETE FROM fence.taken",
    "SELECT set_config('session_replication_role', 'replica', true)",
    "SELECT set_config('event_triggers', 'off', true)",
]


@pytest.mark.parametrize("attack", AS_FENCE)
def test_not_even_through_a_function_that_runs_with_the_rights_of_the_fence(attacker: Any, attack: str) -> None:
    run(
        attacker,
        "CREATE FUNCTION tried_as_fence(statement text) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS "
        "$$ BEGIN EXECUTE statement; END $$",
    )
    run(attacker, "SELECT fence.take('tried_as_fence(text)'::regprocedure)")

    with (
        pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.CheckViolation)),
        attacker.cursor() as cursor,
    ):
        cursor.execute("SELECT tried_as_fence(%s)", [attack])

    assert as_it_was_left(attacker)


def test_a_sealed_table_may_still_be_changed_otherwise(attacker: Any) -> None:
    run(attacker, "ALTER TABLE tried_row ADD COLUMN more text")
    run(attacker, "ALTER TABLE tried_row ALTER COLUMN stage SET DEFAULT 'Development'")
    run(attacker, "CREATE INDEX ON tried_row (stage)")

    assert as_it_was_left(attacker)


def test_the_owner_keeps_what_the_application_may_do(attacker: Any) -> None:
    run(attacker, "INSERT INTO tried_log (leaf) VALUES ('second')")

    assert run(attacker, "SELECT leaf FROM tried_log ORDER BY id") == [("first",), ("second",)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        run(attacker, "INSERT INTO tried_log (id, leaf) OVERRIDING SYSTEM VALUE VALUES (7, 'third')")


def test_only_a_trigger_that_always_fires_can_be_sealed(attacker: Any) -> None:
    run(attacker, "CREATE TABLE tried_other (id int)")
    try:
        with pytest.raises(psycopg2.errors.UndefinedObject, match="cannot be sealed"):
            run(attacker, "SELECT fence.seal('tried_other', 'missing')")
    finally:
        run(attacker, "DROP TABLE tried_other")


def test_seals_are_kept_by_name_so_that_a_restore_finds_them(superuser: Connect) -> None:
    session = superuser()
    try:
        kinds = run(
            session,
            "SELECT attrelid::regclass::text, attname, atttypid::regtype::text FROM pg_attribute WHERE attnum > 0 "
            "AND attrelid IN ('fence.seal'::regclass, 'fence.taken'::regclass) ORDER BY 1, attnum",
        )
    finally:
        session.close()
    assert kinds == [
        ("fence.seal", "sealed_table", "regclass"),
        ("fence.seal", "sealed_trigger", "name"),
        ("fence.taken", "taken_table", "regclass"),
        ("fence.taken", "shape", "text"),
    ]


def test_the_fence_stands_in_a_restored_database(attacker: Any, superuser: Connect, tmp_path: Path) -> None:
    source, restored = attacker.info.dbname, f"{attacker.info.dbname}_restored"
    copy = tmp_path / "copy.dump"
    where = ["--host", attacker.info.host, "--username", "postgres"]
    if attacker.info.port:
        where += ["--port", str(attacker.info.port)]
    maintenance = superuser()
    maintenance.autocommit = True
    try:
        run(maintenance, f'CREATE DATABASE "{restored}" TEMPLATE template0')
        tool("pg_dump", *where, "--format=custom", "--file", str(copy), source)
        tool("pg_restore", *where, "--exit-on-error", "--clean", "--if-exists", "--dbname", restored, str(copy))
        parameters = {**attacker.info.dsn_parameters, "dbname": restored}
        session = psycopg2.connect(**parameters)
        session.autocommit = True
        try:
            for attack in (
                "ALTER TABLE tried_row DISABLE TRIGGER tried_row_kept",
                "ALTER TABLE tried_log RENAME TO put_away",
                "DELETE FROM tried_log",
                "DROP TABLE tried_row",
            ):
                with pytest.raises((psycopg2.errors.InsufficientPrivilege, psycopg2.errors.CheckViolation)):
                    run(session, attack)
            assert as_it_was_left(session)
        finally:
            session.close()
    finally:
        run(maintenance, f'DROP DATABASE IF EXISTS "{restored}"')
        maintenance.close()


def tool(name: str, *arguments: str) -> None:
    outcome = subprocess.run([str(binary(name)), *arguments], capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
