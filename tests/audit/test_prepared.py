"""Statements the database plans once on each connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError, OperationalError, close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext

from audit.postgresql import prepared_statements

SUM = "SELECT %(a)s::int + %(b)s::int, %(a)s::int, 5 %% 3"


def known() -> set[str]:
    """What the database itself says it knows on this connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE NOT from_sql IS NULL")
        return {name for (name,) in cursor.fetchall() if name.startswith("countersign_")}


@pytest.mark.django_db
def test_a_statement_is_planned_once_and_asked_often() -> None:
    assert prepared_statements.execute_prepared(SUM, {"a": 2, "b": 3}) == [(5, 2, 2)]
    before = known()
    with CaptureQueriesContext(connection) as asked:
        assert prepared_statements.execute_prepared(SUM, {"b": 1, "a": 40, "unused": "x"}) == [(41, 40, 2)]
    assert [q["sql"].split()[0] for q in asked] == ["EXECUTE"]
    assert known() == before


@pytest.mark.django_db(transaction=True)
def test_what_was_prepared_outlives_a_transaction_that_failed() -> None:
    with pytest.raises(DataError), transaction.atomic():
        prepared_statements.execute_prepared("SELECT 7 / %(by)s::int", {"by": 0})
    assert prepared_statements.execute_prepared("SELECT 7 / %(by)s::int", {"by": 7}) == [(1,)]


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_prepares_its_statements_again() -> None:
    assert prepared_statements.execute_prepared(SUM, {"a": 1, "b": 1}) == [(2, 1, 2)]
    connection.close()
    assert not known()
    assert prepared_statements.execute_prepared(SUM, {"a": 1, "b": 2}) == [(3, 1, 2)]
    assert known()


@pytest.mark.django_db
def test_where_transactions_are_pooled_nothing_is_prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    before = known()
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    assert prepared_statements.execute_prepared("SELECT %(a)s || '%%'", {"a": "100"}) == [("100%",)]
    assert known() == before


@pytest.mark.django_db
def test_a_missing_value_is_a_fault_of_the_caller() -> None:
    with pytest.raises(KeyError):
        prepared_statements.execute_prepared(SUM, {"a": 1})


@pytest.mark.django_db(transaction=True)
def test_prepared_statement_survives_column_type_change(migrating_owner: Callable[[], Any]) -> None:
    """A release widens a column while the processes of the last one still run."""

    def migrate(statement: str) -> None:
        session = migrating_owner()
        try:
            with session, session.cursor() as cursor:
                cursor.execute(statement)
        finally:
            session.close()

    migrate("CREATE TABLE scratch_widened AS SELECT 'x'::varchar(5) AS word")
    try:
        ask = "SELECT word FROM scratch_widened"
        assert prepared_statements.execute_prepared(ask, {}) == [("x",)]
        migrate("ALTER TABLE scratch_widened ALTER COLUMN word TYPE varchar(10)")
        assert prepared_statements.execute_prepared(ask, {}) == [("x",)], "asked anew at once"
        migrate("ALTER TABLE scratch_widened ALTER COLUMN word TYPE varchar(20)")
        with pytest.raises(OperationalError, match="try again"), transaction.atomic():
            prepared_statements.execute_prepared(ask, {})
        close_old_connections()  # as at the end of each request
        with transaction.atomic():
            assert prepared_statements.execute_prepared(ask, {}) == [("x",)]
    finally:
        connection.close()
        migrate("DROP TABLE scratch_widened")
