"""Files that are sent past us to a bucket, until a worker has looked at them."""

from typing import Any, ClassVar

from django.db import models

from registry.models.artifact import Artifact
from registry.models.claimable import RetriedInPlace
from registry.models.managers import PreparedModel


class Upload(PreparedModel, RetriedInPlace):
    """A file on its way: the row is the queue of those who examine it, and goes when the file is stored.

    Nothing rests on it: what was stored or refused, and by whom, are events, and the artifact has its blob or not. So
    it changes without an event, as often as a worker gives a sign of life.
    """

    class State(models.TextChoices):
        EXPECTED = "expected", "An address was given"
        QUEUED = "queued", "Waits for a worker"
        EXAMINING = "examining", "A worker reads it"
        REFUSED = "refused", "It was another file"
        FAILED = "failed", "It could not be read"

    artifact = models.OneToOneField(Artifact, on_delete=models.PROTECT, related_name="upload")
    state = models.CharField(max_length=10, choices=State.choices, default=State.EXPECTED)
    completed_by = models.ForeignKey(
        "registry.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="who said that all files were sent",
    )  # fmt: skip
    completed_with = models.ForeignKey(
        "registry.AccessToken", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="the token with which they said so",
    )  # fmt: skip

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(
                name="upload_to_examine", fields=["run_after"], condition=models.Q(state__in=("queued", "examining"))
            )
        ]

    def __str__(self) -> str:
        return f"{self.artifact_id}: {self.state}"
