"""Periodic reviews of models, and the reminders that they are due."""

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from registry.models.base import AuditedModel


class PeriodicReview(AuditedModel):
    """The result of a review of a model as a whole. Numbered per model, immutable.

    `due` is the date on which it was due, `live_versions` the numbers of the versions in protected stages at that time,
    `next_review` the date that it set.
    """

    class Outcome(models.TextChoices):
        FIT = "fit", "Fit for use"
        CONDITIONS = "fit_with_conditions", "Fit with conditions"
        NOT_FIT = "not_fit", "Not fit for use"

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="reviews")
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=20, choices=Outcome.choices)
    findings = models.TextField()
    conditions = models.TextField(blank=True)
    live_versions = models.JSONField(default=list)
    due = models.DateField(null=True, blank=True)
    next_review = models.DateField()
    reviewer = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="periodic_reviews")
    reviewed_at = models.DateTimeField()

    class Meta:
        ordering = ("model", "-number")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="review_once", fields=["model", "number"]),
            models.CheckConstraint(
                name="review_conditions_where_there_are_some",
                condition=Q(outcome="fit_with_conditions") & ~Q(conditions="")
                | ~Q(outcome="fit_with_conditions") & Q(conditions=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} review {self.number}"


class ReviewReminder(AuditedModel):
    """A reminder of a review that was sent to the owner: once for each step of each due date, even with several
    workers.

    `step` is days before the due date (30, 7, 0), negative for the weeks after it (-7, -14 …).
    """

    model = models.ForeignKey("registry.RegisteredModel", on_delete=models.PROTECT, related_name="reminders")
    due = models.DateField()
    step = models.IntegerField()
    person = models.ForeignKey("registry.User", on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField()

    class Meta:
        ordering = ("-sent_at",)
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="reminder_once", fields=["model", "due", "step"]),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.due} {self.step}"
