"""`manage.py decision_key`: show the public decision key, or replace the key."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from governance import decision_signatures
from governance.models import DecisionKey


class Command(BaseCommand):
    """Run it on each web server, as the user of the web server, so that the file belongs to that user."""

    help = (
        "Print the public key with which this server attests decision signatures, with its fingerprint; the first call "
        "makes the key. Keep both outside this installation. `rotate` replaces the key; the older keys attest for "
        f"{decision_signatures.OVERLAP.total_seconds() / 3600:.0f} hours, in which you copy the file to the other web "
        "servers."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("action", nargs="?", choices=("show", "rotate"), default="show")
        parser.add_argument("--json", action="store_true", help="JSON, with every key and its period")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            local, row = (
                decision_signatures.rotate_key()
                if options["action"] == "rotate"
                else decision_signatures.register_current_key()
            )
        except decision_signatures.DecisionKeyError as fault:
            raise CommandError(str(fault)) from None
        others = [key for key in DecisionKey.objects.all() if key.pk != row.pk]
        if options["json"]:
            keys = [{**_facts(key), "is_of_this_server": key.pk == row.pk} for key in (row, *others)]
            self.stdout.write(json.dumps({"keys": keys}, indent=2))
            return
        self.stdout.write(f"Decision key {local.key_id}\n{_period(row)}\n{local.public.pem}")
        for key in others:
            self.stdout.write(f"Earlier key {key.key_id}, {_period(key)}")


def _facts(key: DecisionKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "public_key": key.public_key,
        "valid_from": key.valid_from.isoformat(),
        "valid_until": key.valid_until.isoformat() if key.valid_until is not None else None,
    }


def _period(key: DecisionKey) -> str:
    end = f" until {key.valid_until:%Y-%m-%d %H:%M} UTC" if key.valid_until is not None else ""
    return f"from {key.valid_from:%Y-%m-%d %H:%M} UTC{end}"
