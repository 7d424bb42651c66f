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

FENCE_SQL = Path(__file__).with_name("fence.sql")

Connect = Callable[[str], Any]
"""Opens a superuser's connection to the named database."""


def provision(
    connect: Connect, databases: Iterable[str], *, owner_password: str | None = None, app_password: str | None = None
) -> None:
    """Create or bring up to date roles, template and databases.

    Args:
        connect: opens a superuser's connection to the named database.
        databases: names of the product's databases in this cluster, created where missing.
        owner_password: set for ``countersign_owner``; None leaves it as it is.
        app_password: set for ``countersign_app``; None leaves it as it is.
    """
    maintenance = _autocommit(connect, "postgres")
    try:
        _roles(maintenance, owner_password, app_password)
        _template(maintenance, connect)
        for name in databases:
            if not _exists(maintenance, name):
                _run(
                    maintenance,
                    "CREATE DATABASE {name} TEMPLATE {template} OWNER {owner}",
                    name=name,
                    template=TEMPLATE,
                    owner=OWNER,
                )
            _apply_fence(connect, name)
            _run(maintenance, "REVOKE ALL ON DATABASE {name} FROM PUBLIC", name=name)
            _run(maintenance, "GRANT CONNECT ON DATABASE {name} TO {app}", name=name, app=APPLICATION)
    finally:
        maintenance.close()


def edition() -> str:
    """Name the present state of what :func:`provision` would make, to tell whether it has to run again."""
    return hashlib.sha256(FENCE_SQL.read_bytes() + Path(__file__).read_bytes()).hexdigest()


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
    for role, password in ((OWNER, owner_password), (APPLICATION, app_password)):
        if password is not None:
            with maintenance.cursor() as cursor:
                cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD %s").format(sql.Identifier(role)), [password])


def _template(maintenance: Any, connect: Connect) -> None:
    if not _exists(maintenance, TEMPLATE):
        _run(maintenance, "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'", name=TEMPLATE)
    # Copying fails while anyone is connected, so nobody but the superuser may connect.
    _run(maintenance, "REVOKE ALL ON DATABASE {name} FROM PUBLIC", name=TEMPLATE)
    _apply_fence(connect, TEMPLATE)
    _run(maintenance, "ALTER DATABASE {name} IS_TEMPLATE true", name=TEMPLATE)


def _apply_fence(connect: Connect, name: str) -> None:
    connection = connect(name)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(FENCE_SQL.read_text())
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
