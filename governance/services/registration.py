"""Completing a version, and ringing for the workers who look at files that were sent to the bucket."""

from audit.actor import Actor
from governance import dispatch
from registry.models import ModelVersion
from registry.services import versions


def complete(*, actor: Actor, version: ModelVersion) -> ModelVersion:
    """Register a version whose files are all there. Where workers have to read some first, the version is returned
    still registering, and the worker that stores the last file registers it. Raises what
    `registry.services.versions.complete` raises."""
    completed = versions.complete(actor=actor, version=version)
    for upload in completed.examining:
        dispatch.ring(dispatch.EXAMINE_UPLOAD, upload)
    return completed
