"""Base classes of governed rows: a uid for the audit log, and, for temporal rows, their beginning and end."""

import uuid
from typing import TypeVar

from django.db import models
from django.db.models import Q, QuerySet

from registry.exceptions import NotFoundError
from registry.models.managers import PreparedManager, PreparedModel

_Row = TypeVar("_Row", bound=models.Model)


class AuditedModel(PreparedModel):
    """A row whose every change needs an event in the same transaction.

    `uid` identifies it in events: random, so it reveals nothing about a person, and never reused, so the history of
    another row is never attributed to it.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        abstract = True


class Undeleted(PreparedManager[_Row]):
    """Manager of rows that can be deleted: deleted rows are kept, and excluded from queries of this manager.

    Look-ups by key (`get_by_pk`, `in_bulk_prepared`) find them nevertheless, because other rows refer to them.
    """

    def get_queryset(self) -> QuerySet[_Row]:
        """Return the rows that are not deleted."""
        return super().get_queryset().filter(deleted_at__isnull=True)

    def get_for_update(self, pk: int) -> _Row:
        """Lock a row until the transaction ends.

        Raises:
            NotFoundError: it was deleted since the caller read it.
        """
        row = super().get_for_update(pk)
        if getattr(row, "deleted_at", None) is not None:
            raise NotFoundError(f"{row} was deleted a moment ago.")
        return row


class TemporalModel(AuditedModel):
    """A fact that was true from one event to another.

    Such rows are opened and closed, never overwritten, so that the state at a time is one indexed query. `opened_event`
    and `closed_event` are event ids of the audit log; they are not foreign keys, because the log outlives the registry.
    """

    opened_at = models.DateTimeField()
    opened_event = models.UUIDField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_event = models.UUIDField(null=True, blank=True)

    class Meta:
        abstract = True


IS_CURRENT = Q(closed_at__isnull=True)
"""The rows of a temporal table that are true now."""


def closed_event_constraint(name: str) -> models.CheckConstraint:
    """Return the constraint of every temporal table: an end has both a time and an event, or neither."""
    return models.CheckConstraint(
        name=name,
        condition=Q(closed_at__isnull=True, closed_event__isnull=True)
        | Q(closed_at__isnull=False, closed_event__isnull=False),
        violation_error_code="closed_without_event",
    )
