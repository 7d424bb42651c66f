"""`manage.py rotate_log_key`: make a new key of the audit log; `--finish` ends the use of the former one."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import sequencer
from audit.actor import process
from audit.exceptions import SignerHaltedError
from governance.services import log_keeping
from registry.exceptions import DomainError


class Command(BaseCommand):
    """Both keys sign between the two steps, so that readers have time to learn the new key."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--finish", action="store_true", help="sign with the new key only, and delete the former one"
        )

    def handle(self, *args: Any, finish: bool, **options: Any) -> None:
        change = sequencer.finish_rotation if finish else sequencer.rotate_key
        try:
            event = change(actor=process("log-keeper"), keeper=log_keeping.configured_signer())
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        except SignerHaltedError as halt:
            raise CommandError(str(halt)) from halt
        data = event.body["data"]
        self.stdout.write(f"new key:    {data['vkey']}\nformer key: {data['former_vkey']}")
        if finish:
            self.stdout.write("The new key signs alone. The file of the former key is deleted.")
        else:
            self.stdout.write("Both sign. Give the new key to the readers of the log, then run this with --finish.")
