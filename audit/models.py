"""Unmanaged models of the log's tables. Raw SQL creates them, and the database refuses changes of events.

An event holds snapshots and no foreign keys, so it stays complete after its object is deleted.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Value

from audit import actions


def _from_leaf(*path: str) -> Func:
    return Func(F("leaf"), *(Value(step) for step in path), function="audit_leaf_text")


def _generated(expression: Func, field: models.Field[Any, Any]) -> models.GeneratedField:
    return models.GeneratedField(expression=expression, output_field=field, db_persist=True)


class Event(models.Model):
    """One recorded event. Only :func:`audit.recorder.record_event` writes it; it never changes.

    ``leaf`` is the record; the database generates every other column from it. ``id`` is the order of arrival in this
    database, has gaps, and is never shown: an event is addressed by ``event_id``.
    """

    id = models.BigAutoField(primary_key=True)
    leaf = models.BinaryField()
    event_id = _generated(_from_leaf("id"), models.UUIDField())
    action = _generated(_from_leaf("action"), models.TextField())
    actor_id = _generated(_from_leaf("actor", "id"), models.TextField())
    thing_type = _generated(_from_leaf("object", "type"), models.TextField())
    thing_id = _generated(_from_leaf("object", "id"), models.TextField())
    stream_id = _generated(_from_leaf("stream", "id"), models.TextField())
    stream_seq = _generated(_from_leaf("stream", "seq"), models.BigIntegerField())
    happened_at = _generated(Func(F("leaf"), function="audit_leaf_time"), models.DateTimeField())
    touched = _generated(Func(F("leaf"), function="audit_leaf_touched"), ArrayField(models.TextField()))
    """"type:id" of the object and of every related object."""

    class Meta:
        managed = False
        db_table = "audit_event"

    def __str__(self) -> str:
        return f"{self.action} {self.event_id}"

    @cached_property
    def body(self) -> dict[str, Any]:
        """The parsed leaf. Never serialise it again to prove anything: the bytes in ``leaf`` are the record."""
        body: dict[str, Any] = json.loads(bytes(self.leaf))
        return body

    @property
    def sentence(self) -> str:
        """The phrase after the actor's name on a page; the action name if this release does not know the action."""
        return actions.get_action(self.action).sentence if actions.is_registered(self.action) else str(self.action)


class Stream(models.Model):
    """The last number of one stream. Only the database writes it."""

    stream_id = models.TextField(primary_key=True)
    last_seq = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "audit_stream"

    def __str__(self) -> str:
        return f"{self.stream_id} at {self.last_seq}"


class Pending(models.Model):
    """An event that is not in the Merkle tree yet. Written by the database, removed by the sequencer."""

    event_pk = models.BigIntegerField(primary_key=True)

    class Meta:
        managed = False
        db_table = "audit_pending"

    def __str__(self) -> str:
        return f"event {self.event_pk}"


class Private(models.Model):
    """A value to which an event commits, with the salt that opens the commitment. Deleting the row erases the value."""

    pk = models.CompositePrimaryKey("event_id", "pointer")
    event_id = models.UUIDField()
    pointer = models.TextField()
    """RFC 6901 pointer to the member of the leaf that holds the commitment."""
    field = models.TextField()
    """The field name that went into the commitment."""
    salt = models.BinaryField()
    value = models.TextField()

    class Meta:
        managed = False
        db_table = "audit_private"

    def __str__(self) -> str:
        return f"{self.pointer} of event {self.event_id}"
