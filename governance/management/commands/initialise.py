"""`manage.py initialise`: set up a new database."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.services import setup
from governance.services.policies import STARTER_SETS
from registry import selectors
from registry.exceptions import DomainError
from registry.services import instance


class Command(BaseCommand):
    """Opens the audit log, installs the lifecycle, the reviewer group and the starter policies. Idempotent."""

    help = "Set up a fresh instance: audit log, lifecycle, reviewer group, starter policies. Safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--single-officer",
            action="store_true",
            help="declare that this installation has one officer, who changes policies, roles and groups without a "
            "second person; every page, promotion and document then states it",
        )

        parser.add_argument(
            "--policies",
            choices=sorted(STARTER_SETS),
            default="light",
            help="the set of starter policies of a new instance; an instance with policies keeps them",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = setup.initialise(options["policies"])
            if options["single_officer"]:
                instance.declare_single_officer(actor=setup.INSTALLER, reason="declared when the instance was set up")
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        lines = [
            "audit log opened" if done.log_opened else "audit log: opened before",
            "reviewer group created" if done.group_made else "reviewer group: exists",
            "questionnaire published" if done.questionnaire_published else "questionnaire: exists",
            *(f"policy in force: {name}" for name in done.policies),
        ]
        if selectors.instance().single_officer:
            lines.append("single officer: changes of governance take effect without a second person")
        self.stdout.write("\n".join(lines))
