"""`manage.py replay_policy`: what a draft of a policy would have decided otherwise."""

import json
from argparse import ArgumentParser
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit import clock
from governance.replay.result import Replay
from governance.replay.running import replay
from governance.services import policies
from registry import moments
from registry.exceptions import ValidationFailedError

OUTCOMES = ("unchanged", "newly_blocked", "newly_allowed", "unknown")


class Command(BaseCommand):
    """Evaluates a draft on what was kept of past and open requests, and of what is in production. Writes nothing."""

    help = (
        "Evaluate a draft of a policy over the requests closed since a date, the open ones, and what is in production. "
        "Nothing is written."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the YAML of the draft")
        parser.add_argument("--since", metavar="DATE", help="such as 2026-01-31, in UTC; a year ago if not given")
        parser.add_argument("--json", action="store_true", help="print the whole result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            day = moments.read_day(options["since"]) if options["since"] else clock.now().date() - timedelta(days=365)
            document = policies.read(Path(options["file"]).read_text(encoding="utf-8"))
        except moments.MomentError as error:
            raise CommandError(f"--since: {error}") from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']} cannot be read: {error}.") from None
        except ValidationFailedError as refusal:
            raise CommandError("\n".join(fault.detail for fault in refusal.errors)) from None
        found = replay(document, since=datetime.combine(day, time(), tzinfo=UTC))
        if options["json"]:
            content = {**found.as_json(), "digest": found.digest}
            self.stdout.write(json.dumps(content, indent=2, ensure_ascii=False))
            return
        self._print(found)

    def _print(self, found: Replay) -> None:
        self.stdout.write(f"{found.policy}, draft {found.document_digest[:12]}, since {found.since:%Y-%m-%d}")
        for part, counts in found.counts.items():
            words = ", ".join(f"{counts[outcome]:,} {outcome.replace('_', ' ')}" for outcome in OUTCOMES)
            self.stdout.write(f"{part:<10} {words}; {found.outside[part]:,} not concerned")
        for row in found.rows:
            number = f"#{row.request}" if row.request is not None else "no request"
            self.stdout.write(
                f"{row.outcome.replace('_', ' '):<13} {number} {row.slug} v{row.version} → {row.target}: "
                f"{'; '.join(row.reasons)}"
            )
