"""Answers kept for a day, so that a request sent twice is carried out once."""

from typing import Any, ClassVar

from django.db import models


class IdempotencyKey(models.Model):
    """The answer to a POST that carried an `Idempotency-Key`. Written in the transaction of what the request did: there
    is an answer exactly where something was done. Bookkeeping of the front door, not a governed fact."""

    token = models.ForeignKey("registry.AccessToken", on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=2000)
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    headers = models.JSONField(default=dict)
    body = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(name="idempotency_key_once", fields=["token", "key"]),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(name="idempotency_key_age", fields=["created_at"])]

    def __str__(self) -> str:
        return f"{self.key} of {self.token_id}"
