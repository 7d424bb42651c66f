"""The database backend: Django's PostgreSQL backend with the product's roles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.management import CommandError
from django.db.backends.postgresql import base, creation, operations

from governance.database.roles import TEMPLATE, as_owner


class DatabaseCreation(creation.DatabaseCreation):
    """The owner creates test databases from the provisioned template, like production databases."""

    def create_test_db(self, *args: Any, **kwargs: Any) -> str:
        """Create and migrate the database, and revoke temporary tables, which could shadow real ones."""
        with as_owner(self.connection):
            name = super().create_test_db(*args, **kwargs)
            with self.connection.cursor() as cursor:
                quoted = self.connection.ops.quote_name(name)
                cursor.execute(f"REVOKE TEMPORARY ON DATABASE {quoted} FROM PUBLIC")
        return name

    def clone_test_db(self, *args: Any, **kwargs: Any) -> None:
        """Copy a test database for another worker."""
        with as_owner(self.connection):
            super().clone_test_db(*args, **kwargs)

    def destroy_test_db(self, *args: Any, **kwargs: Any) -> None:
        """Drop a test database."""
        with as_owner(self.connection):
            super().destroy_test_db(*args, **kwargs)

    def sql_table_creation_suffix(self) -> str:
        """Return the suffix that selects the template: a database created without it has no guards."""
        self.connection.settings_dict["TEST"].setdefault("TEMPLATE", TEMPLATE)
        return super().sql_table_creation_suffix()


class DatabaseOperations(operations.DatabaseOperations):
    """Refuses to flush tables, unless the test suite has installed its own function for it."""

    reset_function = "fence_reset_for_tests"

    def execute_sql_flush(self, sql_list: Iterable[str]) -> None:
        """Flush a *test* database by the function that the test suite installed.

        Raises:
            CommandError: this is not a test database. The audit log is append-only.
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
    """PostgreSQL through psycopg2. Embedded servers are restarted if needed before connecting."""

    creation_class = DatabaseCreation
    ops_class = DatabaseOperations

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect; ``BEFORE_CONNECT`` of the settings is called first if given."""
        if before := self.settings_dict.get("BEFORE_CONNECT"):
            before()
        return super().get_new_connection(conn_params)
