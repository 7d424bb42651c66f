"""Every way round the log that somebody has found, tried in every role that can log in.

The owner of the tables is tried like the application: after the migration it owns nothing of the log.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import pytest
from django.db import ProgrammingError, connection

from audit.models import Event, Pending, Private, Stream

pytestmark = pytest.mark.django_db

REFUSED = {
    "42501",  # insufficient privilege
    "23514",  # a guard of ours
    "428C9",  # a generated column cannot be written
    "55006",  # object in use
    "2BP01",  # other objects depend on it
    "42704",  # nothing there for this role
    "55000",  # wrong state: no ON CONFLICT on …
}

# What anyone may try with statements about rows.
ROWS = {
    "update": "UPDATE audit_event SET leaf = leaf",
    "update only the hint": "UPDATE audit_event SET began_at = now()",
    "delete": "DELETE FROM audit_event",
    "truncate": "TRUNCATE audit_event",
    "truncate cascade": "TRUNCATE audit_event, audit_pending, audit_private, audit_stream RESTART IDENTITY CASCADE",
    "merge": "MERGE INTO audit_event USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    "upsert": "INSERT INTO audit_event (leaf) SELECT leaf FROM audit_event "
    "ON CONFLICT (event_id) DO UPDATE SET leaf = excluded.leaf",
    "own number": "INSERT INTO audit_event (id, leaf) OVERRIDING SYSTEM VALUE SELECT -1, leaf FROM audit_event",
    "own transaction": "INSERT INTO audit_event (leaf, xid) SELECT leaf, '7'::xid8 FROM audit_event",
    "default by name": "INSERT INTO audit_event (leaf, xid) VALUES ('{}', DEFAULT)",
    "own beginning": "INSERT INTO audit_event (leaf, began_at) SELECT leaf, '2020-01-01' FROM audit_event",
    "own generated value": "INSERT INTO audit_event (leaf, action) SELECT leaf, 'x' FROM audit_event",
    "copy": "COPY audit_event (id, leaf) FROM PROGRAM 'true'",
    "lock out the writers": "LOCK TABLE audit_event IN ACCESS EXCLUSIVE MODE",
    "lock the rows": "SELECT 1 FROM audit_event FOR UPDATE",
    "move the arrival order": "SELECT setval('audit_event_id_seq', 1)",
    "use up numbers": "SELECT nextval('audit_event_id_seq')",
    "rewind a stream": "UPDATE audit_stream SET last_seq = 0",
    "open a stream at will": "INSERT INTO audit_stream VALUES ('mine', 5)",
    "forget a stream": "DELETE FROM audit_stream",
    "empty the streams": "TRUNCATE audit_stream",
    "forge the queue": "INSERT INTO audit_pending VALUES (99)",
    "redirect the queue": "UPDATE audit_pending SET event_pk = 99",
    "empty the queue": "TRUNCATE audit_pending",
    "change a private value": "UPDATE audit_private SET value = 'other'",
    "replace a private value": "INSERT INTO audit_private SELECT event_id, pointer, field, salt, 'other' "
    "FROM audit_private ON CONFLICT (event_id, pointer) DO UPDATE SET value = excluded.value",
    "empty the private values": "TRUNCATE audit_private",
    "erase every private value": "DELETE FROM audit_private",
    "name the log otherwise": "UPDATE audit_log SET origin = 'other.invalid/audit/1'",
    "unname the log": "DELETE FROM audit_log",
    "empty the name of the log": "TRUNCATE audit_log",
    "a name before the first event": "INSERT INTO audit_log (origin) VALUES ('other.invalid/audit/1')",
    "register an action": "INSERT INTO fence.action VALUES ('person.invented')",
    "let an action account for a table": "INSERT INTO fence.accounting VALUES ('registry_user', 'log.opened')",
    "date events at will": "INSERT INTO fence.setting VALUES ('dated events', 'allowed')",
    "date events at will again": "UPDATE fence.setting SET value = 'allowed'",
    "open a migration": "SELECT fence.open_migration('mine', '{}', '1 day')",
    "begin a migration": "SELECT fence.begin_migration('mine')",
    "end a migration": "SELECT fence.end_migration('{}', '{}')",
    "forge a migration": "INSERT INTO fence.migration (release, expires_at) VALUES ('mine', now() + interval '1 day')",
    "forget the seals": "DELETE FROM fence.seal",
    "forget what was taken": "DELETE FROM fence.taken",
}

# What anyone may try with statements about the schema or the session.
SCHEMA = {
    "rewrite by type": "ALTER TABLE audit_event ALTER COLUMN leaf TYPE bytea USING decode('7b7d', 'hex')",
    "drop a column": "ALTER TABLE audit_event DROP COLUMN touched",
    "add a column": "ALTER TABLE audit_event ADD COLUMN extra text",
    "drop a check": "ALTER TABLE audit_event DROP CONSTRAINT audit_event_leaf_is_event",
    "disable a trigger": "ALTER TABLE audit_event DISABLE TRIGGER audit_event_unchanged",
    "disable all triggers": "ALTER TABLE audit_event DISABLE TRIGGER ALL",
    "weaken a trigger": "ALTER TABLE audit_event ENABLE TRIGGER audit_event_unchanged",
    "drop a trigger": "DROP TRIGGER audit_event_unchanged ON audit_event",
    "rename a trigger": "ALTER TRIGGER audit_event_unchanged ON audit_event RENAME TO other",
    "replace a trigger": "CREATE OR REPLACE TRIGGER audit_event_unchanged BEFORE UPDATE ON audit_event "
    "FOR EACH ROW WHEN (false) EXECUTE FUNCTION audit_refuse()",
    "a trigger of one's own": "CREATE TRIGGER aaa BEFORE INSERT ON audit_event "
    "FOR EACH ROW EXECUTE FUNCTION audit_refuse()",
    "swallow events by rule": "CREATE RULE swallow AS ON INSERT TO audit_event DO INSTEAD NOTHING",
    "hide events by policy": "CREATE POLICY hide ON audit_event USING (false)",
    "row security": "ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY",
    "rename the table": "ALTER TABLE audit_event RENAME TO old_event",
    "rename a column": "ALTER TABLE audit_event RENAME COLUMN leaf TO old_leaf",
    "own the table": "ALTER TABLE audit_event OWNER TO CURRENT_USER",
    "unlogged": "ALTER TABLE audit_event SET UNLOGGED",
    "another schema": "ALTER TABLE audit_event SET SCHEMA fence",
    "inherit": "CREATE TABLE child () INHERITS (audit_event)",
    "drop the table": "DROP TABLE audit_event CASCADE",
    "drop the queue": "DROP TABLE audit_pending",
    "drop the streams": "DROP TABLE audit_stream",
    "drop the private values": "DROP TABLE audit_private",
    "drop an index": "DROP INDEX audit_event_xid",
    "own the numbers": "ALTER SEQUENCE audit_event_id_seq RESTART",
    "replace a guard": "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql "
    "AS $$ BEGIN RETURN NEW; END $$",
    "rename a guard": "ALTER FUNCTION audit_require_event() RENAME TO other",
    "bend a guard's path": "ALTER FUNCTION audit_require_event() SET search_path = pg_temp",
    "drop a guard": "DROP FUNCTION audit_event_arrived() CASCADE",
    "drop the leaf function": "DROP FUNCTION audit_leaf_text(bytea, text[]) CASCADE",
    "replace the leaf function": "CREATE OR REPLACE FUNCTION audit_leaf_time(leaf bytea) RETURNS timestamptz "
    "LANGUAGE sql IMMUTABLE AS 'SELECT now()'",
    "drop what is owned": "DROP OWNED BY countersign_fence CASCADE",
    "take what is owned": "REASSIGN OWNED BY countersign_fence TO CURRENT_USER",
    "drop the schema": "DROP SCHEMA public CASCADE",
    "rename the schema": "ALTER SCHEMA public RENAME TO other",
    "drop the fence": "DROP SCHEMA fence CASCADE",
    "replace the fence": "CREATE OR REPLACE FUNCTION fence.hold() RETURNS event_trigger LANGUAGE plpgsql "
    "AS $$ BEGIN END $$",
    "drop the event trigger": "DROP EVENT TRIGGER fence_hold_after_change",
    "disable the event trigger": "ALTER EVENT TRIGGER fence_hold_after_change DISABLE",
    "session without event triggers": "SET event_triggers = off",
    "session as a replica": "SET session_replication_role = replica",
    "become the keeper": "SET ROLE countersign_fence",
    "become a superuser": "SET ROLE postgres",
    "write system tables": "UPDATE pg_trigger SET tgenabled = 'D'",
}

ATTACKS = ROWS | SCHEMA


def _event(seq: int = 1) -> bytes:
    return json.dumps(
        {
            "type": "audit.event/1",
            "log": "test.invalid/audit/1",
            "id": str(uuid.uuid4()),
            "at": "2026-03-01T12:30:00.000005Z",
            "action": "log.opened",
            "actor": {"type": "process", "id": "attacker"},
            "object": {"type": "log", "id": "x"},
            "stream": {"id": "attacked", "seq": seq},
            "changes": [],
        }
    ).encode()


def _write_event(cursor: Any) -> None:
    """An event and a private value, as any role of the product may write them."""
    cursor.execute("INSERT INTO audit_event (leaf) VALUES (%s) RETURNING event_id", [_event()])
    (event_id,) = cursor.fetchone()
    cursor.execute("INSERT INTO audit_private VALUES (%s, '/reason', 'reason', %s, 'w')", [event_id, bytes(32)])


@pytest.fixture(params=["application", "owner"])
def attacker(request: pytest.FixtureRequest, owner: Callable[[], Any]) -> Iterator[Any]:
    """A cursor in that role, in a transaction that has written an event and is rolled back in the end."""
    if request.param == "application":
        facts = connection.settings_dict
        session = psycopg2.connect(host=facts["HOST"], port=facts["PORT"] or None, dbname=facts["NAME"],
                                   user=facts["USER"], password=facts["PASSWORD"] or None)  # fmt: skip
    else:
        session = owner()
    with session.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == ({"application": "countersign_app", "owner": "countersign_owner"}[request.param],)
        _write_event(cursor)
        yield cursor
    session.rollback()
    session.close()


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_no_role_of_the_product_gets_round_the_log(attacker: Any, attack: str) -> None:
    with pytest.raises(psycopg2.Error) as refused:
        attacker.execute(attack)

    assert refused.value.pgcode in REFUSED, refused.value


@pytest.mark.parametrize("right", ["UPDATE", "DELETE", "TRUNCATE", "TRIGGER"])
def test_no_role_of_the_product_can_grant_what_it_has_not(attacker: Any, right: str) -> None:
    # PostgreSQL answers a GRANT without any grant option by a warning only.
    try:
        attacker.execute(f"GRANT {right} ON audit_event TO countersign_app")
    except psycopg2.errors.InsufficientPrivilege:
        return
    attacker.execute("SELECT has_table_privilege('countersign_app', 'audit_event', %s)", [right])
    assert attacker.fetchone() == (False,)


def test_the_application_cannot_put_a_table_in_front_of_the_log() -> None:
    with pytest.raises(ProgrammingError, match="needs a declared migration"), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE audit_event (leaf bytea)")


def test_another_backend_cannot_be_asked_to_forget(attacker: Any) -> None:
    # A convenience of pgtrigger that any role may set; nothing here listens to it.
    attacker.execute("SELECT set_config('pgtrigger.ignore', 'audit_event:audit_event_unchanged', true)")
    with pytest.raises(psycopg2.Error):
        attacker.execute("DELETE FROM audit_event")


def test_what_the_roles_may_do_with_the_log(attacker: Any) -> None:
    attacker.execute("SELECT audit_stream_next('attacked')")
    assert attacker.fetchone() == (2,)
    attacker.execute("INSERT INTO audit_event (leaf) VALUES (%s)", [_event(2)])
    attacker.execute("SELECT count(*) FROM audit_event")
    assert attacker.fetchone()[0] >= 2
    attacker.execute("DELETE FROM audit_pending")  # sequencing
    assert attacker.rowcount == 2


@pytest.mark.parametrize("replica", [False, True], ids=["plain", "as a replica"])
@pytest.mark.parametrize(
    "attack",
    ["update", "delete", "truncate", "merge", "upsert", "forget a stream", "empty the streams", "redirect the queue",
     "empty the queue", "change a private value", "empty the private values"],
)  # fmt: skip
def test_even_a_superuser_meets_the_triggers(superuser: Callable[[], Any], attack: str, replica: bool) -> None:
    session = superuser()
    try:
        with session.cursor() as cursor:
            _write_event(cursor)
            if replica:
                cursor.execute("SET session_replication_role = replica")
            with pytest.raises(psycopg2.errors.CheckViolation) as refused:
                cursor.execute(ROWS[attack])
            assert refused.value.diag.message_hint
    finally:
        session.rollback()
        session.close()


def test_everything_of_the_log_belongs_to_a_role_without_login() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT relname, rolname, rolcanlogin FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner
                WHERE relname LIKE 'audit%' AND relnamespace = 'public'::regnamespace
               UNION ALL
               SELECT proname, rolname, rolcanlogin FROM pg_proc JOIN pg_roles ON pg_roles.oid = proowner
                WHERE proname LIKE 'audit%' AND pronamespace = 'public'::regnamespace"""
        )
        found = cursor.fetchall()
    assert len(found) >= 4 + 10
    assert {(role, login) for _, role, login in found} == {("countersign_fence", False)}


def test_every_trigger_of_the_log_fires_always() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT tgrelid::regclass::text, tgname FROM pg_trigger
                WHERE tgrelid::regclass::text LIKE 'audit%' AND NOT tgisinternal AND tgenabled <> 'A'"""
        )
        assert cursor.fetchall() == []


def test_no_function_of_the_log_that_runs_with_other_rights_trusts_the_callers_path() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, proconfig FROM pg_proc WHERE proname LIKE 'audit%' AND prosecdef ORDER BY proname"
        )
        found = dict(cursor.fetchall())
    path = ["search_path=pg_catalog, pg_temp"]
    assert found == {"audit_event_arrived": path, "audit_event_checked": path, "audit_stream_next": path}


@pytest.mark.parametrize("model", [Event, Stream, Pending, Private])
def test_the_models_have_the_columns_of_the_tables(model: type[Event | Stream | Pending | Private]) -> None:
    # Django does not look at the columns of a table it does not manage.
    own = {"audit_event": {"xid", "began_at"}}
    types = {
        "BigAutoField": "bigint", "BigIntegerField": "bigint", "BinaryField": "bytea", "UUIDField": "uuid",
        "TextField": "text", "DateTimeField": "timestamp with time zone", "ArrayField": "ARRAY",
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, data_type, is_generated, is_nullable FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name = %s",
            [model._meta.db_table],
        )
        table = {name: (kind, generated == "ALWAYS", nullable) for name, kind, generated, nullable in cursor}
    declared = {
        field.column: (
            types[getattr(field, "output_field", field).__class__.__name__],
            field.generated,
            "YES" if field.null else "NO",
        )
        for field in model._meta.concrete_fields
    }
    assert declared == {
        name: facts for name, facts in table.items() if name not in own.get(model._meta.db_table, set())
    }
