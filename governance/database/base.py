"""The backend Django loads: PostgreSQL, with the product's rules about roles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.management import CommandError
from django.db.backends.postgresql import base, creation, operations

from governance.database.roles import TEMPLATE, as_owner


class DatabaseCreation(creation.DatabaseCreation):
    """Test databases are made by the owner, out of the provisioned template, as a production database is."""

    def create_test_db(self, *args: Any, **kwargs: Any) -> str:
        """Create, migrate, and forbid temporary tables, which could stand in front of real ones."""
        with as_owner(self.connection):
            name = super().create_test_db(*args, **kwargs)
            with self.connection.cursor() as cursor:
                quoted = self.connection.ops.quote_name(name)
                cursor.execute(f"REVOKE TEMPORARY ON DATABASE {quoted} FROM PUBLIC")
        return name

    def clone_test_db(self, *args: Any, **kwargs: Any) -> None:
        """Copy a test database for one more worker."""
        with as_owner(self.connection):
            super().clone_test_db(*args, **kwargs)

    def destroy_test_db(self, *args: Any, **kwargs: Any) -> None:
        """Drop a test database."""
        with as_owner(self.connection):
            super().destroy_test_db(*args, **kwargs)

    def sql_table_creation_suffix(self) -> str:
        """Always from the template: a database made without it has no fence."""
        self.connection.settings_dict["TEST"].setdefault("TEMPLATE", TEMPLATE)
        return super().sql_table_creation_suffix()


class DatabaseOperations(operations.DatabaseOperations):
    """Emptying tables is refused, except where the test suite has installed its own way of doing it."""

    reset_function = "fence_reset_for_tests"

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Empty a *test* database by the function the test suite put there; anywhere else refuse.

        Raises:
            CommandError: outside a test database. The log is append-only; a flush would tear it.
        """
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT to_regprocedure(%s) IS NOT NULL", [f"{self.reset_function}()"])
            if cursor.fetchone() != (True,):
                raise CommandError(
                    "the audit log is append-only, so this database is never flushed. "
                    "For a fresh demonstration use `make reset`."
                )
            cursor.execute(f"SELECT {self.reset_function}()")


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL through psycopg2, healing embedded servers before it connects."""

    creation_class = DatabaseCreation
    ops_class = DatabaseOperations

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; ``BEFORE_CONNECT`` in the settings, where given, is called first."""
        if before := self.settings_dict.get("BEFORE_CONNECT"):
            before()
        return super().get_new_connection(conn_params)
