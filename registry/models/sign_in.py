"""Counted password attempts, to limit guessing."""

from typing import Any, ClassVar

from django.db import models


class PasswordAttempt(models.Model):
    """One attempt, under one key: an account, an address, or both.

    `key` is a keyed hash of these, so the table reveals nothing about people. Rows are telemetry, deleted when their
    window ends or a password was correct.
    """

    key = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(name="attempt_by_key", fields=["key", "at"]),
            models.Index(name="attempt_by_time", fields=["at"]),
        ]

    def __str__(self) -> str:
        return f"{self.key[:8]}… at {self.at}"
