"""`manage.py export_audit`: the audit log as a bundle with proofs, or as a file for spreadsheets or programs."""

import os
from argparse import ArgumentParser
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audit.exceptions import BadNoteError, NothingSignedError
from audit.exporting import Disclosure
from audit.recorder import ObjectRef
from governance import selectors
from governance.models import PromotionRequest
from governance.services import log_bundles
from registry import moments
from registry import selectors as registry
from registry.models import RegisteredModel


class Command(BaseCommand):
    """Writes events into a folder or a file. Access to this shell and to the database is the permission."""

    help = (
        "Export the audit log: a bundle with proofs for verifier.py (docs/verifying.md), or CSV or JSON lines of "
        "events. Private values, such as reasons and names, are included unless --without-private is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", required=True, metavar="PATH", help="folder or file that does not exist yet")
        parser.add_argument("--format", choices=("bundle", "csv", "jsonl"), default="bundle")
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--model", metavar="SLUG", help="events of a model and of everything that belongs to it")
        only.add_argument("--request", type=int, metavar="N", help="events of a promotion request")
        parser.add_argument("--from", dest="begin", metavar="DATE", help="first day, in UTC")
        parser.add_argument("--to", dest="end", metavar="DATE", help="last day, in UTC")
        parser.add_argument("--action", metavar="NAME", help="such as promotion.promoted; not for a bundle")
        parser.add_argument("--actor", metavar="USER", help="user name, or id of an actor; not for a bundle")
        bundle = parser.add_argument_group("bundle")
        bundle.add_argument("--tiles", action="store_true", help="write entries in the tlog-tiles layout, too")
        bundle.add_argument("--without-private", action="store_true", help="leave private values out")
        bundle.add_argument(
            "--trusted",
            action="append",
            default=[],
            metavar="NOTE",
            help="a checkpoint that the reader holds; a bundle of some events proves that the log continues it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        place = Path(options["output"])
        if os.path.lexists(place):
            raise CommandError(f"{place} exists: name something that does not.")
        try:
            if options["format"] == "bundle":
                self._write_bundle(place, options)
            else:
                self._write_file(place, options)
        except OSError as error:
            raise CommandError(f"{place} cannot be written: {error.strerror or error}.") from None
        except (NothingSignedError, BadNoteError) as error:
            raise CommandError(str(error)) from None

    def _write_bundle(self, place: Path, options: dict[str, Any]) -> None:
        if options["action"] or options["actor"]:
            raise CommandError(
                "A bundle is of the log, a model, a request or a period: leave --action and --actor out."
            )
        after, before = _period(options)
        selection = log_bundles.Selection(_model(options), _request(options), after, before)
        shown = not options["without_private"]
        part = place.with_name(f"{place.name}.part")
        written = log_bundles.write_bundle(
            part,
            selection,
            disclosure=Disclosure(shown, shown),
            held=[Path(note).read_text(encoding="utf-8") for note in options["trusted"]],
            with_entry_tiles=options["tiles"],
            progress=self._progress,
        )
        part.rename(place)
        self.stdout.write(
            f"{place}: {written.events:,} events, checkpoint of {written.size:,} events of {written.origin}"
        )

    def _write_file(self, place: Path, options: dict[str, Any]) -> None:
        view = _view(options)
        part = place.with_name(f"{place.name}.part")
        try:
            with part.open("wb") as stream:
                for piece in selectors.export_lines(view, options["format"], progress=self._progress):
                    stream.write(piece)
                stream.flush()
                os.fsync(stream.fileno())
            part.rename(place)
        finally:
            part.unlink(missing_ok=True)
        self.stdout.write(f"{place}: {selectors.count_events(view):,} events")

    def _progress(self, written: int) -> None:
        if written % 50_000 == 0:
            self.stderr.write(f"{written:,} events")


def _model(options: dict[str, Any]) -> RegisteredModel | None:
    if not options["model"]:
        return None
    model = RegisteredModel.objects.filter(slug=options["model"]).first()
    if model is None:
        raise CommandError(f"There is no model {options['model']}.")
    return model


def _request(options: dict[str, Any]) -> PromotionRequest | None:
    if options["request"] is None:
        return None
    joined = PromotionRequest.objects.select_related("model", "version", "target_stage")
    request = joined.filter(pk=options["request"]).first()
    if request is None:
        raise CommandError(f"There is no promotion request #{options['request']}.")
    return request


def _period(options: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Return the first moment of the first day, and of the day after the last one."""
    try:
        begin = moments.read_day(options["begin"]) if options["begin"] else None
        end = moments.read_day(options["end"]) + timedelta(days=1) if options["end"] else None
    except (moments.MomentError, OverflowError) as error:
        raise CommandError(f"--from and --to are days, such as 2026-01-31: {error}") from None
    first, last = (datetime.combine(day, time(), tzinfo=UTC) if day is not None else None for day in (begin, end))
    return first, last


def _view(options: dict[str, Any]) -> selectors.LogView:
    conditions: dict[str, Any] = {"action": options["action"]}
    if options["actor"]:
        conditions["actor"] = registry.actor_ids(options["actor"]) or [options["actor"]]
    if (model := _model(options)) is not None:
        conditions["stream"] = f"model:{model.uid}"
    if (request := _request(options)) is not None:
        conditions["about"] = ObjectRef("promotion", str(request.uid))
    conditions["after"], conditions["before"] = _period(options)
    names = {"model": "model", "request": "request", "begin": "from", "end": "to", "action": "action", "actor": "actor"}
    return selectors.LogView(
        conditions, {word: str(options[key]) for key, word in names.items() if options[key] is not None}
    )
