"""Write the dump of a small database of the current release: `python -m tests.database.make_release_dump FILE`.

Run it once, on the commit of a release, and commit the file: `test_upgrade` restores it and upgrades it with the code
of later releases. The database holds one bank, a version that a promotion put into Staging, and a request for
Production under review.
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import django


def main(file: Path) -> None:
    """Make the database, fill it through the services and dump it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings.testing")
    django.setup()

    import psycopg2
    from django.conf import settings
    from django.db import connection

    from governance.database.roles import TEMPLATE
    from governance.embedded import binary
    from tests.fixtures.databases import migrate
    from tests.governance.promotions.conftest import found_bank

    name = "countersign_release_dump"
    session = psycopg2.connect(settings.COUNTERSIGN_PROVISION_URL, dbname="postgres")
    session.autocommit = True
    with session.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {name}")
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    try:
        migrate(name)
        connection.settings_dict["NAME"] = name
        request = found_bank().reviewed()
        assert request.state == "open", request.state
        connection.close()
        address = psycopg2.extensions.make_dsn(settings.COUNTERSIGN_PROVISION_URL, dbname=name)
        dump = subprocess.run([binary("pg_dump"), "--dbname", address], check=True, capture_output=True).stdout
        file.write_bytes(gzip.compress(dump, 9, mtime=0))
    finally:
        with session.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        session.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
