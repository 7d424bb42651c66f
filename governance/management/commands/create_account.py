"""`manage.py create_account`: the first officers and administrators of an installation."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from audit import context
from governance.management.identity import password_of
from governance.services.setup import INSTALLER
from registry import access
from registry.exceptions import DomainError, ValidationFailedError
from registry.services import change_proposals, people

ROLES = (str(access.Role.OFFICER), str(access.Role.ADMINISTRATOR))


class Command(BaseCommand):
    """Works until two officers have confirmed the set-up.

    Afterwards accounts and roles are given in the administration, and governing roles need a second officer.
    """

    help = (
        "Create an account with a governing role, during the set-up of an installation. Its password is read from a "
        "file or the terminal."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", required=True, help="full name of the person")
        parser.add_argument("--email", default="")
        parser.add_argument("--role", choices=ROLES, required=True)
        parser.add_argument("--password-file", default="", metavar="FILE", help="holds the password of the account")

    def handle(self, *args: Any, **options: Any) -> None:
        password = password_of(options).value
        try:
            with context.bind_request_context(client="create_account"), transaction.atomic():
                change_proposals.require_exempt(INSTALLER, "Creating an account by command")
                made = people.register_person(
                    actor=INSTALLER,
                    username=options["username"],
                    name=options["name"],
                    email=options["email"],
                    password=password,
                    is_staff=True,
                    reason="set-up of the installation",
                )
                access.grant_role(actor=INSTALLER, role=options["role"], user=made, reason="set-up of the installation")
        except ValidationFailedError as refusal:
            raise CommandError("\n".join(f"{fault.pointer}: {fault.detail}" for fault in refusal.errors)) from None
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        self.stdout.write(f"{made.username}: {options['role']}, to be confirmed with the set-up by two officers")
