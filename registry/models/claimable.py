"""Columns of work that a worker claims. `registry.services.claiming` is the only code that writes them."""

from django.db import models


class Claimable(models.Model):
    """A row that is the queue of its own work: one worker at a time holds it, by the token in `claim`."""

    claim = models.UUIDField(null=True, blank=True, help_text="token of the worker that holds the row")
    heartbeat_at = models.DateTimeField(null=True, blank=True, help_text="when its worker last reported progress")
    run_after = models.DateTimeField(null=True, blank=True, help_text="not before: the pause before a retry")

    class Meta:
        abstract = True


class RetriedInPlace(Claimable):
    """Work whose attempts are counted in its own row. (A check run is retried as a new row.)"""

    attempts = models.PositiveSmallIntegerField(default=0, help_text="how often it was begun")
    problem = models.TextField(blank=True, help_text="why the last attempt failed")

    class Meta:
        abstract = True
