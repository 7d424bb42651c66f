"""``manage.py provision``: prepare a PostgreSQL cluster for the product."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from governance.database import releases
from governance.database.provisioning import connect_by_url, open_migration, provision
from governance.settings.environment import secret


class Command(BaseCommand):
    """Creates roles, guards and database. The cluster's administrator runs it once, and again after an upgrade."""

    help = (
        "Create the database roles, the guards and the database, as the superuser of COUNTERSIGN_PROVISION_URL. "
        "Safe to repeat."
    )
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's form for "none"

    def handle(self, *args: Any, **options: Any) -> None:
        """Provision the database named in the settings."""
        url = secret(os.environ, "COUNTERSIGN_PROVISION_URL") or settings.COUNTERSIGN_PROVISION_URL
        if not url:
            raise CommandError(
                "set COUNTERSIGN_PROVISION_URL to a superuser's postgresql:// URL of the cluster, for this command only"
            )
        facts = connection.settings_dict
        connect = connect_by_url(url)
        provision(
            connect,
            [facts["NAME"]],
            owner_password=facts.get("OWNER_PASSWORD") or None,
            app_password=facts["PASSWORD"] or None,
            dated_events=settings.COUNTERSIGN_DEMO,
        )
        open_migration(connect, facts["NAME"], release=releases.digest(), removes=releases.removed_columns())
        self.stdout.write(
            f"roles, guards and database {facts['NAME']} are ready; `manage.py migrate` of this release may follow"
        )
