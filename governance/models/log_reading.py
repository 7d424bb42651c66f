"""How far readers of the audit log are, and the events that they could not process yet."""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models


class LogPosition(models.Model):
    """How far one reader has processed the audit log.

    Every event up to `arrival` is processed. Every event up to `horizon` is, once all transactions below `begun` have
    ended. `processed` are the keys of processed events above `arrival`.
    """

    reader = models.CharField(max_length=20, unique=True)
    arrival = models.BigIntegerField(default=0)
    horizon = models.BigIntegerField(default=0)
    begun = models.BigIntegerField(default=0)
    processed = ArrayField(models.BigIntegerField(), default=list)

    def __str__(self) -> str:
        return f"{self.reader} at {self.arrival}"


class UnprocessedEvent(models.Model):
    """An event that a reader could not process. It is tried again after `run_after`, until it succeeds."""

    reader = models.CharField(max_length=20)
    event_pk = models.BigIntegerField()
    event = models.UUIDField()
    action = models.CharField(max_length=80)
    attempts = models.PositiveSmallIntegerField(default=1)
    problem = models.CharField(max_length=500)
    first_failed_at = models.DateTimeField()
    run_after = models.DateTimeField()

    class Meta:
        ordering = ("event_pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="unprocessed_event_once", fields=["reader", "event_pk"]),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.event} for {self.reader}"
