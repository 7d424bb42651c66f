"""`manage.py reassign`: replace an account as owner of models and service accounts."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import context
from governance import selectors
from governance.integrations.importers.people import administrator
from governance.management.identity import add_password_argument, password_of
from registry.exceptions import DomainError, ValidationFailedError
from registry.models import User
from registry.services import handover


class Command(BaseCommand):
    """Shows what an account is responsible for; with `--to`, reassigns it."""

    help = (
        "Show what an account owns, is accountable for and is waited for; with --to, reassign what it is responsible "
        "for. The signed-in person (--username) is an administrator."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("account", metavar="ACCOUNT", help="user name of the account, active or deactivated")
        parser.add_argument("--to", metavar="PERSON", default="", help="user name of the person who takes over")
        parser.add_argument("--reason", default="", help="kept with each event; required with --to")
        add_password_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        person = self._account(options["account"])
        try:
            actor = administrator(options["username"], password_of(options))
            for sentence in selectors.leaving(person).sentences or (f"{person} is responsible for nothing.",):
                self.stdout.write(sentence)
            if not options["to"]:
                return
            with context.bind_request_context(client="reassign"):
                done = handover.reassign(
                    actor=actor, person=person, to=self._account(options["to"]), reason=options["reason"]
                )
        except ValidationFailedError as refusal:
            raise CommandError("\n".join(fault.detail for fault in refusal.errors)) from None
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        self.stdout.write(
            f"reassigned: {len(done.owned)} models owned, {len(done.accountable)} accountable for, "
            f"{len(done.service_accounts)} service accounts"
        )

    def _account(self, username: str) -> User:
        found = User.objects.filter(username=username).first()
        if found is None:
            raise CommandError(f"There is no account “{username}”.")
        return found
