"""Servers for development and tests if the environment names none: the embedded ones, provisioned."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg2

from governance import embedded
from governance.database.provisioning import edition, provision
from governance.database.roles import APPLICATION, OWNER
from governance.settings.environment import database, secret


def servers(environ: Mapping[str, str], var: Path, name: str) -> tuple[dict[str, Any], str, str]:
    """Return the database settings, the Redis URL and the superuser's URL of this clone.

    Args:
        environ: DATABASE_URL (with DATABASE_OWNER_URL and COUNTERSIGN_PROVISION_URL) and REDIS_URL, all optional.
        var: directory of the embedded servers' data.
        name: name of the database in the embedded server.
    """
    database_url, redis_url = secret(environ, "DATABASE_URL"), secret(environ, "REDIS_URL")
    if database_url and redis_url:
        facts = database(database_url, secret(environ, "DATABASE_OWNER_URL"))
        return facts, redis_url, secret(environ, "COUNTERSIGN_PROVISION_URL")
    where = embedded.ensure(var)
    superuser = secret(environ, "COUNTERSIGN_PROVISION_URL")
    if database_url:
        facts = database(database_url, secret(environ, "DATABASE_OWNER_URL"))
    else:
        superuser = f"postgresql://{embedded.SUPERUSER}@/postgres?host={where.directory}"
        _provision(var, where, name)
        facts = database(
            f"postgresql://{APPLICATION}@/{name}?host={where.directory}",
            f"postgresql://{OWNER}@/{name}?host={where.directory}",
        )
        facts["BEFORE_CONNECT"] = lambda: embedded.ensure(var)
    return facts, redis_url or f"redis+socket://{where.redis}?virtual_host=0", superuser


def kept_secret(path: Path) -> str:
    """Return this clone's secret key, generated at random the first time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with embedded.only_one(path.with_suffix(".lock")):
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(64))
    return path.read_text()


def _provision(var: Path, where: embedded.Addresses, name: str) -> None:
    mark = var / "provisioned"
    wanted = f"{edition()} {name}"
    with embedded.only_one(var / "provision.lock"):
        if mark.exists() and mark.read_text() == wanted:
            return
        provision(
            lambda dbname: psycopg2.connect(host=str(where.directory), user=embedded.SUPERUSER, dbname=dbname),
            [name],
            dated_events=True,
        )
        mark.write_text(wanted)
