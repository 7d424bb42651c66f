"""`manage.py change_proposal`: list proposed changes, and confirm, reject or withdraw one."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import context
from governance.integrations.importers.people import person
from governance.management.commands.apply_policy import describe
from governance.management.identity import add_password_argument, password_of
from governance.promotions.import_existing import COMMAND
from governance.selectors.change_proposals import content_of
from registry import access, selectors
from registry.exceptions import DomainError
from registry.models import ChangeProposal
from registry.services import change_proposals, sign_in


class Command(BaseCommand):
    """Acts as the person of `--as`, authenticated by their password; a confirmation is their signature."""

    help = "List change proposals, show one, or confirm, reject or withdraw one with a password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", choices=("list", "show", "confirm", "reject", "withdraw"))
        parser.add_argument("number", nargs="?", type=int, help="the number of the proposal, without its C")
        parser.add_argument("--comment", default="", help="kept with the answer; required to reject or withdraw")
        add_password_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with context.bind_request_context(client="change_proposal"):
                self._answer(options)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None

    def _answer(self, options: dict[str, Any]) -> None:
        found = person(options["username"])
        actor = access.actor_for(found, auth=COMMAND)
        password = password_of(options).value
        action, number = options["action"], options["number"]
        if action != "confirm":  # confirm verifies the password itself, as a signature
            sign_in.reauthenticate_to_administer(found, password, pointer="/password")
        if action == "list":
            waiting = selectors.change_proposals(actor).filter(closed_at__isnull=True)
            self.stdout.write("\n".join(map(describe, waiting)) or "no open proposals")
            return
        if number is None:
            raise CommandError(f"Name the proposal to {action} by its number.")
        proposal = selectors.change_proposal(actor, number)
        done: ChangeProposal = proposal
        if action == "show":
            self.stdout.write(f"digest {proposal.digest}\n{content_of(proposal)}")
        elif action == "confirm":
            done = change_proposals.confirm(
                actor=actor,
                proposal=proposal,
                digest=proposal.digest,
                password=password,
                comment=options["comment"],
            )
        elif action == "reject":
            done = change_proposals.reject(actor=actor, proposal=proposal, comment=options["comment"])
        else:
            done = change_proposals.withdraw(actor=actor, proposal=proposal, reason=options["comment"])
        self.stdout.write(describe(done))
