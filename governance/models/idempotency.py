"""Stored responses, kept for a day, so that a repeated request is executed once."""

from typing import Any, ClassVar

from django.db import models


class IdempotencyKey(models.Model):
    """The response to a POST with an `Idempotency-Key`.

    It is written in the transaction of the request's own writes, so a response exists exactly if they were committed.
    Operational data of the REST interface, not a governed record.
    """

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
