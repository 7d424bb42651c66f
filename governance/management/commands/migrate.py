"""``manage.py migrate``, run as the owner of the tables."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from governance.database.releases import declared_migration
from governance.database.roles import as_owner


class Command(migrate.Command):
    """Django's own command in the owner's role, as a declared migration."""

    def handle(self, *args: Any, **options: Any) -> str | None:
        """Migrate. `--plan` and `--check` declare nothing, because they change nothing."""
        connection = connections[options["database"]]
        with as_owner(connection):
            if options.get("plan") or options.get("check_unapplied"):
                outcome: str | None = super().handle(*args, **options)
                return outcome
            with declared_migration(connection):
                outcome = super().handle(*args, **options)
        return outcome
