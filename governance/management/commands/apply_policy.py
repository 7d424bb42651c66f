"""`manage.py apply_policy`: propose policies from YAML files, such as those kept in version control."""

from argparse import ArgumentParser
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from audit import context
from governance import selectors
from governance.integrations.importers.people import officer
from governance.management.identity import add_password_argument, password_of
from governance.services import policies, policy_plan
from governance.services.policy_plan import PlannedPolicy
from governance.services.policy_template import template
from registry import moments
from registry.exceptions import DomainError, ValidationFailedError
from registry.models import ChangeProposal
from registry.services import change_proposals

DIFFERS = 3
"""The exit code of `--plan` if a file differs from what is in force."""


class Command(BaseCommand):
    """Validates all files together, prints what would change, and makes the proposals; `--plan` only prints."""

    help = (
        "Propose the policies of YAML files as their next revisions. A second officer puts each in force with "
        "change_proposal confirm. Files whose policy is in force or proposed already change nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", metavar="FILE", nargs="*", help="the YAML of one policy; see --template")
        parser.add_argument("--template", action="store_true", help="print a policy template, and do nothing")
        parser.add_argument("--reason", default="", help="kept with the proposals; required unless --plan is given")
        parser.add_argument(
            "--plan",
            action="store_true",
            help=f"print what would change, and do nothing; exits with {DIFFERS} if anything would. Needs no account",
        )
        parser.add_argument(
            "--in-force-from",
            metavar="TIME",
            default="",
            help="from when on the policies are in force, such as 2027-01-01T00:00:00+01:00; without it, when they are "
            "confirmed",
        )
        add_password_argument(parser, is_required=False)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["template"]:
            self.stdout.write(template(), ending="")
            return
        if not options["files"]:
            raise CommandError("Name the files with the policies' YAML, or use --template.")
        if not options["plan"] and not options["username"]:
            raise CommandError("Name the account that proposes this: --as USER. To see what would change: --plan.")
        try:
            start = moments.read_moment(options["in_force_from"]) if options["in_force_from"] else None
        except moments.MomentError as error:
            raise CommandError(f"--in-force-from: {error}") from None
        planned = self._plan([Path(name) for name in options["files"]])
        for one in planned:
            self._show(one)
        if options["plan"]:
            if any(one.is_due for one in planned):
                raise SystemExit(DIFFERS)
            return
        try:
            actor = officer(options["username"], password_of(options))
            with context.bind_request_context(client="apply_policy"), transaction.atomic():
                made = [
                    policies.propose(actor=actor, source=one.source, reason=options["reason"], in_force_from=start)
                    for one in planned
                    if one.is_due
                ]
        except ValidationFailedError as refusal:
            raise CommandError("\n".join(fault.detail for fault in refusal.errors)) from None
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        for proposal in made:
            self.stdout.write(f"{describe(proposal)}; /changes/{proposal.pk}/")

    def _plan(self, files: list[Path]) -> tuple[PlannedPolicy, ...]:
        sources = []
        for file in files:
            try:
                source = file.read_text(encoding="utf-8")
                policies.read(source)
            except (OSError, UnicodeDecodeError) as error:
                raise CommandError(f"{file} cannot be read: {error}.") from None
            except ValidationFailedError as refusal:
                raise CommandError("\n".join(f"{file}: {fault.detail}" for fault in refusal.errors)) from None
            sources.append(source)
        try:
            return policy_plan.plan(sources)
        except ValidationFailedError as refusal:
            raise CommandError("\n".join(fault.detail for fault in refusal.errors)) from None
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None

    def _show(self, one: PlannedPolicy) -> None:
        where = f": {one.proposal}, /changes/{one.proposal.pk}/" if one.proposal is not None else ""
        self.stdout.write(f"{one.slug}: valid, {one.change}{where}")
        if one.is_due:
            for line in one.difference:
                self.stdout.write(f"  {line}")
            self._warn((*selectors.warnings_of(one.document), *selectors.setup_gaps(one.document)))

    def _warn(self, warnings: Iterable[str]) -> None:
        for words in warnings:
            self.stderr.write(f"warning: {words}")


def describe(proposal: ChangeProposal) -> str:
    """Return the state of a proposal and what it waits for, as one line."""
    if proposal.state != ChangeProposal.PROPOSED:
        return f"{proposal} {proposal.state}: {proposal.title}"
    names = ", ".join(change_proposals.confirmers_of(proposal).order_by("username").values_list("username", flat=True))
    return f"{proposal} proposed: {proposal.title}; can be confirmed by: {names or 'no other officer yet'}"
