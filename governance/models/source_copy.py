"""Copies of the files at a version's source, made by a worker."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel, RetriedInPlace


class SourceCopy(AuditedModel, RetriedInPlace):
    """The task of copying the files at a version's source, once per version. Unfinished rows are the work queue.

    A worker claims a row by writing `claim` and updates `heartbeat_at` while it works; the result is recorded as an
    event. Files copied by an interrupted attempt are found by the next one.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Copied"
        FAILED = "failed", "Failed"

    version = models.OneToOneField("registry.ModelVersion", on_delete=models.PROTECT, related_name="source_copy")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    files = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0, help_text="bytes")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        verbose_name_plural = "source copies"
        indexes: ClassVar[list[Any]] = [
            models.Index(name="source_copy_waiting", fields=["run_after"], condition=Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"copy of {self.version_id}"
