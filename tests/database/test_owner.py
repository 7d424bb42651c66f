"""The owner of the tables, outside and inside a declared migration, against governed tables of the product."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg2
import psycopg2.errors
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from audit import accounting, actions
from governance import deployment
from governance.database import releases
from governance.database.provisioning import connect_by_url, open_migration
from governance.database.roles import OWNER, as_owner
from governance.notifications import audit_problems
from tests import factories

Connect = Callable[[], Any]

TABLES = ("governance_decision", "registry_stageoccupancy", "registry_user", "auth_permission")

ALWAYS_REFUSED = {
    "rename": "ALTER TABLE {table} RENAME TO put_away",
    "replace": "ALTER TABLE {table} RENAME TO put_away; CREATE TABLE {table} (LIKE put_away)",
    "drop": "DROP TABLE {table} CASCADE",
    "a child": "CREATE TABLE forged () INHERITS ({table})",
    "a parent": "CREATE TABLE forged (); ALTER TABLE {table} INHERIT forged",
    "a rule": "CREATE RULE swallow AS ON INSERT TO {table} DO INSTEAD NOTHING",
    "row security": "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
    "forced row security": "ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
    "a policy": "CREATE POLICY hide ON {table} USING (false)",
    "unlogged": "ALTER TABLE {table} SET UNLOGGED",
    "another schema": "CREATE SCHEMA aside; ALTER TABLE {table} SET SCHEMA aside",
    "another owner": "ALTER TABLE {table} OWNER TO countersign_app",
    "drop a column": "ALTER TABLE {table} DROP COLUMN {column} CASCADE",
    "rename a column": "ALTER TABLE {table} RENAME COLUMN {column} TO put_away",
    "replace a column": "ALTER TABLE {table} DROP COLUMN {column} CASCADE; "
    "ALTER TABLE {table} ADD COLUMN {column} text",
    "disable the guards": "ALTER TABLE {table} DISABLE TRIGGER USER",
    "drop a guard": "DROP TRIGGER {guard} ON {table}",
    "empty": "TRUNCATE {table} CASCADE",
}
"""For {table}, with one of its columns and one of its guards."""

OUTSIDE_REFUSED = {
    "rewrite": "ALTER TABLE {table} ALTER COLUMN {column} TYPE text USING 'approve'",
    "a trigger that alters rows": "CREATE TRIGGER first BEFORE INSERT ON {table} FOR EACH ROW "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "add a column": "ALTER TABLE {table} ADD COLUMN more text",
    "a default": "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT 'approve'",
    "a constraint": "ALTER TABLE {table} ADD CHECK (false) NOT VALID",
    "grant to all": "GRANT ALL ON {table} TO PUBLIC",
    "revoke": "REVOKE SELECT ON {table} FROM countersign_app",
    "an index": "CREATE INDEX ON {table} ({column})",
    "a generated copy": "CREATE TABLE forged AS SELECT * FROM {table}",
    "a view in front": "CREATE SCHEMA front CREATE VIEW {table} AS SELECT * FROM public.{table}",
    "a temporary table in front": "CREATE TEMPORARY TABLE {table} (id bigint)",
    "statistics": "CREATE STATISTICS s ON {column}, id FROM {table}",
}

SCHEMA_REFUSED = {
    "the view of memberships": "CREATE OR REPLACE VIEW registry_effective_membership AS SELECT 1::bigint AS id",
    "drop the view": "DROP VIEW registry_effective_membership",
    "a function in front": "CREATE FUNCTION lower(varchar) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'",
    "an operator in front": "CREATE OPERATOR = (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = texteq)",
    "a cast": "CREATE CAST (varchar AS boolean) WITH INOUT AS IMPLICIT",
    "an aggregate": "CREATE AGGREGATE max(varchar) (SFUNC = text_larger, STYPE = text)",
    "a schema": "CREATE SCHEMA front",
    "a new table": "CREATE TABLE forged (id bigint)",
    "a domain": "CREATE DOMAIN uuid AS text",
    "the standing decision": "DROP INDEX decision_one_standing_per_person",
    "a foreign key that cascades": "ALTER TABLE governance_decision ADD FOREIGN KEY (person_id) "
    "REFERENCES registry_user ON DELETE CASCADE",
    "a sequence": "ALTER SEQUENCE registry_user_id_seq RESTART",
    "default privileges": "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC",
    "what it owns": "DROP OWNED BY countersign_owner CASCADE",
    "to give away what it owns": "REASSIGN OWNED BY countersign_owner TO countersign_app",
    "an event trigger": "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION fence.hold()",
    "the settings of the application": "ALTER ROLE countersign_app SET search_path = pg_temp",
    "a comment": "COMMENT ON TABLE registry_user IS 'x'",
    "taking": "SELECT fence.take('registry_savedview'::regclass)",
    "sealing": "SELECT fence.seal('registry_user'::regclass, 'audit_event_required')",
    "a migration of its own": "SELECT fence.begin_migration('mine')",
    "an open migration": "SELECT fence.open_migration('mine', '{{}}', '1 day')",
    "a recorded migration": "INSERT INTO django_migrations (app, name, applied) VALUES ('audit', '9999', now())",
    "a permission renamed": "UPDATE auth_permission SET codename = 'decide_promotion' WHERE codename LIKE 'view%'",
    "a permission removed": "DELETE FROM auth_permission",
    "a content type renamed": "UPDATE django_content_type SET model = 'other' WHERE model = 'user'",
}

REFUSED = (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.CheckViolation, psycopg2.ProgrammingError)


@pytest.fixture
def outside(transactional_db: None, owner: Connect) -> Iterator[Any]:
    """A session of the owner, as anyone with its credentials opens it."""
    session = owner()
    yield session
    session.rollback()
    session.close()


@pytest.fixture
def inside(transactional_db: None, migrating_owner: Connect) -> Iterator[Any]:
    """A session of the owner in a declared migration."""
    session = migrating_owner()
    yield session
    session.rollback()
    session.close()


def attacked(statement: str, table: str) -> str:
    column = {"governance_decision": "outcome", "registry_stageoccupancy": "promotion", "registry_user": "is_superuser"}
    guard = "fence_by_migration" if table == "auth_permission" else "audit_event_required"
    return statement.format(table=table, column=column.get(table, "codename"), guard=guard)


def refuses(session: Any, statement: str) -> None:
    with pytest.raises(REFUSED) as refused, session.cursor() as cursor:
        cursor.execute(statement)
    session.rollback()
    assert not isinstance(refused.value, psycopg2.errors.SyntaxError | psycopg2.errors.UndefinedTable), refused.value


@pytest.mark.parametrize("attack", {**ALWAYS_REFUSED, **OUTSIDE_REFUSED}.values(), ids=str)
def test_without_a_declared_migration_the_owner_changes_no_governed_table(outside: Any, attack: str) -> None:
    for table in TABLES:
        refuses(outside, attacked(attack, table))


@pytest.mark.parametrize("attack", SCHEMA_REFUSED.values(), ids=SCHEMA_REFUSED.keys())
def test_without_a_declared_migration_the_owner_changes_no_schema(outside: Any, attack: str) -> None:
    refuses(outside, attack)


@pytest.mark.parametrize("attack", ALWAYS_REFUSED.values(), ids=ALWAYS_REFUSED.keys())
def test_a_declared_migration_renames_hides_and_empties_no_governed_table(inside: Any, attack: str) -> None:
    for table in TABLES:
        refuses(inside, attacked(attack, table))


def test_a_declared_migration_rewrites_no_rows(inside: Any) -> None:
    factories.person("marta")
    refuses(inside, "ALTER TABLE registry_user ALTER COLUMN title TYPE text USING 'Officer'")
    refuses(inside, "ALTER TABLE registry_user ALTER COLUMN name TYPE varchar(201) USING 'Marta'")


def test_a_declared_migration_adds_columns_indexes_and_constraints(inside: Any) -> None:
    with inside.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_user ADD COLUMN more text NOT NULL DEFAULT ''")
        cursor.execute("CREATE INDEX ON registry_user (more)")
        cursor.execute("ALTER TABLE registry_user ADD CONSTRAINT more_or_less CHECK (more <> 'less')")


def test_a_migration_ends_with_every_trigger_sealed(inside: Any) -> None:
    with inside.cursor() as cursor:
        cursor.execute(
            "CREATE TRIGGER first BEFORE INSERT ON registry_user FOR EACH ROW "
            "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        )
    refuses_end = "SELECT fence.end_migration('{log.opened}', '{}')"
    with (
        pytest.raises(psycopg2.errors.InsufficientPrivilege, match=r"first on public\.registry_user"),
        inside.cursor() as cursor,
    ):
        cursor.execute(refuses_end)


def test_a_column_is_removed_where_the_release_says_so(inside: Any, superuser: Connect) -> None:
    with superuser() as session, session.cursor() as cursor:
        cursor.execute("UPDATE fence.migration SET removes = '{registry_user.title}' WHERE ended_at IS NULL")
    session.close()
    with inside.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_user DROP COLUMN title")
    inside.rollback()
    refuses(inside, "ALTER TABLE registry_user DROP COLUMN name")


def test_the_owner_begins_only_what_a_superuser_opened_for_this_release(outside: Any) -> None:
    url = settings.COUNTERSIGN_PROVISION_URL
    open_migration(connect_by_url(url), outside.info.dbname, release="another release", removes=[])
    refuses(outside, "SELECT fence.begin_migration('this release')")
    refuses(outside, "CREATE TABLE forged (id bigint)")
    with outside.cursor() as cursor:
        cursor.execute("SELECT fence.begin_migration('another release')")
        cursor.execute("CREATE TABLE forged (id bigint)")


@pytest.mark.django_db(transaction=True)
def test_migrating_without_an_open_migration_is_refused_where_something_is_to_be_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "COUNTERSIGN_PROVISION_URL", "")
    monkeypatch.setattr(releases, "digest", lambda: "0" * 64)
    call_command("migrate", verbosity=0)
    monkeypatch.setattr(actions, "_register", {**actions._register, "page.invented": actions.LOG_OPENED})
    monkeypatch.setattr(accounting, "all_declared", lambda: {"registry_user": ["person.updated"]})
    with pytest.raises(CommandError, match="no migration is open"):
        call_command("migrate", verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_migrating_takes_the_registers_over_and_is_recorded() -> None:
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM fence.action")
        assert {name for (name,) in cursor.fetchall()} == set(map(str, actions.all_actions()))
        cursor.execute("SELECT table_name, array_agg(action ORDER BY action) FROM fence.accounting GROUP BY 1")
        assert dict(cursor.fetchall()) == accounting.all_declared()
        cursor.execute(
            "SELECT release, ended_at IS NOT NULL, shape_after FROM fence.migration ORDER BY id DESC LIMIT 1"
        )
        release, ended, shape = cursor.fetchone()
    assert (release, ended) == (releases.digest(), True)
    assert len(shape) == 64
    with as_owner(connection), pytest.raises(Exception, match="needs a declared migration"):
        connection.cursor().execute("CREATE TABLE forged (id bigint)")


@pytest.mark.django_db
def test_every_governed_table_says_which_actions_account_for_it() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT sealed_table::text FROM fence.seal WHERE sealed_trigger = 'audit_event_required' "
            "AND sealed_table::text NOT LIKE 'scratch%%'"
        )
        governed = {name.removeprefix("public.") for (name,) in cursor.fetchall()}
    assert governed <= set(accounting.all_declared()), (
        "declare them in registry/accounting.py or governance/accounting.py"
    )


@pytest.mark.django_db
def test_the_product_database_belongs_to_the_superuser() -> None:
    session = psycopg2.connect(settings.COUNTERSIGN_PROVISION_URL, dbname="postgres")
    try:
        with session.cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper FROM pg_database JOIN pg_roles r ON r.oid = datdba WHERE datname = 'countersign'"
            )
            assert cursor.fetchone() == (True,)
            for right, wanted in (("CREATE", False), ("CONNECT", True)):
                cursor.execute("SELECT has_database_privilege(%s, 'countersign', %s)", [OWNER, right])
                assert cursor.fetchone() == (wanted,)
    finally:
        session.close()


@pytest.mark.django_db(transaction=True)
def test_a_change_by_a_superuser_is_found(superuser: Connect) -> None:
    call_command("migrate", verbosity=0)
    assert "table registry_user" not in differences()
    with superuser() as session, session.cursor() as cursor:
        cursor.execute("ALTER TABLE registry_user DISABLE TRIGGER audit_event_required")
    try:
        assert {"table registry_user", "trigger audit_event_required of table public.registry_user"} <= differences()
        assert "The trigger audit_event_required of table public.registry_user is not as" in " ".join(
            problem.title for problem in audit_problems.find_problems()
        )
    finally:
        with session, session.cursor() as cursor:
            cursor.execute("ALTER TABLE registry_user ENABLE ALWAYS TRIGGER audit_event_required")
        session.close()
    assert "table registry_user" not in differences()


@pytest.mark.django_db(transaction=True)
def test_registers_other_than_those_of_the_release_are_found(superuser: Connect) -> None:
    call_command("migrate", verbosity=0)
    reported = {found.id for found in deployment.fence(databases=["default"])}
    assert "countersign.W023" not in reported
    forged = "('registry_user', 'person.signed_in')"
    with superuser() as session, session.cursor() as cursor:
        cursor.execute(f"INSERT INTO fence.accounting (table_name, action) VALUES {forged}")
    try:
        assert releases.differing_registers(connection) == ["action person.signed_in for table registry_user"]
        assert "countersign.W023" in {found.id for found in deployment.fence(databases=["default"])}
    finally:
        with session, session.cursor() as cursor:
            cursor.execute(f"DELETE FROM fence.accounting WHERE (table_name, action) = {forged}")
        session.close()


def differences() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM fence.differences()")
        return {difference for (difference,) in cursor.fetchall()}
