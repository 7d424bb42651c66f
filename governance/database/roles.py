"""Database roles, and changing the role of a connection.

- a superuser provisions the cluster (``manage.py provision``) and is not used otherwise;
- ``countersign_owner`` owns the tables and runs the migrations;
- ``countersign_app`` runs everything else: web, worker, tests. It owns nothing.

The objects of the audit log belong to ``countersign_fence``, which cannot log in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

OWNER = "countersign_owner"
APPLICATION = "countersign_app"
FENCE = "countersign_fence"
TEMPLATE = "countersign_template"


@contextmanager
def as_owner(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Use a connection as the owner of the tables in the block, then as the application again.

    Closes the connection at both ends, because the role is set at login. May be nested.

    Raises:
        ImproperlyConfigured: this process has no credentials of the owner.
        TransactionManagementError: called inside a transaction, which closing would lose.
    """
    settings = connection.settings_dict
    owner = settings.get("OWNER_USER")
    if not owner:
        raise ImproperlyConfigured(
            "migrations run as the owner of the tables: set DATABASE_OWNER_URL for this command "
            "(and leave it out of the web and worker processes)"
        )
    if settings["USER"] == owner:
        yield
        return
    if connection.in_atomic_block:
        raise transaction.TransactionManagementError("cannot change to the owner's role inside a transaction")
    before = {"USER": settings["USER"], "PASSWORD": settings["PASSWORD"]}
    connection.close()
    settings.update(USER=owner, PASSWORD=settings.get("OWNER_PASSWORD", ""))
    try:
        yield
    finally:
        connection.close()
        settings.update(before)
