"""Read the audit log for an outbox: every event once, in order, also events of transactions that commit late.

Keys of events are not in the order of commits: an event with a lower key may be committed later. So reading starts
again at `LogPosition.arrival` each time, which advances only when no earlier event can appear; the events above it that
were processed are remembered.

An event that cannot be processed does not keep the others from being processed. It is stored as an `UnprocessedEvent`
with its problem, and tried again after growing pauses until it succeeds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from audit import clock
from audit import selectors as log
from audit.models import Event
from governance.models import LogPosition, UnprocessedEvent
from registry.services.claiming import doubled

logger = logging.getLogger(__name__)

CHUNK: Final = 500
_FIRST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(hours=6)
_PROBLEM_CHARACTERS: Final = 500


@dataclass(frozen=True)
class LogReader:
    """One reader of the log, with a position of its own.

    Args:
        name: its name; at most 20 characters.
        actions: the actions of the events that it reads.
        process: processes some events, all or none; it raises for an event that it cannot process. Its writes and the
            new position are one transaction.
    """

    name: str
    actions: Collection[str]
    process: Callable[[list[Event]], None]

    @transaction.atomic
    def read_new(self, *, start: int | None = None, first: Callable[[], int] | None = None) -> None:
        """Process the events that were not processed yet. Does nothing while another worker does it.

        Args:
            start: key of an event; those up to it are not read.
            first: returns the key up to which events are not read by a reader that has no position yet.
        """
        position = self._position(first)
        if position is None:
            return
        self._retry_failed()
        # Read before the events: transactions that ended by now are visible to the queries below.
        final = position.begun <= log.snapshot_xmin()
        newest = log.latest_event_pk()
        arrival = max(position.arrival, start or 0)
        done = set(position.processed)
        while events := log.events_after_pk(arrival, self.actions, CHUNK):
            arrival = events[-1].pk
            fresh = [event for event in events if event.pk not in done]
            if fresh and self._attempt(fresh) is not None:
                # One event that fails must not keep the others from their receivers.
                for event in fresh:
                    if problem := self._attempt([event]):
                        self._note_failure(event, problem)
            done.update(event.pk for event in fresh)
        if final:
            position.arrival = max(position.arrival, position.horizon)
            position.horizon, position.begun = newest, log.snapshot_xmax()
        position.processed = sorted(pk for pk in done if pk > position.arrival)
        position.save()

    def failures(self) -> int:
        """Return the number of events that wait to be tried again."""
        return UnprocessedEvent.objects.filter(reader=self.name).count()

    def _position(self, first: Callable[[], int] | None) -> LogPosition | None:
        if not LogPosition.objects.filter(reader=self.name).exists():
            made = LogPosition(reader=self.name, arrival=first() if first is not None else 0)
            LogPosition.objects.bulk_create([made], ignore_conflicts=True)
        return LogPosition.objects.select_for_update(skip_locked=True).filter(reader=self.name).first()

    def _retry_failed(self) -> None:
        due = UnprocessedEvent.objects.filter(reader=self.name, run_after__lte=clock.now())
        for row in due[:CHUNK]:
            event = log.get_event(row.event)
            problem = self._attempt([event]) if event is not None else None
            if problem is None:
                row.delete()
                continue
            pause = min(doubled(_FIRST_PAUSE, min(row.attempts + 1, 12)), _LONGEST_PAUSE)
            UnprocessedEvent.objects.filter(pk=row.pk).update(
                attempts=F("attempts") + 1, problem=problem, run_after=clock.now() + pause
            )

    def _note_failure(self, event: Event, problem: str) -> None:
        now = clock.now()
        facts = {"event": event.event_id, "action": event.action, "problem": problem}
        UnprocessedEvent.objects.get_or_create(
            reader=self.name,
            event_pk=event.pk,
            defaults={**facts, "first_failed_at": now, "run_after": now + _FIRST_PAUSE},
        )

    def _attempt(self, events: list[Event]) -> str | None:
        """Process some events in a savepoint. Returns the problem where that failed; the error is logged."""
        try:
            with transaction.atomic():
                self.process(events)
        except (OperationalError, InterfaceError):
            raise  # the database, and not an event, is at fault
        except Exception as error:
            logger.exception("%d events from %s on could not be processed", len(events), events[0].event_id)
            return f"{type(error).__name__}: {error}"[:_PROBLEM_CHARACTERS]
        return None
