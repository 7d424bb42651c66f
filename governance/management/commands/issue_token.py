"""`manage.py issue_token`: an access token for a pipeline, shown once."""

import os
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from audit import clock
from audit.actor import Actor, process
from registry import access
from registry.exceptions import DomainError
from registry.models import User
from registry.services import tokens

ISSUER = process("issue-token")
"""The actor when an operator of this machine issues a token for a service account."""
PIPELINE = "models:read,models:write,versions:write,promotions:write,promotions:execute"


class Command(BaseCommand):
    """Issues a token for a service account.

    People create their own on the page “Access tokens”, signed in; only in a demonstration, whose accounts are not real
    people, this command also creates tokens for them.
    """

    help = (
        "Issue an access token for a service account (in a demonstration: for any account). Its secret is shown once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--scopes", default=PIPELINE, help="joined by commas (default: %(default)s)")
        parser.add_argument("--days", type=float, default=30.0, help="until it expires (default: %(default)g)")
        parser.add_argument("--name", default="issued by command", help="what it is for")
        parser.add_argument("--models", default="", help="names of the models it is limited to, joined by commas")
        parser.add_argument(
            "--checks",
            default="",
            help="names of the checks whose results it may report, joined by commas; adds the scope checks:write",
        )
        parser.add_argument(
            "--holder",
            default="",
            help="user name of the person who gets the secret (required outside a demonstration)",
        )
        parser.add_argument("--file", default="", help="write the secret to this file (0600) and not to the terminal")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(username=options["username"]).first()
        if person is None:
            raise CommandError(f"There is no account with the user name “{options['username']}”.")
        if not 0 < options["days"] <= tokens.LONGEST_LIFE.days:
            raise CommandError(f"--days must be more than 0 and at most {tokens.LONGEST_LIFE.days}.")
        holder = User.objects.filter(username=options["holder"]).first() if options["holder"] else None
        if options["holder"] and holder is None:
            raise CommandError(f"There is no account with the user name “{options['holder']}”.")
        if holder is None and person.kind == User.Kind.SERVICE and not settings.COUNTERSIGN_DEMO:
            raise CommandError(
                "Name the person who gets the secret with --holder USERNAME: they do not approve what the service "
                "account does (SoD-3)."
            )
        checks = _listed(options["checks"])
        try:
            token, secret = tokens.issue(
                actor=self._issuer(person),
                person=person,
                name=options["name"],
                scopes=[*_listed(options["scopes"]), *([access.REPORT_SCOPE] if checks else [])],
                expires_at=clock.now() + timedelta(days=options["days"]),
                model_slugs=_listed(options["models"]) or None,
                check_names=checks,
                received_by=holder,
            )
        except DomainError as refusal:
            raise CommandError(refusal.detail) from None
        summary = (
            f"token of {person.username} until {token.expires_at:%Y-%m-%d %H:%M} UTC, for {', '.join(token.scopes)}"
        )
        if not options["file"]:
            self.stderr.write(f"{summary}; this is shown once:")
            self.stdout.write(secret)
            return
        _keep(Path(options["file"]), secret)
        self.stderr.write(f"{summary}; in {options['file']}")

    @staticmethod
    def _issuer(person: User) -> Actor:
        if settings.COUNTERSIGN_DEMO and person.kind == User.Kind.PERSON:
            return access.actor_for(person, auth="command")
        return ISSUER


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _keep(path: Path, secret: str) -> None:
    """Write the secret to a new file that only this account can read; an existing file is replaced."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
        stream.write(f"{secret}\n")
