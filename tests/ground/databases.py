"""A database for each test worker, made as a production one is, and a way to empty it that exists nowhere else.

Tests run as the application role. ``db`` tests roll back. ``transactional_db`` tests commit, and are reset by a
function of the superuser that is created here, in test databases only: it passes the guards of the log, which nothing
in the product can.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.errors
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker

from governance.database.provisioning import edition
from governance.database.roles import OWNER, TEMPLATE
from governance.embedded import only_one
from governance.health import redis_client

RESET_SQL = Path(__file__).with_name("reset.sql")


@pytest.fixture(scope="session")
def superuser() -> Callable[[], Any]:
    """Open a superuser's connection to this worker's test database: for attacks, and for looking where nobody may."""

    def connect() -> Any:
        if not settings.COUNTERSIGN_PROVISION_URL:
            pytest.fail("tests on a server of your own need COUNTERSIGN_PROVISION_URL, a superuser's URL")
        return psycopg2.connect(settings.COUNTERSIGN_PROVISION_URL, dbname=connection.settings_dict["NAME"])

    return connect


@pytest.fixture(scope="session")
def owner() -> Callable[[], Any]:
    """Open a connection to this worker's test database in the role that owns the tables."""

    def connect() -> Any:
        facts = connection.settings_dict
        return psycopg2.connect(
            host=facts["HOST"],
            port=facts["PORT"] or None,
            dbname=facts["NAME"],
            user=facts["OWNER_USER"],
            password=facts["OWNER_PASSWORD"] or None,
        )

    return connect


@pytest.fixture(scope="session")
def migrating_owner(owner: Callable[[], Any], superuser: Callable[[], Any]) -> Callable[[], Any]:
    """Open a connection as the owner, in which a declared migration has begun."""

    def connect() -> Any:
        opener = superuser()
        with opener, opener.cursor() as cursor:
            cursor.execute("SELECT fence.open_migration('tests', '{}', '1 hour')")
        opener.close()
        session = owner()
        with session, session.cursor() as cursor:
            cursor.execute("SELECT fence.begin_migration('tests')")
        return session

    return connect


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker, superuser: Callable[[], Any]
) -> None:
    """Let the test database be copied from one that is migrated already, if the migrations are still the same."""
    with django_db_blocker.unblock():
        connection.settings_dict["TEST"]["TEMPLATE"] = migrated_template()


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, superuser: Callable[[], Any]
) -> Iterator[None]:
    """Make the test database as pytest-django does, then install the reset; empty this worker's Redis database.

    pytest-django makes none where no test collected is marked as needing one, and fixtures that are wider than a test
    would find themselves in the development database: then it is made here.
    """
    made = []
    with django_db_blocker.unblock():
        if not connection.settings_dict["NAME"].startswith("test_"):
            made = setup_databases(verbosity=0, interactive=False)
    session = superuser()
    with session, session.cursor() as cursor:
        cursor.execute(RESET_SQL.read_text())
    session.close()
    with redis_client() as client:
        client.flushdb()
    yield
    # Threads of a live server keep their connections; with one left, the database could not be dropped.
    session = superuser()
    with session, session.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    session.close()
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


def migrated_template() -> str:
    """Name a migrated database to copy, made where there is none for these migrations. Migrating takes seconds."""
    name = f"countersign_tests_{migrations_digest()[:12]}"
    with only_one(settings.VAR_DIR / "tests-template.lock"):
        session = psycopg2.connect(settings.COUNTERSIGN_PROVISION_URL, dbname="postgres")
        session.autocommit = True
        try:
            with session.cursor() as cursor:
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", [name])
                if not cursor.rowcount:
                    drop_old_templates(cursor)
                    cursor.execute(f'DROP DATABASE IF EXISTS "{name}_unfinished"')
                    cursor.execute(f'CREATE DATABASE "{name}_unfinished" TEMPLATE {TEMPLATE} OWNER {OWNER}')
                    migrate(f"{name}_unfinished")
                    cursor.execute(f'ALTER DATABASE "{name}_unfinished" RENAME TO "{name}"')
        finally:
            session.close()
    return name


def migrate(name: str) -> None:
    """Migrate the named database, as the owner."""
    before = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        call_command("migrate", interactive=False, verbosity=0)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = before


def drop_old_templates(cursor: Any) -> None:
    """Drop what an hour ago was migrated differently. A younger one may be in use by another run."""
    cursor.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE 'countersign_tests_%' "
        "AND (pg_stat_file('base/' || oid || '/PG_VERSION')).modification < now() - interval '1 hour'"
    )
    for (old,) in cursor.fetchall():
        with suppress(psycopg2.errors.ObjectInUse):
            cursor.execute(f'DROP DATABASE IF EXISTS "{old}"')


def migrations_digest() -> str:
    """Hash whatever decides what a migrated database looks like."""
    digest = hashlib.sha256(edition().encode())
    for path in sorted(Path(settings.BASE_DIR).glob("*/migrations/*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    for module in ("audit/completeness.py", "requirements/run.txt"):
        digest.update((Path(settings.BASE_DIR) / module).read_bytes())
    for register in ("actions.py", "accounting.py"):
        for path in sorted(Path(settings.BASE_DIR).glob(f"*/{register}")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
