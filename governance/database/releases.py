"""Declared migrations: the release, the columns it removes, and the begin and end of the migration.

The owner of the tables can change the schema only inside a migration that a superuser has opened for the release
(``governance/database/sql/3_migrations.sql``).
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import ProgrammingError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import operations as django_operations
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from audit import accounting, actions, recorder
from audit.actor import process
from audit.models import Event
from audit.recorder import ObjectRef
from governance.database import provisioning

STREAM = "schema"


def digest() -> str:
    """Return the digest of every migration of this release: names, source, and the SQL files that they execute."""
    found = hashlib.sha256()
    folders = set()
    for (app, name), migration in sorted(_loader().disk_migrations.items()):
        found.update(
            f"{app}.{name}\n{inspect.getsource(inspect.getmodule(type(migration)) or type(migration))}".encode()
        )
        folders.add((app, Path(inspect.getfile(type(migration))).with_name("sql")))
    for app, folder in sorted(folders):
        for path in sorted(folder.glob("*.sql")):
            found.update(f"{app}/{path.name}\n".encode() + path.read_bytes())
    return found.hexdigest()


def removed_columns() -> list[str]:
    """Return the columns that migrations of this release remove or rename, as "table.column"."""
    found = set()
    for (app, _), migration in _loader().disk_migrations.items():
        for operation in _flat(migration.operations):
            if isinstance(operation, django_operations.RemoveField):
                found |= {f"{app}_{operation.model_name_lower}.{operation.name}{end}" for end in ("", "_id")}
            elif isinstance(operation, django_operations.RenameField):
                found |= {f"{app}_{operation.model_name_lower}.{operation.old_name}{end}" for end in ("", "_id")}
    return sorted(found)


@contextmanager
def declared_migration(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Begin the migration that is open for this release on the owner's connection, and end it after the block.

    If this process has the superuser's URL (only with embedded servers), it opens the migration first. If no migration
    is open and none is needed, the block runs without one.

    Args:
        connection: a connection of the owner.

    Raises:
        CommandError: migrations are pending and none is open for this release.
    """
    release = digest()
    if settings.COUNTERSIGN_PROVISION_URL:
        provisioning.open_migration(
            provisioning.connect_by_url(settings.COUNTERSIGN_PROVISION_URL),
            connection.settings_dict["NAME"],
            release=release,
            removes=removed_columns(),
        )
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT fence.begin_migration(%s)", [release])
        except ProgrammingError as refusal:
            if _is_up_to_date(connection):
                begun = False
            else:
                raise CommandError(
                    "no migration is open for this release: run `manage.py provision` of this release as the superuser "
                    "of the cluster (COUNTERSIGN_PROVISION_URL), then `manage.py migrate`"
                ) from refusal
        else:
            begun = True
    yield
    if begun:
        _end(connection)


def _end(connection: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, release, shape_before, shape_after FROM fence.end_migration(%s, %s::jsonb)",
            [[str(action) for action in actions.all_actions()], json.dumps(accounting.all_declared())],
        )
        number, release, before, after = cursor.fetchone()
    if before != after and Event.objects.using(connection.alias).exists():
        with transaction.atomic(using=connection.alias):
            recorder.record_event(
                actions.SCHEMA_MIGRATED,
                actor=process("migrate"),
                target=ObjectRef("schema", "public"),
                stream=STREAM,
                data={"migration": number, "release": release, "shape_before": before, "shape_after": after},
            )


def _is_up_to_date(connection: BaseDatabaseWrapper) -> bool:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    return not differing_registers(connection)


def guard_differences(connection: BaseDatabaseWrapper) -> list[str] | None:
    """Return what is not as the last declared migration left it, such as a missing trigger.

    Args:
        connection: a connection of any role.

    Returns:
        One line for each difference; None if the guards of the database are those of an earlier release.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regprocedure('fence.differences()') IS NOT NULL")
        if cursor.fetchone() != (True,):
            return None
        cursor.execute("SELECT * FROM fence.differences()")
        return [line for (line,) in cursor.fetchall()]


def differing_registers(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the differences between the registers of the database and those of the code.

    Args:
        connection: a database with the registers.

    Returns:
        One line per action and per pair of table and action; empty if they are equal.
    """
    declared = {
        f"action {action} for table {table}"
        for table, allowed in accounting.all_declared().items()
        for action in allowed
    }
    declared |= {f"action {action}" for action in actions.all_actions()}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 'action ' || name FROM fence.action UNION ALL "
            "SELECT format('action %s for table %s', action, table_name) FROM fence.accounting"
        )
        kept = {line for (line,) in cursor.fetchall()}
    return sorted(declared ^ kept)


def _loader() -> MigrationLoader:
    return MigrationLoader(None, ignore_no_migrations=True)


def _flat(operations: Sequence[Operation]) -> Iterator[Any]:
    for operation in operations:
        if isinstance(operation, django_operations.SeparateDatabaseAndState):
            yield from _flat(operation.database_operations)
        else:
            yield operation
