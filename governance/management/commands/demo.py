"""`manage.py demo`: make the demonstration in a fresh development installation."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

WIDTH = 16


class Command(BaseCommand):
    """Makes the demonstration once and prints how to sign in."""

    help = (
        "Fill a fresh database with the demonstration: people, policies, models and three years of their history. "
        "Development settings only. Running it again changes nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from governance.development.demo import install  # noqa: PLC0415 - left out of the production image
        except ModuleNotFoundError as error:
            raise CommandError("The demonstration is not part of this installation.") from error
        try:
            done = install.install(progress=self._progress)
        except install.Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        if self.stdout.isatty():
            self.stdout.write("\r" + " " * (WIDTH + 8), ending="\r")
        found = install.made()
        states = ", ".join(f"{count} {state}" for state, count in found.requests.items() if count)
        self.stdout.write(
            f"demo data: {found.models} models, {found.events:,} events" + ("" if done else ", there already")
        )
        self.stdout.write(f"requests: {states}")
        self.stdout.write(f"password of every account in {settings.VAR_DIR / install.PASSWORD_FILE}")

    def _progress(self, share: float) -> None:
        if self.stdout.isatty():
            bar = "█" * round(share * WIDTH)
            self.stdout.write(f"\r  {bar:<{WIDTH}} {share:4.0%}", ending="")
            self.stdout.flush()
