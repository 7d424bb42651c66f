"""`manage.py reopen_log`: continue the audit log under a new name and key after its database was restored."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit import sequencer
from audit.actor import process
from audit.exceptions import SignerHaltedError
from governance.services import log_keeping
from registry.exceptions import DomainError


class Command(BaseCommand):
    """Records what is lost. Readers of the log need the new key; checkpoints of the former name stay valid."""

    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--origin", default="", help="the new name; default: the number at the end increased")
        parser.add_argument("--yes", action="store_true", help="do it; without it only the consequence is printed")

    def handle(self, *args: Any, origin: str, yes: bool, **options: Any) -> None:
        if not yes:
            raise CommandError(
                "The log gets a new name and a new key, and the event log.reopened keeps the last checkpoint of the "
                "former name: the loss of events stays visible. Restore a newer database instead if there is one. "
                "Repeat the command with --yes to continue."
            )
        try:
            keeper = log_keeping.configured_signer()
            event = sequencer.reopen_log(
                actor=process("log-keeper"),
                keeper=keeper,
                former_origin=settings.COUNTERSIGN_LOG_ORIGIN,
                origin=origin,
            )
            state = keeper.state()
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        except SignerHaltedError as halt:
            raise CommandError(str(halt)) from halt
        data = event.body["data"]
        lost = max(0, (data["former_size"] or 0) - data["size"])
        self.stdout.write(
            f"{data['origin']} continues {data['former_origin']} after {data['size']:,} events; {lost:,} lost."
        )
        self.stdout.write(f"new key: {state.keys[0] if state else ''}")
