"""Statements the database plans once on each connection, for the questions that every request asks.

To plan such a question takes PostgreSQL four times as long as to answer it. The driver sends text, so it is told by
PREPARE and EXECUTE; connections persist, so it is told once in thousands of requests. For statements that are written
down in the code alone: one that is made of what somebody typed would be kept for good.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, NotSupportedError, OperationalError, connections

_NAMED = re.compile(r"%\((\w+)\)s|%%")

_OUTDATED = "cached plan must not change result type"

_on_connection: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
"""The names known to each connection of the driver. A new connection knows none."""


class _Statement(NamedTuple):
    prepare: str
    execute: str
    parameters: tuple[str, ...]
    name: str


def execute_prepared(sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows a statement answers: a SELECT, or another with RETURNING.

    Where transactions are pooled between us and the database (Django's DISABLE_SERVER_SIDE_CURSORS), a connection
    remembers nothing, and the statement is sent as it is.

    Args:
        sql: with placeholders by name, %(name)s; a percent sign that is none is written twice.
        parameters: a value for each; others are passed over.

    Raises OperationalError, which every door answers with “try again”, where a migration changed the type of what the
    statement answers since this connection was told of it, and a transaction is open that cannot go on.
    """
    connection = connections[DEFAULT_DB_ALIAS]  # django.db.connection looks this up for every attribute
    with connection.cursor() as cursor:
        if connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS"):
            cursor.execute(sql, parameters)
        else:
            statement = _statement(sql)
            values = [parameters[name] for name in statement.parameters]
            _prepare(connection, cursor, statement)
            try:
                cursor.execute(statement.execute, values)
            except NotSupportedError as fault:
                if _OUTDATED not in str(fault):
                    raise
                connection.close_at = 0  # when the request ends: what else it was told may be outdated, too
                if connection.in_atomic_block:
                    raise OperationalError("The tables were changed a moment ago: try again.") from fault
                _on_connection[connection.connection].discard(statement.name)
                cursor.execute(f"DEALLOCATE {statement.name}")
                _prepare(connection, cursor, statement)
                cursor.execute(statement.execute, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _prepare(connection: Any, cursor: Any, statement: _Statement) -> None:
    known = _on_connection.setdefault(connection.connection, set())
    if statement.name not in known:
        # Past what counts and logs statements: it belongs to the connection, not to the one who asks first.
        with connection.wrap_database_errors:
            cursor.cursor.execute(statement.prepare)
        known.add(statement.name)


@lru_cache(maxsize=1024)
def _statement(sql: str) -> _Statement:
    places: dict[str, int] = {}

    def numbered(found: re.Match[str]) -> str:
        name = found[1]
        return "%" if name is None else f"${places.setdefault(name, len(places) + 1)}"

    text = _NAMED.sub(numbered, sql)
    name = f"countersign_{hashlib.sha256(sql.encode()).hexdigest()[:16]}"
    values = f" ({', '.join(['%s'] * len(places))})" if places else ""
    return _Statement(f"PREPARE {name} AS {text}", f"EXECUTE {name}{values}", tuple(places), name)
