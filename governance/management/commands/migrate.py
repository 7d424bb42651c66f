"""``manage.py migrate``, run as the owner of the tables."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

from governance.database.roles import APPLICATION, as_owner


class Command(migrate.Command):
    """Django's own command in the owner's role; afterwards the application may only read what was applied."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Migrate, then take from the application role the right to rewrite the record of migrations."""
        connection = connections[options["database"]]
        with as_owner(connection):
            outcome: str | None = super().handle(*args, **options)
            recorder = MigrationRecorder(connection)
            if recorder.has_table():
                table = connection.ops.quote_name(recorder.Migration._meta.db_table)
                with connection.cursor() as cursor:
                    cursor.execute(f"REVOKE INSERT, UPDATE, DELETE ON {table} FROM {APPLICATION}")
        return outcome
