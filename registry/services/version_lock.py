"""The lock order of a version: its model first."""

from registry.models import ModelVersion, RegisteredModel, Stage


def lock_version(version: ModelVersion) -> tuple[RegisteredModel, ModelVersion]:
    """Lock a version's model, then the version, until the transaction ends, and return both as they are after locking.

    The lock is FOR NO KEY UPDATE, so rows that only reference them are not blocked.
    """
    return lock_keys(version.model_id, version.pk)


def lock_keys(model_id: int, version_id: int) -> tuple[RegisteredModel, ModelVersion]:
    """Lock a version by the keys of its model and itself; see `lock_version`."""
    model = RegisteredModel.objects.get_for_update(model_id)
    version = ModelVersion.objects.get_for_update(version_id)
    version.model, version.stage = model, Stage.objects.get_by_pk(version.stage_id)
    return model, version
