"""`manage.py verify_decision`: verify the signatures of the decisions on a request."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance import decision_signatures
from governance.models import Decision


class Command(BaseCommand):
    """It verifies with the keys in the database. `countersign decision verify` takes keys that are kept elsewhere."""

    help = (
        "Verify the signature of a decision: statement, attestation, passkey, evidence package, stored decision. Exit "
        "status 1 if it does not hold."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("decision", type=int, metavar="N", help="number of the decision, as in its address")
        parser.add_argument("--json", action="store_true", help="JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = Decision.objects.select_related("person", "on_behalf_of", "delegation", "signature_record__key")
        decision = rows.filter(pk=options["decision"]).first()
        if decision is None:
            raise CommandError(f"There is no decision {options['decision']}.")
        found = decision_signatures.verify_stored(decision)
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "decision": decision.pk,
                        "verified": not found.failure,
                        "proof": found.proof or None,
                        "proves": found.proves or None,
                        "failure": found.failure or None,
                        "decision_key": found.decision_key or None,
                        "passkey": found.passkey or None,
                        "statement": found.statement or None,
                    },
                    indent=2,
                    ensure_ascii=False,
                )
            )
        elif found.failure:
            self.stderr.write(f"Decision {decision.pk} of {decision.signer}: {found.failure}")
        else:
            by = f"passkey {found.passkey[:12]}" if found.passkey else f"decision key {found.decision_key[:12]}"
            self.stdout.write(
                f"Decision {decision.pk} of {decision.signer} on #{decision.request_id} is verified by the {by}; "
                f"{decision.get_signed_method_display().lower()}.\n{found.proves}"
            )
        if found.failure:
            sys.exit(1)
