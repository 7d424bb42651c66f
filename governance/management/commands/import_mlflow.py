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
        "Bring models, versions, aliases, tags and stages from an MLflow server. What stands in a protected stage "
        "there is marked as promoted before governance, never as approved. Credentials: MLFLOW_TRACKING_TOKEN, or "
        "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD. Safe to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("uri", help="where the server is: https://mlflow.example")
        parser.add_argument(
            "--as", dest="officer", required=True, metavar="USER", help="the officer who answers for it"
        )
        parser.add_argument(
            "--owner", default="", metavar="USER", help="who answers for the models here (default: --as)"
        )
        parser.add_argument("--reason", default="", help="why; kept with every place held before governance")
        parser.add_argument("--prefix", default="", help="goes before every model's name here")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
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
                reason=options["reason"].strip() or f"Brought from {server.origin}, where it stood so.",
                owner=person(options["owner"]) if options["owner"] else None,
                prefix=options["prefix"],
                dry=options["dry_run"],
                tell=progress.tell,
            )
            with context.bind_request_context(client="import_mlflow"):
                report = bringing.run()
        except ServerFault as fault:
            raise CommandError(
                f"{fault} What was brought before that stays; run the command again to go on.{progress.last}"
            ) from None
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        self.stdout.write(f"{'Would bring' if options['dry_run'] else 'Brought'} from {server.origin}")
        for line in report.lines():
            self.stdout.write(line)


class _Progress:
    """Writes a line every few seconds to standard error."""

    def __init__(self, command: BaseCommand, every: float = 2.0) -> None:
        self.command, self.every, self.next = command, every, time.monotonic() + every
        self.last = ""

    def tell(self, report: Report) -> None:
        counts = report.counts
        done = counts["models brought"] + counts["models there already"]
        brought, there = counts["versions brought"], counts["versions there already"]
        self.last = f" So far: {done:,} models, {brought:,} versions new, {there:,} there already."
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + self.every
            self.command.stderr.write(f" …{self.last}")
