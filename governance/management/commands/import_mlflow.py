"""`manage.py import_mlflow`: import an MLflow registry."""

import os
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import context
from governance.integrations.importers.mlflow_import import MlflowImport
from governance.integrations.importers.people import officer, person
from governance.integrations.importers.report import Report
from governance.management.identity import add_proof_arguments, proof_of
from governance.outbound_http import RemoteServer, ServerFault
from registry.exceptions import DomainError


class Command(BaseCommand):
    """Reads the server over its REST protocol; MLflow need not be installed. A repeated run imports only what is
    new.
    """

    help = (
        "Import models, versions, aliases, tags and stages from an MLflow server. Versions in a protected stage "
        "there are marked as promoted before governance, never as approved. Credentials: MLFLOW_TRACKING_TOKEN, or "
        "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD. Safe to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("uri", help="address of the server: https://mlflow.example")
        parser.add_argument(
            "--as", dest="officer", required=True, metavar="USER", help="the officer who runs the import"
        )
        parser.add_argument("--owner", default="", metavar="USER", help="owner of the imported models (default: --as)")
        parser.add_argument("--reason", default="", help="why; recorded with every place held before governance")
        parser.add_argument("--prefix", default="", help="prefix of every model's name here")
        parser.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
        add_proof_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            server = RemoteServer(
                options["uri"],
                token=os.environ.get("MLFLOW_TRACKING_TOKEN", ""),
                username=os.environ.get("MLFLOW_TRACKING_USERNAME", ""),
                password=os.environ.get("MLFLOW_TRACKING_PASSWORD", ""),
            )
        except ValueError as fault:
            raise CommandError(f"{options['uri']}: {fault}") from None
        progress = _Progress(self)
        try:
            bringing = MlflowImport(
                actor=officer(options["officer"], proof_of(options, options["officer"])),
                server=server,
                reason=options["reason"].strip() or f"Imported from {server.origin} with this place.",
                owner=person(options["owner"]) if options["owner"] else None,
                prefix=options["prefix"],
                dry=options["dry_run"],
                on_page=progress.show,
            )
            with context.bind_request_context(client="import_mlflow"):
                report = bringing.run()
        except ServerFault as fault:
            raise CommandError(
                f"{fault} Everything imported so far is kept; run the command again to continue.{progress.last}"
            ) from None
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        self.stdout.write(f"{'Would import' if options['dry_run'] else 'Imported'} from {server.origin}")
        for line in report.lines():
            self.stdout.write(line)


class _Progress:
    """Writes a line every few seconds to standard error."""

    def __init__(self, command: BaseCommand, every: float = 2.0) -> None:
        self.command, self.every, self.next = command, every, time.monotonic() + every
        self.last = ""

    def show(self, report: Report) -> None:
        counts = report.counts
        done = counts["models imported"] + counts["models imported before"]
        imported, there = counts["versions imported"], counts["versions imported before"]
        self.last = f" So far: {done:,} models, {imported:,} versions imported, {there:,} imported before."
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + self.every
            self.command.stderr.write(f" …{self.last}")
