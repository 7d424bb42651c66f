"""Promotion requests whose evaluation failed."""

from typing import Any, ClassVar

from django.db import models


class SettlementFailure(models.Model):
    """Why the last evaluation of a live request failed, and when the next attempt is due.

    Rows are the retry queue; a successful evaluation deletes the row. The audit log keeps the history
    (`promotion.blocked`, with the reason).
    """

    request = models.OneToOneField(
        "governance.PromotionRequest", on_delete=models.CASCADE, primary_key=True, related_name="failure"
    )
    reason = models.CharField(max_length=500)
    failures = models.PositiveSmallIntegerField(default=0)
    failed_at = models.DateTimeField()
    retry_at = models.DateTimeField(null=True, blank=True, help_text="empty after the last attempt by itself")

    class Meta:
        ordering = ("pk",)
        indexes: ClassVar[list[Any]] = [models.Index(name="settlement_failure_due", fields=["retry_at"])]

    def __str__(self) -> str:
        return f"#{self.request_id}: {self.reason}"
