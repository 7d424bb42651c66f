"""Comparison of stored events with their places in the Merkle tree, for pages. The proof is the reader's verifier."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db import connection

from audit.leaf import leaf_hash
from audit.models import Event


def altered_events(events: Iterable[Event]) -> dict[uuid.UUID, int]:
    """Return the events whose bytes have not the hash in the tree, with their indexes in the log. One query.

    Events that are not in the tree yet are not compared.
    """
    shown = {event.pk: event for event in events}
    if not shown:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT event_pk, leaf_index, leaf_hash FROM audit_leaf WHERE event_pk = ANY (%s)", [list(shown)]
        )
        stored = cursor.fetchall()
    return {
        shown[pk].event_id: int(index)
        for pk, index, hashed in stored
        if leaf_hash(bytes(shown[pk].leaf)) != bytes(hashed)
    }
