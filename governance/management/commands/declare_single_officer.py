"""`manage.py declare_single_officer`: let the only officer of an installation decide governance changes alone."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import context
from governance.integrations.importers.people import officer
from governance.management.identity import add_password_argument, password_of
from registry.exceptions import DomainError
from registry.services import instance


class Command(BaseCommand):
    """For an installation whose other officers left. Every page, promotion and document then states it."""

    help = "Declare that this installation has a single officer. Refused while there are several active officers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--reason", required=True, help="kept with the event")
        add_password_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            actor = officer(options["username"], password_of(options))
            with context.bind_request_context(client="declare_single_officer"):
                instance.declare_single_officer(actor=actor, reason=options["reason"])
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        self.stdout.write("This installation declares a single officer; every page states it.")
