"""Copies of what lies at a version's source, made by a worker."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel


class SourceCopy(AuditedModel):
    """That the files at a version's source are to be copied here, once. The row is the queue: a worker claims it by
    writing `claim`, says with `heartbeat_at` that it lives, and what ends it is recorded. What was copied by an attempt
    that was cut off is found again by the next."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Copied"
        FAILED = "failed", "Failed"

    version = models.OneToOneField("registry.ModelVersion", on_delete=models.PROTECT, related_name="source_copy")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    files = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0, help_text="bytes")
    problem = models.TextField(blank=True, help_text="why it failed, or why the last attempt did")
    attempts = models.PositiveSmallIntegerField(default=0)
    claim = models.UUIDField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    run_after = models.DateTimeField(null=True, blank=True, help_text="not before: the pause before a retry")
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
