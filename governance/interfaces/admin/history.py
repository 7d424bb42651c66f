"""The history of a record: the audit log's own account of it, with the words the log only commits to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit import selectors as log
from audit.actor import Actor
from audit.exceptions import CommitmentMismatchError
from audit.models import Event
from governance.interfaces.web.audit import Line, lines_of

ERASED = "erased"


@dataclass(frozen=True)
class Changed:
    """A field, before and after."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """One event about a record. `altered`: the words kept beside the log are not those it committed to."""

    line: Line
    reason: str
    changes: tuple[Changed, ...]
    altered: bool


def entries_of(actor: Actor, events: Sequence[Event]) -> list[Entry]:
    """Events made ready for a history page."""
    opened, altered = _opened(events)
    return [
        Entry(
            line,
            opened.get(line.event.event_id, {}).get("/reason", ERASED if "reason" in line.event.body else ""),
            _changes(line.event, opened.get(line.event.event_id, {})),
            line.event.event_id in altered,
        )
        for line in lines_of(actor, events)
    ]


def _opened(events: Sequence[Event]) -> tuple[dict[Any, dict[str, str]], set[Any]]:
    """The private words of all events with one query; one by one only where some were tampered with."""
    try:
        return log.private_values_bulk(events), set()
    except CommitmentMismatchError:
        opened: dict[Any, dict[str, str]] = {}
        altered: set[Any] = set()
        for event in events:
            try:
                opened[event.event_id] = log.private_values(event)
            except CommitmentMismatchError:
                altered.add(event.event_id)
        return opened, altered


def _changes(event: Event, opened: Mapping[str, str]) -> tuple[Changed, ...]:
    found = []
    for n, change in enumerate(event.body.get("changes", ())):
        if "commit" in change:
            before = _value(change.get("from"), opened.get(f"/changes/{n}/from", ERASED))
            after = opened.get(f"/changes/{n}", ERASED)
        else:
            before = _value(change.get("from"), opened.get(f"/changes/{n}/from", ERASED))
            after = _value(change.get("to"), opened.get(f"/changes/{n}/to", ERASED))
        found.append(Changed(str(change.get("field", "")), before, after))
    return tuple(found)


def _value(recorded: Any, private: str) -> str:
    """A recorded value in words; `private` where the record only commits to it."""
    if recorded is None or recorded == "":
        return ""
    if isinstance(recorded, dict) and "commit" in recorded:
        return private
    return recorded if isinstance(recorded, str) else json.dumps(recorded, ensure_ascii=False)
