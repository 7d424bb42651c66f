"""Prepared statements for the queries that every request runs.

Planning such a query takes PostgreSQL four times as long as executing it. The driver uses the text protocol, so PREPARE
and EXECUTE are sent as SQL; connections persist, so a statement is prepared once for thousands of requests. Use it only
for constant SQL: a statement built from user input would stay prepared as long as the connection.
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
    """Execute a SELECT, or a statement with RETURNING, and return its rows.

    With pooled transactions (Django's DISABLE_SERVER_SIDE_CURSORS) prepared statements do not persist, and the
    statement is sent without preparing it.

    Args:
        sql: SQL with named placeholders, %(name)s; a literal percent sign is doubled.
        parameters: a value for each placeholder; others are ignored.

    Raises:
        OperationalError: a migration changed the result type after the statement was prepared on this connection, and a
            transaction is open. Every interface answers it with “try again”.
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
                # close at the end of the request: other prepared statements may be outdated as well
                connection.close_at = 0
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
        # Bypasses query counting and logging: the statement belongs to the connection, not to the query that comes
        # first.
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
