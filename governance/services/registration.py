"""Completing a version, and ringing for the workers who look at files that were sent to the bucket."""

from audit.actor import Actor
from governance import task_queue
from registry.models import ModelVersion
from registry.services import versions


def complete(*, actor: Actor, version: ModelVersion) -> ModelVersion:
    """Register a version whose files are all there. Where workers have to read some first, the version is returned
    still registering, and the worker that stores the last file registers it. Raises what
    `registry.services.versions.complete_registration` raises."""
    completed = versions.complete_registration(actor=actor, version=version)
    for upload in completed.examining:
        task_queue.enqueue_on_commit(task_queue.EXAMINE_UPLOAD, upload)
    return completed
