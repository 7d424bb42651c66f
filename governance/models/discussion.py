"""Discussion of promotion requests and versions: threads, comments with every revision of their text, resolutions."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models import AuditedModel


class DiscussionThread(AuditedModel):
    """Comments on one subject, on a promotion request or, without one, on a version. Immutable.

    `decision` is set for a thread that a decision to request changes opened; the comment of that decision is its first
    text. Whether a thread is resolved is stored in its `ThreadResolution` rows.
    """

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="threads")
    version = models.ForeignKey("registry.ModelVersion", on_delete=models.PROTECT, related_name="threads")
    request = models.ForeignKey(
        "governance.PromotionRequest", null=True, blank=True, on_delete=models.PROTECT, related_name="threads"
    )
    decision = models.OneToOneField(
        "governance.Decision", null=True, blank=True, on_delete=models.PROTECT, related_name="thread"
    )
    opened_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="thread_of_a_decision_is_on_its_request",
                condition=Q(decision__isnull=True) | Q(request__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"thread {self.pk}"


class Comment(AuditedModel):
    """A comment in a thread. Its text is that of its latest `CommentRevision`.

    A withdrawn comment stays in the record, and is shown as withdrawn.
    """

    thread = models.ForeignKey(DiscussionThread, on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    posted_with = models.ForeignKey(
        "registry.AccessToken", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    posted_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"comment {self.pk}"


class CommentRevision(models.Model):
    """A text of a comment, from 1. Immutable; an edit adds one."""

    comment = models.ForeignKey(Comment, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    text = models.TextField(help_text="Markdown")
    mentions = models.JSONField(default=list, help_text="uids of the accounts that the text mentions")
    written_at = models.DateTimeField()

    class Meta:
        ordering = ("number",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="comment_revision_once", fields=["comment", "number"]),
        ]

    def __str__(self) -> str:
        return f"revision {self.number} of comment {self.comment_id}"


class ThreadResolution(models.Model):
    """That a thread was resolved, until it is reopened.

    `kind` is `withdrawn` where the person who requested changes takes the objection back, else `resolved`.
    """

    class Kind(models.TextChoices):
        RESOLVED = "resolved", "Resolved"
        WITHDRAWN = "withdrawn", "Withdrawn"

    thread = models.ForeignKey(DiscussionThread, on_delete=models.PROTECT, related_name="resolutions")
    kind = models.CharField(max_length=9, choices=Kind.choices)
    explanation = models.TextField(blank=True)
    resolved_by = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    resolved_at = models.DateTimeField()
    event = models.UUIDField(help_text="the event that recorded it")
    reopened_by = models.ForeignKey("registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reopened_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(
                name="thread_resolved_once", fields=["thread"], condition=Q(reopened_at__isnull=True)
            ),
            models.CheckConstraint(
                name="thread_reopened_by_a_person",
                condition=Q(reopened_at__isnull=True, reopened_by__isnull=True)
                | Q(reopened_at__isnull=False, reopened_by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: thread {self.thread_id}"
