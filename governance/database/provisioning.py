"""Prepare a PostgreSQL cluster: roles, the template database with the guards, the product's databases.

Needs a superuser, at first and whenever :data:`FENCE_SQL` changes; nothing else in the product uses one. Idempotent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from governance.database.roles import APPLICATION, FENCE, OWNER, TEMPLATE

FENCE_SQL = tuple(sorted(Path(__file__).with_name("sql").glob("*.sql")))
"""SQL files of the guards, in order of execution."""

MIGRATION_STAYS_OPEN = "1 day"
"""How long `manage.py migrate` is allowed after `manage.py provision`."""

Connect = Callable[[str], Any]
"""Opens a superuser's connection to the named database."""


def provision(
    connect: Connect,
    databases: Iterable[str],
    *,
    owner_password: str | None = None,
    app_password: str | None = None,
    dated_events: bool = False,
) -> None:
    """Create or update roles, template and databases.

    The databases belong to the superuser, because an owner could drop or rename them, create schemas that shadow
    `public`, and set their search path.

    Args:
        connect: opens a superuser's connection to the named database.
        databases: names of the product's databases in this cluster; missing ones are created.
        owner_password: new password of ``countersign_owner``; None keeps the current one.
        app_password: new password of ``countersign_app``; None keeps the current one.
        dated_events: allow events with any time, for tests and the demonstration's history. False disables it
            permanently.
    """
    maintenance = _autocommit(connect, "postgres")
    try:
        _roles(maintenance, owner_password, app_password)
        _template(maintenance, connect, dated_events=dated_events)
        for name in databases:
            if not _exists(maintenance, name):
                _run(maintenance, "CREATE DATABASE {name} TEMPLATE {template}", name=name, template=TEMPLATE)
            _run(maintenance, "ALTER DATABASE {name} OWNER TO CURRENT_USER", name=name)
            _apply_fence(connect, name, dated_events=dated_events)
            _run(maintenance, "REVOKE ALL ON DATABASE {name} FROM PUBLIC, {owner}", name=name, owner=OWNER)
            _run(maintenance, "GRANT CONNECT ON DATABASE {name} TO {app}", name=name, app=APPLICATION)
            # Migrations may need temporary tables; outside a declared migration the guards refuse them.
            _run(maintenance, "GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {owner}", name=name, owner=OWNER)
    finally:
        maintenance.close()


def open_migration(connect: Connect, name: str, *, release: str, removes: Iterable[str]) -> None:
    """Allow the owner of the tables to migrate a database to one release.

    Args:
        connect: opens a superuser's connection to the named database.
        name: name of the database.
        release: digest of the migrations (:func:`governance.database.releases.digest`).
        removes: columns of governed tables that the release removes or renames, as "table.column".
    """
    connection = connect(name)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT fence.open_migration(%s, %s::text[], %s::interval)",
                [release, list(removes), MIGRATION_STAYS_OPEN],
            )
    finally:
        connection.close()


def edition() -> str:
    """Return a digest of what :func:`provision` creates, to detect whether it has to run again."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in (*FENCE_SQL, Path(__file__)))).hexdigest()


def _roles(maintenance: Any, owner_password: str | None, app_password: str | None) -> None:
    for role, options in (
        (OWNER, "LOGIN CREATEDB NOCREATEROLE NOSUPERUSER"),
        (APPLICATION, "LOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER"),
        (FENCE, "NOLOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER"),
    ):
        with maintenance.cursor() as cursor:
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [role])
            verb = "ALTER" if cursor.rowcount else "CREATE"
        _run(maintenance, f"{verb} ROLE {{role}} {options}", role=role)
        # A role may set its own defaults, such as a search path.
        _run(maintenance, "ALTER ROLE {role} RESET ALL", role=role)
    for role, password in ((OWNER, owner_password), (APPLICATION, app_password)):
        if password is not None:
            with maintenance.cursor() as cursor:
                cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD %s").format(sql.Identifier(role)), [password])


def _template(maintenance: Any, connect: Connect, *, dated_events: bool) -> None:
    if not _exists(maintenance, TEMPLATE):
        _run(maintenance, "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'", name=TEMPLATE)
    # Copying fails while a session is connected, so only the superuser may connect.
    _run(maintenance, "REVOKE ALL ON DATABASE {name} FROM PUBLIC", name=TEMPLATE)
    _apply_fence(connect, TEMPLATE, dated_events=dated_events)
    _run(maintenance, "ALTER DATABASE {name} IS_TEMPLATE true", name=TEMPLATE)


def _apply_fence(connect: Connect, name: str, *, dated_events: bool) -> None:
    connection = connect(name)
    try:
        with connection, connection.cursor() as cursor:
            for path in FENCE_SQL:
                cursor.execute(path.read_text())
            if dated_events:  # no effect if they were disabled before
                cursor.execute("INSERT INTO fence.setting VALUES ('dated events', 'allowed') ON CONFLICT DO NOTHING")
            else:
                cursor.execute("SELECT fence.refuse_dated_events()")
    finally:
        connection.close()


def _exists(maintenance: Any, name: str) -> bool:
    with maintenance.cursor() as cursor:
        cursor.execute("SELECT FROM pg_database WHERE datname = %s", [name])
        return bool(cursor.rowcount)


def _run(connection: Any, statement: str, **names: str) -> None:
    quoted = {key: sql.Identifier(value) for key, value in names.items()}
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(**quoted))


def _autocommit(connect: Connect, name: str) -> Any:
    connection = connect(name)
    connection.autocommit = True
    return connection


def connect_by_url(url: str) -> Connect:
    """Return a function that opens connections to databases of the cluster in a superuser's ``postgresql://`` URL."""

    def connect(name: str) -> Any:
        return psycopg2.connect(url, dbname=name)

    return connect
