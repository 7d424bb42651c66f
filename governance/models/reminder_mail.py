"""Reminders of periodic reviews that are to be sent by mail."""

from typing import Any, ClassVar

from django.conf import settings
from django.db import models

from registry.models import RetriedInPlace


class ReminderMail(RetriedInPlace):
    """That the owner of a model is to be reminded of a review. The row is the queue, one row for each model.

    Not a governed fact: it is deleted in the transaction that records that the reminder was sent
    (`registry.models.ReviewReminder`). A worker that ends between sending and recording leaves the row, and the
    reminder is sent again.
    """

    model = models.OneToOneField("registry.RegisteredModel", on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    due = models.DateField(help_text="the day on which the review is due")
    step = models.IntegerField(help_text="days before the due day; negative after it")
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar[Any] = ("pk",)

    def __str__(self) -> str:
        return f"reminder of {self.model_id}, due {self.due}"
