"""`manage.py propose_policy`: propose a policy from a YAML file, such as one kept in version control."""

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import context
from governance import selectors
from governance.integrations.importers.people import officer
from governance.management.identity import add_password_argument, password_of
from governance.selectors.change_proposals import warnings_of_change
from governance.services import policies
from governance.services.policy_template import template
from registry.exceptions import DomainError, ValidationFailedError
from registry.models import ChangeProposal
from registry.services import change_proposals


class Command(BaseCommand):
    """Validates the policy, then records the proposal; `--check` only validates."""

    help = (
        "Propose a policy's YAML as its next revision. A second officer puts it in force with change_proposal confirm."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", nargs="?", help="the YAML; see --template")
        parser.add_argument("--template", action="store_true", help="print a policy template, and do nothing")
        parser.add_argument("--reason", default="", help="kept with the proposal; required unless --check is given")
        parser.add_argument("--check", action="store_true", help="validate the policy, and do nothing")
        add_password_argument(parser, is_required=False)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["template"]:
            self.stdout.write(template(), ending="")
            return
        if not options["file"]:
            raise CommandError("Name the file with the policy's YAML, or use --template.")
        if not options["username"]:
            raise CommandError("Name the account that runs this: --as USER.")
        try:
            source = Path(options["file"]).read_text(encoding="utf-8")
            actor = officer(options["username"], password_of(options))
            if options["check"]:
                document = policies.read(source)
                self.stdout.write(f"{document.slug}: valid")
                self._warn(selectors.warnings_of(document))
                return
            with context.bind_request_context(client="propose_policy"):
                proposal = policies.propose(actor=actor, source=source, reason=options["reason"])
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']} cannot be read: {error}.") from None
        except ValidationFailedError as refusal:
            lines = [fault.detail for fault in refusal.errors]
            raise CommandError("\n".join(lines)) from None
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        self.stdout.write(describe(proposal))
        self._warn(warnings_of_change(proposal))

    def _warn(self, warnings: Iterable[str]) -> None:
        for words in warnings:
            self.stderr.write(f"warning: {words}")


def describe(proposal: ChangeProposal) -> str:
    """Return the state of a proposal and what it waits for, as one line."""
    if proposal.state != ChangeProposal.PROPOSED:
        return f"{proposal} {proposal.state}: {proposal.title}"
    names = ", ".join(change_proposals.confirmers_of(proposal).order_by("username").values_list("username", flat=True))
    return f"{proposal} proposed: {proposal.title}; can be confirmed by: {names or 'no other officer yet'}"
