"""Any filtered view of the audit log as a file: CSV for spreadsheets, JSON lines for programs.

A file is produced line by line from one snapshot of the log, in the order of the events, with memory that does not
depend on its length. Its last line states the filter, the newest event of the log at that time, the number of events
and the SHA-256 of everything before that line, so that a file that was cut or edited is noticed. This is not a proof
of the log; a bundle is (docs/verifying.md).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from django.db.models import QuerySet

from audit import leaf
from audit import selectors as log
from audit.models import Event
from governance.csv_lines import BYTE_ORDER_MARK, csv_lines
from registry import selectors as registry
from registry.models import RegisteredModel

Format = Literal["csv", "jsonl"]
EXPORT_FORMATS: Mapping[str, Format] = {"csv": "csv", "jsonl": "jsonl"}
CONTENT_TYPES: Mapping[str, str] = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}

COLUMNS = (
    "at", "event", "action", "description", "actor", "actor_name", "through", "object", "model", "stream", "number",
    "reason", "altered", "leaf_hash",
)  # fmt: skip
END_MARK = "end of export"
"""First cell of the last line of a CSV file."""
_ADDRESS = "/request/address"
_BATCH = 500


@dataclass(frozen=True)
class LogView:
    """What is exported.

    Args:
        conditions: arguments of `audit.selectors.matching`.
        words: the filter as the reader gave it, written into the file.
        with_addresses: whether network addresses are included, which only readers of the whole log see.
    """

    conditions: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)
    with_addresses: bool = True

    def events(self) -> QuerySet[Event]:
        """Return the events of the view, the oldest first."""
        return log.matching(**self.conditions).order_by("happened_at", "id")


def count_events(view: LogView, limit: int | None = None) -> int:
    """Return how many events the view has, at most `limit`."""
    found = log.matching(**view.conditions)
    return found[:limit].count() if limit is not None else found.count()


def export_lines(
    view: LogView, form: Format, *, progress: Callable[[int], None] = lambda written: None
) -> Iterator[bytes]:
    """Yield the file in pieces.

    Args:
        view: what to export.
        form: csv or jsonl.
        progress: called with the number of events written so far, after each batch.
    """
    newest = log.latest_event_pk()
    last = Event.objects.filter(pk=newest).first()
    rows = view.events().filter(pk__lte=newest).iterator(chunk_size=_BATCH)
    hashed, written = hashlib.sha256(), 0
    head = (BYTE_ORDER_MARK + "".join(csv_lines([COLUMNS]))).encode() if form == "csv" else b""
    hashed.update(head)
    yield head
    while batch := list(islice(rows, _BATCH)):
        lines = b"".join(_csv(view, batch) if form == "csv" else _json_lines(view, batch))
        hashed.update(lines)
        written += len(batch)
        yield lines
        progress(written)
    summary = {
        "filter": dict(view.words),
        "as_of": {"event": str(last.event_id), "at": last.body["at"]} if last is not None else None,
        "events": written,
        "sha256": hashed.hexdigest(),
    }
    if form == "jsonl":
        yield json.dumps({"export": summary}, ensure_ascii=False).encode() + b"\n"
    else:
        cells = [f"{name}: {_text(value)}" for name, value in summary.items()]
        yield "".join(csv_lines([[END_MARK, *cells]])).encode()


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _csv(view: LogView, events: list[Event]) -> Iterator[bytes]:
    names, (opened, altered) = _Names(events), log.readable_private_values(events)
    for event in events:
        body = event.body
        row = (
            body["at"],
            str(event.event_id),
            event.action,
            event.sentence,
            event.actor_id,
            *names.actor(body),
            f"{event.thing_type}:{event.thing_id}",
            names.model(event),
            event.stream_id,
            event.stream_seq,
            opened[event.event_id].get("/reason", ""),
            altered.get(event.event_id, ""),
            leaf.leaf_hash(bytes(event.leaf)).hex(),
        )
        yield "".join(csv_lines([row])).encode()


def _json_lines(view: LogView, events: list[Event]) -> Iterator[bytes]:
    """The record is written as its exact bytes, the other members beside it."""
    names, (opened, altered) = _Names(events), log.readable_private_values(events)
    for event in events:
        name, through = names.actor(event.body)
        private = opened[event.event_id]
        if not view.with_addresses:
            private = {pointer: value for pointer, value in private.items() if pointer != _ADDRESS}
        record = bytes(event.leaf)
        beside = {
            "id": str(event.event_id),
            "actor_name": name,
            "through": through,
            "model": names.model(event),
            "private": private,
            "altered": altered.get(event.event_id),
            "leaf_hash": leaf.leaf_hash(record).hex(),
        }
        yield json.dumps(beside, ensure_ascii=False).encode()[:-1] + b', "event": ' + record + b"}\n"


class _Names:
    """Names of the actors and models of a batch of events, three queries."""

    def __init__(self, events: list[Event]) -> None:
        actors = [event.body.get("actor", {}) for event in events]
        self._tokens = registry.tokens_by_uid(str(a.get("id")) for a in actors if a.get("type") == "token")
        self._people = registry.account_names(
            {str(a[member]) for a in actors for member in ("id", "behind") if a.get(member)}
        )
        models = {uid for event in events if (uid := _model_of(event))}
        self._models = {
            str(uid): slug for uid, slug in RegisteredModel.objects.filter(uid__in=models).values_list("uid", "slug")
        }

    def actor(self, body: dict[str, Any]) -> tuple[str, str]:
        """Return the name of the person who acts, and of the token they act through."""
        actor = body.get("actor", {})
        uid = str(actor.get("id", ""))
        if actor.get("type") == "token":
            token = self._tokens.get(uid)
            return self._people.get(str(actor.get("behind", "")), ""), token.name if token is not None else uid
        return self._people.get(uid, ""), ""

    def model(self, event: Event) -> str:
        """Return the slug of the model whose stream has the event; empty for other streams."""
        return self._models.get(_model_of(event), "")


def _model_of(event: Event) -> str:
    kind, _, uid = str(event.stream_id).partition(":")
    return uid if kind == "model" else ""
