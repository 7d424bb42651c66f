"""Writes that concern the log as a whole: opening it, and erasing private values."""

from __future__ import annotations

from collections.abc import Collection

from django.conf import settings
from django.db import transaction

from audit import actions
from audit.actor import Actor
from audit.models import Event, Private
from audit.recorder import ObjectRef, record_event

LOG_STREAM = "log"
PRIVACY_STREAM = "privacy"


@transaction.atomic
def open_log(*, actor: Actor) -> Event:
    """Write the first event of the log, when a database is initialised. Later calls return that event."""
    with transaction.get_connection().cursor() as cursor:
        cursor.execute("SELECT audit_stream_next(%s)", [LOG_STREAM])
        (seq,) = cursor.fetchone()
    if seq > 1:
        return Event.objects.get(stream_id=LOG_STREAM, stream_seq=1)
    return record_event(
        actions.LOG_OPENED,
        actor=actor,
        target=ObjectRef("log", settings.COUNTERSIGN_LOG_ORIGIN),
        stream=LOG_STREAM,
    )


@transaction.atomic
def erase_private(*, actor: Actor, event: Event, reason: str, pointers: Collection[str] | None = None) -> Event:
    """Erase private values of an event and record the erasure. The event and its commitments stay.

    The database deletes private values only in the transaction of such an event.

    Args:
        actor: the actor that erases them.
        event: the event whose private values are erased.
        reason: the reason in the actor's words; itself private.
        pointers: JSON pointers of the leaf members whose values are erased; None for all.

    Returns:
        The event that records the erasure.
    """
    rows = Private.objects.filter(event_id=event.event_id)
    if pointers is not None:
        rows = rows.filter(pointer__in=list(pointers))
    erased = record_event(
        actions.PRIVACY_ERASED,
        actor=actor,
        target=ObjectRef("event", str(event.event_id)),
        stream=PRIVACY_STREAM,
        reason=reason,
        data={"pointers": sorted(rows.values_list("pointer", flat=True))},
    )
    rows.delete()
    return erased
