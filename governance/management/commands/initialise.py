"""`manage.py initialise`: make a fresh database usable."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance.services import setup
from registry.exceptions import NotNow


class Command(BaseCommand):
    """Opens the audit log, installs the lifecycle, the reviewer group and the starter policies. Safe to run again."""

    help = "Set up a fresh instance: audit log, lifecycle, reviewer group, starter policies. Safe to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            done = setup.initialise()
        except NotNow as refusal:
            raise CommandError(refusal.detail) from refusal
        lines = [
            "audit log opened" if done.log_opened else "audit log: open already",
            "reviewer group made" if done.group_made else "reviewer group: there already",
            "questionnaire published" if done.questionnaire_published else "questionnaire: there already",
            *(f"policy in force: {name}" for name in done.policies),
        ]
        self.stdout.write("\n".join(lines))
