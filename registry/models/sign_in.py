"""Attempts to give a password, counted so that guessing is slow."""

from typing import Any, ClassVar

from django.db import models


class PasswordAttempt(models.Model):
    """One attempt, by what it is counted under: an account, an address, or both. `key` is a keyed hash of those, so
    the table says nothing about people. Rows are telemetry, deleted when their window is over or a password was right.
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
