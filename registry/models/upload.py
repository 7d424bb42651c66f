"""Files uploaded directly to a bucket, until a worker has processed them."""

from typing import Any, ClassVar

from django.db import models

from registry.models.artifact import Artifact
from registry.models.claimable import RetriedInPlace
from registry.models.managers import PreparedModel


class Upload(PreparedModel, RetriedInPlace):
    """A file being uploaded: the row is the queue of the workers, and is deleted when the file is stored.

    It is not evidence: what was stored or refused, and by whom, are events, and the artifact has its blob or not. So it
    changes without an event, for example with every heartbeat of a worker.
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
        help_text="who declared that all files were sent",
    )  # fmt: skip
    completed_with = models.ForeignKey(
        "registry.AccessToken", null=True, blank=True, on_delete=models.PROTECT, related_name="+",
        help_text="the token that was used for this declaration",
    )  # fmt: skip

    class Meta:
        indexes: ClassVar[list[Any]] = [
            models.Index(
                name="upload_to_examine", fields=["run_after"], condition=models.Q(state__in=("queued", "examining"))
            )
        ]

    def __str__(self) -> str:
        return f"{self.artifact_id}: {self.state}"
