"""`manage.py show_log_key`: print the public key of the audit log and its fingerprint, to keep elsewhere."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.exceptions import SignerHaltedError
from audit.notes import VerificationKey
from governance.services import log_keeping
from registry.exceptions import DomainError


class Command(BaseCommand):
    """Reads the state of the signer, not the database."""

    help = __doc__ or ""
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            state = log_keeping.configured_signer().state()
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        except SignerHaltedError as halt:
            raise CommandError(str(halt)) from halt
        if state is None:
            raise CommandError(
                "There is no key yet: the sequencer makes it at its first start (manage.py run_sequencer)."
            )
        for vkey in state.keys:
            self.stdout.write(vkey)
            self.stdout.write(f"  fingerprint SHA-256 {VerificationKey.parse(vkey).fingerprint}")
        self.stdout.write(f"  last signed: {state.size:,} events of {state.origin}")
