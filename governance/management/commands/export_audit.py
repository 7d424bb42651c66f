"""`manage.py export_audit`: the audit log as a file for spreadsheets or programs."""

import os
from argparse import ArgumentParser
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.recorder import ObjectRef
from governance import selectors
from governance.models import PromotionRequest
from registry import moments
from registry import selectors as registry
from registry.models import RegisteredModel


class Command(BaseCommand):
    """Writes events into a file. Access to this shell and to the database is the permission."""

    help = "Export events of the audit log, with private values, as CSV or JSON lines."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", required=True, metavar="FILE", help="a file that does not exist yet")
        parser.add_argument("--format", choices=("csv", "jsonl"), default="jsonl")
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--model", metavar="SLUG", help="events of a model and of everything that belongs to it")
        only.add_argument("--request", type=int, metavar="N", help="events of a promotion request")
        parser.add_argument("--from", dest="begin", metavar="DATE", help="first day, in UTC")
        parser.add_argument("--to", dest="end", metavar="DATE", help="last day, in UTC")
        parser.add_argument("--action", metavar="NAME", help="such as promotion.promoted")
        parser.add_argument("--actor", metavar="USER", help="user name, or id of an actor")

    def handle(self, *args: Any, **options: Any) -> None:
        view = _view(options)
        place = Path(options["output"])
        if place.exists():
            raise CommandError(f"{place} exists: name a file that does not.")
        part = place.with_name(f"{place.name}.part")
        try:
            with part.open("wb") as stream:
                for piece in selectors.export_lines(view, options["format"], progress=self._progress):
                    stream.write(piece)
                stream.flush()
                os.fsync(stream.fileno())
            part.rename(place)
        except OSError as error:
            raise CommandError(f"{place} cannot be written: {error.strerror or error}.") from None
        finally:
            part.unlink(missing_ok=True)
        self.stdout.write(f"{place}: {selectors.count_events(view):,} events")

    def _progress(self, written: int) -> None:
        if written % 50_000 == 0:
            self.stderr.write(f"{written:,} events")


def _view(options: dict[str, Any]) -> selectors.LogView:
    conditions: dict[str, Any] = {"action": options["action"]}
    if options["actor"]:
        conditions["actor"] = registry.actor_ids(options["actor"]) or [options["actor"]]
    if slug := options["model"]:
        model = RegisteredModel.objects.filter(slug=slug).first()
        if model is None:
            raise CommandError(f"There is no model {slug}.")
        conditions["stream"] = f"model:{model.uid}"
    if (number := options["request"]) is not None:
        request = PromotionRequest.objects.filter(pk=number).first()
        if request is None:
            raise CommandError(f"There is no promotion request #{number}.")
        conditions["about"] = ObjectRef("promotion", str(request.uid))
    try:
        if options["begin"]:
            conditions["after"] = datetime.combine(moments.read_day(options["begin"]), time(), tzinfo=UTC)
        if options["end"]:
            day = moments.read_day(options["end"]) + timedelta(days=1)
            conditions["before"] = datetime.combine(day, time(), tzinfo=UTC)
    except (moments.MomentError, OverflowError) as error:
        raise CommandError(f"--from and --to are days, such as 2026-01-31: {error}") from None
    names = {"model": "model", "request": "request", "begin": "from", "end": "to", "action": "action", "actor": "actor"}
    return selectors.LogView(
        conditions, {word: str(options[key]) for key, word in names.items() if options[key] is not None}
    )
