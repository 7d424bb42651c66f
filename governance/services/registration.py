"""Complete the registration of a version, and enqueue verification of files uploaded directly to object storage."""

from audit.actor import Actor
from governance import task_queue
from registry.models import ModelVersion
from registry.services import versions


def complete(*, actor: Actor, version: ModelVersion) -> ModelVersion:
    """Complete the registration of a version whose files are all present.

    If workers have to verify files first, the version is returned in the state registering; the worker that stores the
    last file completes it. Errors as `registry.services.versions.complete_registration`.
    """
    completed = versions.complete_registration(actor=actor, version=version)
    for upload in completed.examining:
        task_queue.enqueue_on_commit(task_queue.EXAMINE_UPLOAD, upload)
    return completed
