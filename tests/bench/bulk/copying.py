"""Rows by COPY: through every guard of the database, or past them as its superuser.

The guards fire once a row, which costs three times as much as writing it. So the first models of a load go through them
as the application role, which shows that the database accepts rows of this shape, and all others are copied as the
superuser of the server, in one transaction in which no trigger of these tables fires. What the triggers of the
audit log would have written (streams, events that wait for the sequencer) is written from the events at the end.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from queue import Queue
from threading import Thread
from typing import Any
from uuid import UUID

import psycopg2
from django.conf import settings
from django.db import connection, models, transaction
from psycopg2.extras import Json

from governance.database.provisioning import connect_by_url

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_TRIGGERS = """
    SELECT tgrelid::regclass::text, quote_ident(tgname), tgenabled FROM pg_trigger
     WHERE tgrelid = ANY (%s::regclass[]) AND tgenabled <> 'D' ORDER BY 1, 2"""
_STATES = {"A": "ENABLE ALWAYS", "O": "ENABLE", "R": "ENABLE REPLICA"}
_STREAMS = """
    INSERT INTO audit_stream SELECT stream_id, max(stream_seq) FROM audit_event
     WHERE xid = pg_current_xact_id() AND began_at = transaction_timestamp() GROUP BY stream_id"""
_PENDING = """
    INSERT INTO audit_pending SELECT id FROM audit_event
     WHERE xid = pg_current_xact_id() AND began_at = transaction_timestamp() ORDER BY id"""


class Guarded:
    """Writes as the application role: every trigger fires. One transaction a batch."""

    guarded = True

    @contextmanager
    def batch(self) -> Iterator[None]:
        """What is copied inside is committed at the end."""
        with transaction.atomic():
            yield

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write rows, each with a value for each of `columns`."""
        with connection.cursor() as cursor:
            _copy(cursor.cursor, table, columns, _text(rows))

    def execute(self, statement: str) -> None:
        """Run a statement after what was copied before it."""
        with connection.cursor() as cursor:
            cursor.execute(statement)


class Unguarded:
    """Writes as the superuser, one transaction for all batches; a second thread copies while the first makes rows."""

    guarded = False

    def __init__(self, open_connection: Any) -> None:
        self._connection = open_connection
        self._waiting: Queue[tuple[str, Sequence[str], io.StringIO] | None] = Queue(maxsize=32)
        self._faults: list[Exception] = []
        self._thread = Thread(target=self._work, name="copying")
        self._thread.start()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Nothing is committed before the end of the load."""
        yield

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write rows, each with a value for each of `columns`. Raises what an earlier copy failed with."""
        if self._faults:
            raise self._faults[0]
        self._waiting.put((table, columns, _text(rows)))

    def finish(self) -> None:
        """Wait until everything is copied. Raises what a copy failed with."""
        self._waiting.put(None)
        self._thread.join()
        if self._faults:
            raise self._faults[0]

    def _work(self) -> None:
        with self._connection.cursor() as cursor:
            while (item := self._waiting.get()) is not None:
                try:
                    if not self._faults:
                        _copy(cursor, *item)
                except psycopg2.Error as fault:
                    self._faults.append(fault)


@contextmanager
def without_guards(tables: Sequence[str], identities: Sequence[str]) -> Iterator[Unguarded]:
    """Copy as the superuser of the server, and switch the triggers of `tables` on again before the commit.

    Args:
        tables: those that are written to.
        identities: those of them whose `id` is written as well; their sequences go on after it.

    Raises:
        RuntimeError: the triggers are not as they were before.
    """
    opened = connect_by_url(settings.COUNTERSIGN_PROVISION_URL)(connection.settings_dict["NAME"])
    with opened, opened.cursor() as cursor:
        cursor.execute("SET LOCAL event_triggers = off; SET LOCAL synchronous_commit = off")
        cursor.execute(_TRIGGERS, [list(tables)])
        before = cursor.fetchall()
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        into = Unguarded(opened)
        try:
            yield into
        finally:
            into.finish()
        cursor.execute(_STREAMS)
        cursor.execute(_PENDING)
        for table in identities:
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}")
        for table, name, state in before:
            cursor.execute(f"ALTER TABLE {table} {_STATES[state]} TRIGGER {name}")
        cursor.execute(_TRIGGERS, [list(tables)])
        if cursor.fetchall() != before:
            raise RuntimeError("the triggers are not as they were before the load")
    opened.autocommit = True
    with opened.cursor() as cursor:
        for table in tables:
            cursor.execute(f"VACUUM (ANALYZE) {table}")
    opened.close()


def copy_instances(into: Guarded | Unguarded, rows: Sequence[models.Model]) -> None:
    """Write model instances of one class; a primary key that is None is left to the database."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [f for f in meta.concrete_fields if not f.generated and (f is not meta.pk or rows[0].pk is not None)]
    taken = [(field, field.attname, str(field.column)) for field in fields if field.db_default is models.NOT_PROVIDED]
    into.copy(
        meta.db_table,
        [column for _, _, column in taken],
        ([field.get_db_prep_save(getattr(row, name), connection) for field, name, _ in taken] for row in rows),
    )


def _copy(cursor: Any, table: str, columns: Sequence[str], text: io.StringIO) -> None:
    names = ", ".join(f'"{column}"' for column in columns)
    cursor.copy_expert(f'COPY "{table}" ({names}) FROM STDIN', text)


def _text(rows: Iterable[Sequence[Any]]) -> io.StringIO:
    return io.StringIO("".join("\t".join(map(_value, row)) + "\n" for row in rows))


def _value(value: Any) -> str:
    """A value in COPY's text format. Raises TypeError for a type that no loaded row has."""
    if isinstance(value, str):
        return value.translate(_ESCAPES)
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int | float | UUID):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if isinstance(value, Json):
        return str(value.dumps(value.adapted)).translate(_ESCAPES)
    if isinstance(value, list) and not value:
        return "{}"
    raise TypeError(f"no text for {type(value)}")
