"""Promotion requests that could not be settled."""

from typing import Any, ClassVar

from django.db import models


class SettlementFailure(models.Model):
    """Why the last attempt to settle a live request failed, and when the next is due. The row is the queue of the
    attempts and goes when one succeeds; what happened is in the log (promotion.blocked, with the reason)."""

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
