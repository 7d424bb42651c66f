"""What every governed row shares: a name the audit log may know it by, and, for dated rows, how it began and ended."""

import uuid

from django.db import models
from django.db.models import Q

from registry.models.rows import Row


class Governed(Row):
    """A row whose every change needs an event in the same transaction. `uid` is what events call it by:
    random, so it says nothing of a person, and never reused, so nobody inherits another row's history."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        abstract = True


class Dated(Governed):
    """A fact that held from one event to another. Such rows are closed and opened, never overwritten, so that
    "what held at T" stays one indexed question. `opened_event` and `closed_event` are event ids of the audit log;
    they are not foreign keys, because the log outlives the catalogue."""

    opened_at = models.DateTimeField()
    opened_event = models.UUIDField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_event = models.UUIDField(null=True, blank=True)

    class Meta:
        abstract = True


OPEN = Q(closed_at__isnull=True)
"""The rows of a dated table that hold now."""


def closed_with_its_event(name: str) -> models.CheckConstraint:
    """The constraint every dated table carries: an end has a moment and an event, or there is no end."""
    return models.CheckConstraint(
        name=name,
        condition=Q(closed_at__isnull=True, closed_event__isnull=True)
        | Q(closed_at__isnull=False, closed_event__isnull=False),
        violation_error_code="closed_without_event",
    )
