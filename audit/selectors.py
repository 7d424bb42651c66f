"""Questions to the log. Every answer is read from the events; nothing here decides who may ask."""

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
from audit.recorder import ObjectRef

PAGE_SIZE = 50
MAX_PAGE_SIZE = 500


@dataclass(frozen=True)
class Page:
    """Some events, newest first, and where the next page begins (None at the end)."""

    events: list[Event]
    cursor: str | None


def get_event(event_id: uuid.UUID | str) -> Event | None:
    """The event with that uuid, or None."""
    try:
        return Event.objects.filter(event_id=uuid.UUID(str(event_id))).first()
    except ValueError:
        return None


def events_for_object(thing: ObjectRef) -> QuerySet[Event]:
    """All events whose object or related thing this is, newest first."""
    return Event.objects.filter(touched__contains=[str(thing)]).order_by("-id")


def stream_events(stream: str) -> QuerySet[Event]:
    """The events of a stream in its own order, first to last."""
    return Event.objects.filter(stream_id=stream).order_by("stream_seq")


def stream_position_at(stream: str, moment: datetime) -> int:
    """How far the stream had come at that moment: the number of its last event then, 0 before the first."""
    last = (
        Event.objects.filter(stream_id=stream, happened_at__lte=moment)
        .order_by("-stream_seq")
        .values_list("stream_seq", flat=True)
        .first()
    )
    return int(last) if last is not None else 0


def stream_events_until(stream: str, moment: datetime) -> QuerySet[Event]:
    """The events of a stream up to that moment, first to last."""
    return stream_events(stream).filter(stream_seq__lte=stream_position_at(stream, moment))


def search(
    *,
    action: str | None = None,
    actor: str | Collection[str] | None = None,
    thing: ObjectRef | None = None,
    stream: str | None = None,
    after: datetime | None = None,
    before: datetime | None = None,
    text: str | None = None,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> Page:
    """Events that fit every condition given, newest first, a page at a time.

    Pages are told apart by the last event seen and not counted, so new events neither shift nor repeat any.

    Args:
        action: the action's exact name.
        actor: the actor's id; or several, such as a person's own and those of their tokens.
        thing: object or related thing.
        stream: the stream's name, such as "model:<uid>".
        after: happened at or after.
        before: happened before.
        text: words as they stand in the leaf, whatever their case. Looks through every event the other conditions
            leave, so combine it with one of them. Private values are not searched.
        cursor: ``Page.cursor`` of the page before; one that names no event gives an empty page.
        limit: events on a page, at most 500.
    """
    events = Event.objects.order_by("-happened_at", "-id")
    if action is not None:
        events = events.filter(action=action)
    if actor is not None:
        events = events.filter(actor_id__in=[actor] if isinstance(actor, str) else list(actor))
    if thing is not None:
        events = events.filter(touched__contains=[str(thing)])
    if stream is not None:
        events = events.filter(stream_id=stream)
    if after is not None:
        events = events.filter(happened_at__gte=after)
    if before is not None:
        events = events.filter(happened_at__lt=before)
    if text:
        words = Func(F("leaf"), Value("UTF8"), function="convert_from", output_field=TextField())
        events = events.alias(words=words).filter(words__icontains=text)
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


def latest_event_pk() -> int:
    """The order of arrival of the newest event that can be seen; 0 where there is none."""
    return Event.objects.aggregate(newest=Max("id"))["newest"] or 0


def events_after_pk(arrival: int, actions: Collection[str], limit: int) -> list[Event]:
    """Events of these actions that arrived after another, first to last. One that is committed late may still come to
    stand before what this answered: see :func:`transactions_begun`."""
    return list(Event.objects.filter(id__gt=arrival, action__in=list(actions)).order_by("id")[:limit])


def snapshot_xmax() -> int:
    """A number above that of every transaction that has written anything so far. An event's transaction has its number
    before the event has its order of arrival. So once :func:`transactions_ended` has reached what this answered,
    nothing can arrive any more before the newest event that could be seen then."""
    return _of_snapshot("pg_snapshot_xmax")


def snapshot_xmin() -> int:
    """A number below which every transaction is over."""
    return _of_snapshot("pg_snapshot_xmin")


def _of_snapshot(function: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(pg_current_snapshot())::text::bigint")
        (number,) = cursor.fetchone()
    return int(number)


def private_values(event: Event) -> dict[str, str]:
    """The private values of an event by JSON pointer, such as "/reason" or "/changes/0"; erased ones are missing.

    Raises CommitmentMismatchError when a kept value does not match the commitment in the event.
    """
    return private_values_bulk([event])[event.event_id]


def private_values_bulk(events: Iterable[Event]) -> dict[uuid.UUID, dict[str, str]]:
    """:func:`opening` for many events with one query."""
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


def _committed(body: dict[str, Any], pointer: str) -> str | None:
    """The commitment at that place of the leaf, or None."""
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
    """When each of these actors last did that; those who never did are missing."""
    found = Event.objects.filter(action=action, actor_id__in=list(actors)).values_list("actor_id")
    return {str(actor): moment for actor, moment in found.annotate(last=Max("happened_at"))}


def actor_ids_by_event(events: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Who did each of these: the actor's id by the event's."""
    return dict(Event.objects.filter(event_id__in=list(events)).values_list("event_id", "actor_id"))
