"""Make a PostgreSQL cluster ready: the roles, the template with the fence, the product's database.

Needs a superuser, once and again when :data:`FENCE_SQL` changes; nothing else in the product uses one. Everything here
may be repeated.
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
"""In the order in which they run."""

MIGRATION_STAYS_OPEN = "1 day"
"""How long `manage.py migrate` may come after `manage.py provision`."""

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
    """Create or bring up to date roles, template and databases.

    The databases belong to the superuser: their owner could drop or rename them, create schemas in front of `public`,
    and set their search path.

    Args:
        connect: opens a superuser's connection to the named database.
        databases: names of the product's databases in this cluster, created where missing.
        owner_password: set for ``countersign_owner``; None leaves it as it is.
        app_password: set for ``countersign_app``; None leaves it as it is.
        dated_events: let events carry any time, for tests and the demonstration's history. False ends it for good.
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
            # Migrations may need temporary tables; outside a declared one the fence refuses them.
            _run(maintenance, "GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {owner}", name=name, owner=OWNER)
    finally:
        maintenance.close()


def open_migration(connect: Connect, name: str, *, release: str, removes: Iterable[str]) -> None:
    """Let the owner of the tables migrate the named database to one release.

    Args:
        connect: opens a superuser's connection to the named database.
        name: of the database.
        release: the digest of the migrations, by :func:`governance.database.releases.digest`.
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
    """Name the present state of what :func:`provision` would make, to tell whether it has to run again."""
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
        # A role may set defaults for itself, such as a search path.
        _run(maintenance, "ALTER ROLE {role} RESET ALL", role=role)
    for role, password in ((OWNER, owner_password), (APPLICATION, app_password)):
        if password is not None:
            with maintenance.cursor() as cursor:
                cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD %s").format(sql.Identifier(role)), [password])


def _template(maintenance: Any, connect: Connect, *, dated_events: bool) -> None:
    if not _exists(maintenance, TEMPLATE):
        _run(maintenance, "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'", name=TEMPLATE)
    # Copying fails while anyone is connected, so nobody but the superuser may connect.
    _run(maintenance, "REVOKE ALL ON DATABASE {name} FROM PUBLIC", name=TEMPLATE)
    _apply_fence(connect, TEMPLATE, dated_events=dated_events)
    _run(maintenance, "ALTER DATABASE {name} IS_TEMPLATE true", name=TEMPLATE)


def _apply_fence(connect: Connect, name: str, *, dated_events: bool) -> None:
    connection = connect(name)
    try:
        with connection, connection.cursor() as cursor:
            for path in FENCE_SQL:
                cursor.execute(path.read_text())
            if dated_events:  # not where they were ended already
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
    """Open connections to databases of the cluster that a superuser's ``postgresql://`` URL names."""

    def connect(name: str) -> Any:
        return psycopg2.connect(url, dbname=name)

    return connect
