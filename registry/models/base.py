"""What every governed row shares: a name the audit log may know it by, and, for dated rows, how it began and ended."""

import uuid
from typing import TypeVar

from django.db import models
from django.db.models import Q, QuerySet

from registry.exceptions import NotFoundError
from registry.models.managers import PreparedManager, PreparedModel

_Row = TypeVar("_Row", bound=models.Model)


class AuditedModel(PreparedModel):
    """A row whose every change needs an event in the same transaction. `uid` is what events call it by:
    random, so it says nothing of a person, and never reused, so nobody inherits another row's history."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)

    class Meta:
        abstract = True


class Undeleted(PreparedManager[_Row]):
    """The manager of rows that can be deleted: what was deleted is kept, and found by no query of this manager.

    A row is found by its key all the same (`at`, `those`), because other rows refer to it.
    """

    def get_queryset(self) -> QuerySet[_Row]:
        """The rows that were not deleted."""
        return super().get_queryset().filter(deleted_at__isnull=True)

    def get_for_update(self, pk: int) -> _Row:
        """Lock a row until the transaction ends. Raises NotFound where it was deleted since the caller read it."""
        row = super().get_for_update(pk)
        if getattr(row, "deleted_at", None) is not None:
            raise NotFoundError(f"{row} was deleted a moment ago.")
        return row


class TemporalModel(AuditedModel):
    """A fact that held from one event to another. Such rows are closed and opened, never overwritten, so that
    "what held at T" stays one indexed question. `opened_event` and `closed_event` are event ids of the audit log;
    they are not foreign keys, because the log outlives the catalogue."""

    opened_at = models.DateTimeField()
    opened_event = models.UUIDField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_event = models.UUIDField(null=True, blank=True)

    class Meta:
        abstract = True


IS_CURRENT = Q(closed_at__isnull=True)
"""The rows of a dated table that hold now."""


def closed_event_constraint(name: str) -> models.CheckConstraint:
    """The constraint every dated table carries: an end has a moment and an event, or there is no end."""
    return models.CheckConstraint(
        name=name,
        condition=Q(closed_at__isnull=True, closed_event__isnull=True)
        | Q(closed_at__isnull=False, closed_event__isnull=False),
        violation_error_code="closed_without_event",
    )
