"""The history of a record from the audit log, with the private values that the log only commits to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audit import selectors as log
from audit.actor import Actor
from audit.exceptions import CommitmentMismatchError
from audit.models import Event
from governance.interfaces.html.event_labels import Line, lines_of

ERASED = "erased"


@dataclass(frozen=True)
class Changed:
    """A field, before and after."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Entry:
    """One event of a record. `altered`: the stored private values do not match their commitments."""

    line: Line
    reason: str
    changes: tuple[Changed, ...]
    altered: bool


def entries_of(actor: Actor, events: Sequence[Event]) -> list[Entry]:
    """Build the entries of a history page from events."""
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
    """Read the private values of all events in one query; one by one only if some were altered."""
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
    """A recorded value as text; `private` if the record only commits to it."""
    if recorded is None or recorded == "":
        return ""
    if isinstance(recorded, dict) and "commit" in recorded:
        return private
    return recorded if isinstance(recorded, str) else json.dumps(recorded, ensure_ascii=False)
