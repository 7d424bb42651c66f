"""`manage.py import_advisories`: import published vulnerabilities from an export of the OSV database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import context
from governance.integrations.importers.people import officer
from governance.management.identity import add_password_argument, password_of
from governance.services import advisories
from registry.exceptions import DomainError, ValidationFailedError


class Command(BaseCommand):
    """Reads the whole export, then replaces the advisories in one transaction."""

    help = (
        "Import the advisories for packages of Python from all.zip of the ecosystem PyPI, as OSV exports it, or from a "
        "folder with its records. They replace those of the earlier import; dependencies.vulnerabilities compares the "
        "packages of versions with them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("export", metavar="FILE.zip|FOLDER")
        parser.add_argument("--check", action="store_true", help="read the export, and change nothing")
        add_password_argument(parser, is_required=False)

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["check"] and not options["username"]:
            raise CommandError("Name the account that runs this: --as USER.")
        try:
            export = advisories.read_export(Path(options["export"]))
            if not options["check"]:
                actor = officer(options["username"], password_of(options))
                with context.bind_request_context(client="import_advisories"):
                    advisories.import_advisories(actor=actor, export=export)
        except ValidationFailedError as refusal:
            raise CommandError("\n".join(fault.detail for fault in refusal.errors)) from None
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        done = "can be imported" if options["check"] else "imported"
        self.stdout.write(
            f"{export.records:,} advisories for {len(export.packages):,} packages {done}; "
            f"the newest is of {export.modified:%Y-%m-%d %H:%M} UTC; sha256 {export.sha256}"
        )
