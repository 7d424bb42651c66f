"""PDF files rendered by a worker and kept for a day."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from registry.models import RetriedInPlace


class PdfFile(RetriedInPlace):
    """A PDF that takes long to render. Unfinished rows are the work queue: a worker claims one by writing `claim`.

    A cache, not a governed record. `digest` is the SHA-256 of the printed content and of the renderer's version, so the
    same request finds the same file, and a deleted row is rendered again. Rows are looked up only after the reader's
    permission was checked; the reader's name is part of the digest.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DONE = "done", "Drawn"
        FAILED = "failed", "Failed"

    digest = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    source = models.BinaryField(help_text="what is printed, as canonical JSON; empty once it is drawn")
    body = models.BinaryField(null=True, blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="pdf_file_state", condition=~Q(state="done") | Q(body__isnull=False, finished_at__isnull=False)
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(name="pdf_file_waiting", fields=["run_after"], condition=Q(state="waiting")),
            models.Index(name="pdf_file_age", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"PDF {self.digest[:12]}"
