"""Replays of drafts of policies that were requested on a page, with their results."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from registry.models import RetriedInPlace


class PolicyReplay(RetriedInPlace):
    """A replay of a draft. Unfinished rows are the work queue: a worker claims one by writing `claim`.

    No governed record: nothing is decided by it. A proposal names the digest of the result, so a result that was
    changed is seen. Rows that no proposal names are deleted after a month.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    policy_slug = models.CharField(max_length=80)
    source = models.TextField(help_text="YAML of the draft")
    document_digest = models.CharField(max_length=64)
    since = models.DateTimeField()
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    result = models.JSONField(null=True, blank=True, help_text="governance.replay.result.Replay as JSON")
    digest = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the canonical JSON of the result")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="policy_replay_state",
                condition=~Q(state="done") | (Q(result__isnull=False, finished_at__isnull=False) & ~Q(digest="")),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="policy_replay_waiting", fields=["run_after"], condition=Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"replay {self.pk} of {self.policy_slug}"
