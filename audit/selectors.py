"""Queries on the audit log. The caller checks permission."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, Func, Max, Q, QuerySet, TextField, Value

from audit import leaf
from audit.exceptions import CommitmentMismatchError
from audit.models import Event, Private
from audit.postgresql import prepared_statements
from audit.recorder import ObjectRef

PAGE_SIZE = 50
MAX_PAGE_SIZE = 500


@dataclass(frozen=True)
class Page:
    """One page of events, newest first, and the cursor of the next page (None on the last page)."""

    events: list[Event]
    cursor: str | None


def get_event(event_id: uuid.UUID | str) -> Event | None:
    """Return the event with this uuid; None if there is none or the text is not a uuid."""
    try:
        return Event.objects.filter(event_id=uuid.UUID(str(event_id))).first()
    except ValueError:
        return None


def events_for_object(about: ObjectRef) -> QuerySet[Event]:
    """Return all events whose object or related object is `about`, newest first."""
    return Event.objects.filter(touched__contains=[str(about)]).order_by("-id")


def no_events() -> QuerySet[Event]:
    """Return an empty list of events, for an object that has none in the log."""
    return Event.objects.none()


def event_at(stream: str, number: int) -> Event | None:
    """Return the event of the stream with this number."""
    return Event.objects.filter(stream_id=stream, stream_seq=number).first()


def events_for_objects_since(stream: str, about: Collection[ObjectRef], moment: datetime) -> QuerySet[Event]:
    """Return the events of the stream after `moment` about one of the objects, oldest first."""
    named = [str(each) for each in about]
    later = Event.objects.filter(stream_id=stream, happened_at__gt=moment, touched__overlap=named)
    return later.order_by("stream_seq")


def stream_events(stream: str) -> QuerySet[Event]:
    """Return the events of a stream in the order of their numbers."""
    return Event.objects.filter(stream_id=stream).order_by("stream_seq")


def stream_position_at(stream: str, moment: datetime) -> int:
    """Return the number of the last event of the stream at `moment`; 0 if there was none."""
    last = (
        Event.objects.filter(stream_id=stream, happened_at__lte=moment)
        .order_by("-stream_seq")
        .values_list("stream_seq", flat=True)
        .first()
    )
    return int(last) if last is not None else 0


def stream_events_until(stream: str, moment: datetime) -> QuerySet[Event]:
    """Return the events of a stream up to and including `moment`, in the order of their numbers."""
    return stream_events(stream).filter(stream_seq__lte=stream_position_at(stream, moment))


def search(
    *,
    action: str | None = None,
    actor: str | Collection[str] | None = None,
    about: ObjectRef | None = None,
    stream: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
    text: str | None = None,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page:
    """Return one page of the events that match all given conditions, newest first.

    Pages continue after the last event of the previous page, not at an offset, so new events neither shift nor repeat
    entries.

    Args:
        action: the exact name of the action.
        actor: the id of the actor, or several ids, such as those of a person and of their tokens.
        about: the object or a related object of the event.
        stream: the name of the stream, such as "model:<uid>".
        after: earliest time, inclusive.
        before: latest time, exclusive.
        text: text contained in the leaf, in any letter case. Scans every event that the other conditions leave, so
            combine it with one of them. Private values are not searched.
        cursor: ``Page.cursor`` of the previous page. An unknown cursor gives an empty page.
        limit: events on a page, 1 to 500.

    Returns:
        The events and the cursor of the next page.
    """
    events = matching(
        action=action, actor=actor, about=about, stream=stream, after=after, before=before, text=text
    ).order_by("-happened_at", "-id")
    if cursor is not None:
        last = get_event(cursor)
        if last is None:
            return Page([], None)
        events = events.filter(
            Q(happened_at__lt=last.happened_at) | Q(happened_at=last.happened_at, id__lt=last.id),
            happened_at__lte=last.happened_at,
        )
    limit = max(1, min(limit, MAX_PAGE_SIZE))
    found = list(events[: limit + 1])
    page = found[:limit]
    return Page(page, str(page[-1].event_id) if len(found) > limit else None)


def matching(
    *,
    action: str | None = None,
    actor: str | Collection[str] | None = None,
    about: ObjectRef | None = None,
    stream: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
    text: str | None = None,
) -> QuerySet[Event]:
    """Return all events that match the conditions of :func:`search`, in no defined order."""
    events = Event.objects.all()
    if action is not None:
        events = events.filter(action=action)
    if actor is not None:
        events = events.filter(actor_id__in=[actor] if isinstance(actor, str) else list(actor))
    if about is not None:
        events = events.filter(touched__contains=[str(about)])
    if stream is not None:
        events = events.filter(stream_id=stream)
    if after is not None:
        events = events.filter(happened_at__gte=after)
    if before is not None:
        events = events.filter(happened_at__lt=before)
    if text:
        words = Func(F("leaf"), Value("UTF8"), function="convert_from", output_field=TextField())
        events = events.alias(words=words).filter(words__icontains=text)
    return events


def latest_event_pk() -> int:
    """Return the primary key of the newest visible event; 0 if there is none."""
    return Event.objects.aggregate(newest=Max("id"))["newest"] or 0


def event_pk_before(moment: datetime) -> int:
    """Return the primary key of the last event that was recorded before a moment; 0 if there is none."""
    earlier = Event.objects.filter(happened_at__lt=moment).order_by("-happened_at", "-id")
    return earlier.values_list("id", flat=True).first() or 0


def events_after_pk(arrival: int, actions: Collection[str], limit: int) -> list[Event]:
    """Return the events of `actions` with a primary key above `arrival`, ascending, at most `limit`.

    An event of a transaction that commits later may have a lower key than events already returned: see
    :func:`snapshot_xmax`.
    """
    return list(Event.objects.filter(id__gt=arrival, action__in=list(actions)).order_by("id")[:limit])


def snapshot_xmax() -> int:
    """Return a transaction id above that of every transaction that has written something so far.

    A transaction has its id before its events have primary keys. Once :func:`snapshot_xmin` reaches the value returned
    here, no event can appear any more with a key below that of the newest event visible at this call.
    """
    return _of_snapshot("pg_snapshot_xmax")


def snapshot_xmin() -> int:
    """Return a transaction id below which every transaction has ended."""
    return _of_snapshot("pg_snapshot_xmin")


def _of_snapshot(function: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(pg_current_snapshot())::text::bigint")
        (number,) = cursor.fetchone()
    return int(number)


def private_values(event: Event) -> dict[str, str]:
    """Return the private values of an event by JSON pointer, such as "/reason" or "/changes/0". Erased values are
    missing.

    Raises:
        CommitmentMismatchError: a stored value does not match the commitment in the event.
    """
    return private_values_bulk([event])[event.event_id]


def private_values_bulk(events: Iterable[Event]) -> dict[uuid.UUID, dict[str, str]]:
    """Return :func:`private_values` of many events, by event uuid, with one query.

    Raises:
        CommitmentMismatchError: a stored value does not match the commitment in its event.
    """
    found = {event.event_id: event for event in events}
    opened: dict[uuid.UUID, dict[str, str]] = {event_id: {} for event_id in found}
    for kept in Private.objects.filter(event_id__in=list(found)):
        committed = _committed(found[kept.event_id].body, kept.pointer)
        if committed is None or not leaf.verify_commitment(
            committed, salt=bytes(kept.salt), event_id=str(kept.event_id), field=kept.field, value=kept.value
        ):
            raise CommitmentMismatchError(kept.event_id, kept.pointer)
        opened[kept.event_id][kept.pointer] = kept.value
    return opened


def readable_private_values(
    events: Iterable[Event],
) -> tuple[dict[uuid.UUID, dict[str, str]], dict[uuid.UUID, str]]:
    """Return the private values of events, and the pointers of values that do not match their commitments.

    One altered value neither hides the values of the other events nor stays unreported.

    Returns:
        The values by event uuid as :func:`private_values_bulk`, none for an event with an altered value; and by event
        uuid the pointer of its first altered value.
    """
    found = list(events)
    try:
        return private_values_bulk(found), {}
    except CommitmentMismatchError:
        opened: dict[uuid.UUID, dict[str, str]] = {}
        altered: dict[uuid.UUID, str] = {}
        for event in found:
            try:
                opened[event.event_id] = private_values(event)
            except CommitmentMismatchError as fault:
                opened[event.event_id], altered[event.event_id] = {}, fault.pointer
        return opened, altered


def _committed(body: dict[str, Any], pointer: str) -> str | None:
    """Return the commitment at this pointer of the leaf, or None."""
    place: Any = body
    for step in pointer.split("/")[1:]:
        if isinstance(place, list) and step.isdecimal() and int(step) < len(place):
            place = place[int(step)]
        elif isinstance(place, dict):
            place = place.get(step)
        else:
            return None
    committed = place.get("commit") if isinstance(place, dict) else None
    return committed if isinstance(committed, str) else None


def last_occurrence_by_actor(action: str, actors: Collection[str]) -> dict[str, datetime]:
    """Return the time of the last event with this action for each actor id. Actors without one are missing."""
    found = Event.objects.filter(action=action, actor_id__in=list(actors)).values_list("actor_id")
    return {str(actor): moment for actor, moment in found.annotate(last=Max("happened_at"))}


def actor_ids_by_event(events: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the id of the actor of each event, by the uuid of the event. One prepared query."""
    return dict(
        prepared_statements.execute_prepared(
            "SELECT event_id, actor_id FROM audit_event WHERE event_id = ANY (%(events)s)", {"events": list(events)}
        )
        if events
        else []
    )
