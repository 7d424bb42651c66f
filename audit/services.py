"""What is done to the log as a whole."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from audit import actions
from audit.actor import Actor
from audit.models import Event
from audit.recorder import Thing, append

LOG_STREAM = "log"


@transaction.atomic
def open_log(*, actor: Actor) -> Event:
    """Write the log's first event, once; later calls return that event. Called when a database is initialised."""
    with transaction.get_connection().cursor() as cursor:
        cursor.execute("SELECT audit_stream_next(%s)", [LOG_STREAM])
        (seq,) = cursor.fetchone()
    if seq > 1:
        return Event.objects.get(stream_id=LOG_STREAM, stream_seq=1)
    return append(
        actions.LOG_OPENED,
        actor=actor,
        thing=Thing("log", settings.COUNTERSIGN_LOG_ORIGIN),
        stream=LOG_STREAM,
    )
