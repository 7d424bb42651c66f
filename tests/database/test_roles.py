"""Who may do what in the database, apart from what the log's own tests try."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg2
import psycopg2.errors
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from governance.database.roles import APPLICATION, FENCE, OWNER, TEMPLATE, as_owner

pytestmark = pytest.mark.django_db


def scalar(statement: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        (value,) = cursor.fetchone()
        return value


def test_tests_run_as_the_application_which_owns_nothing() -> None:
    assert scalar("SELECT session_user") == APPLICATION
    assert scalar("SELECT count(*) FROM pg_class WHERE relowner = %s::regrole", APPLICATION) == 0
    assert scalar("SELECT count(*) FROM pg_proc WHERE proowner = %s::regrole", APPLICATION) == 0


def test_the_product_has_no_role_that_could_become_another() -> None:
    assert (
        scalar(
            "SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s) AND (rolsuper OR rolcreaterole OR rolbypassrls "
            "OR rolreplication)",
            [APPLICATION, OWNER, FENCE],
        )
        == 0
    )
    assert scalar("SELECT count(*) FROM pg_auth_members WHERE member::regrole::text LIKE 'countersign%%'") == 0
    assert scalar("SELECT rolcreatedb FROM pg_roles WHERE rolname = %s", APPLICATION) is False
    assert scalar("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", FENCE) is False


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE registry_user (id int)",
        "CREATE SCHEMA mine",
        "DROP TABLE registry_user",
        "TRUNCATE registry_user",
        "ALTER TABLE registry_user DISABLE TRIGGER ALL",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('audit', '9999_forged', now())",
        "DELETE FROM django_migrations",
        "SELECT fence.take('registry_user'::regclass)",
        "SELECT fence.seal('registry_user'::regclass, 'any')",
        "DELETE FROM fence.seal",
        "DELETE FROM fence.taken",
        "SET session_replication_role = replica",
        "SET event_triggers = off",
        f"SET ROLE {OWNER}",
        f"SET SESSION AUTHORIZATION {OWNER}",
    ],
)
def test_the_application_may_not(statement: str) -> None:
    with pytest.raises(ProgrammingError) as refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert isinstance(refused.value.__cause__, psycopg2.errors.InsufficientPrivilege)


def test_what_was_migrated_is_read_by_the_application() -> None:
    assert scalar("SELECT count(*) FROM django_migrations") > 0


def test_the_database_is_never_flushed_where_tests_have_not_prepared_it(superuser: Callable[[], Any]) -> None:
    with superuser() as session, session.cursor() as cursor:
        cursor.execute("ALTER FUNCTION fence_reset_for_tests() RENAME TO set_aside")
    try:
        with pytest.raises(CommandError) as refused:
            call_command("flush", interactive=False)
        assert "append-only" in str(refused.value.__cause__ or refused.value)
    finally:
        with session, session.cursor() as cursor:
            cursor.execute("ALTER FUNCTION set_aside() RENAME TO fence_reset_for_tests")
        session.close()


def test_the_way_to_empty_a_database_is_in_no_template() -> None:
    from django.conf import settings

    session = psycopg2.connect(settings.COUNTERSIGN_PROVISION_URL, dbname=TEMPLATE)
    try:
        with session.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_proc WHERE proname LIKE '%for_tests'")
            assert cursor.fetchone() == (0,)
            cursor.execute("SELECT count(*) FROM pg_event_trigger WHERE evtenabled = 'A' AND evtname LIKE 'fence%'")
            assert cursor.fetchone() == (4,)
    finally:
        session.close()


def test_a_connection_does_not_change_roles_inside_a_transaction() -> None:
    with pytest.raises(transaction.TransactionManagementError), as_owner(connection):
        pytest.fail("the role was changed")


def test_a_process_without_the_owners_credentials_cannot_migrate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(connection.settings_dict, "OWNER_USER")

    with pytest.raises(ImproperlyConfigured, match="DATABASE_OWNER_URL"):
        call_command("migrate", verbosity=0)


@pytest.mark.django_db(transaction=True)
def test_the_role_is_the_applications_again_after_work_as_the_owner() -> None:
    with as_owner(connection):
        assert scalar("SELECT session_user") == OWNER
        with as_owner(connection):
            assert scalar("SELECT session_user") == OWNER
        assert scalar("SELECT session_user") == OWNER
    assert scalar("SELECT session_user") == APPLICATION
