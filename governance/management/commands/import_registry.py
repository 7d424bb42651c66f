"""`manage.py import_registry`: record the content of exports of SageMaker, Azure ML and Comet."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import context
from governance.integrations.importers.exports import ExportFault, read
from governance.integrations.importers.people import officer, person
from governance.integrations.importers.recording import ExportImport
from governance.management.identity import add_proof_arguments, proof_of
from registry.exceptions import DomainError


class Command(BaseCommand):
    """Every file is parsed before anything is written; a repeated run changes nothing."""

    help = (
        "Record the content of exports: aws sagemaker describe-model-package or list-model-packages, az ml model show "
        "or list, Comet registry-model details (JSON). An approval there is recorded as a claim, never as an "
        "approval here."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE")
        parser.add_argument(
            "--as", dest="officer", required=True, metavar="USER", help="the officer who runs the import"
        )
        parser.add_argument("--owner", default="", metavar="USER", help="owner of the imported models")
        parser.add_argument("--prefix", default="", help="prefix of every model's name here")
        parser.add_argument("--dry-run", action="store_true", help="print what would be done, and do nothing")
        add_proof_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            actor = officer(options["officer"], proof_of(options, options["officer"]))
            exported = [(name, read(name, Path(name).read_bytes())) for name in options["files"]]
            recording = ExportImport(
                actor=actor,
                owner=person(options["owner"]) if options["owner"] else None,
                prefix=options["prefix"],
                dry=options["dry_run"],
            )
            with context.bind_request_context(client="import_registry"):
                report = recording.run(exported)
        except OSError as fault:
            raise CommandError(f"{fault.filename}: {fault.strerror}") from None
        except ExportFault as fault:
            raise CommandError(f"{fault} Nothing was written.") from None
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        for line in report.lines():
            self.stdout.write(line)
