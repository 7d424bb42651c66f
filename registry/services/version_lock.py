"""The order in which a version is locked: its model first."""

from registry.models import ModelVersion, RegisteredModel, Stage


def lock_version(version: ModelVersion) -> tuple[RegisteredModel, ModelVersion]:
    """Lock a version's model, then the version, until the transaction ends; both as they are after the lock. FOR NO KEY
    UPDATE: rows that merely refer to them are not held up."""
    return lock_keys(version.model_id, version.pk)


def lock_keys(model_id: int, version_id: int) -> tuple[RegisteredModel, ModelVersion]:
    """`lock_version` for a version of which only the keys are known."""
    model = RegisteredModel.objects.get_for_update(model_id)
    version = ModelVersion.objects.get_for_update(version_id)
    version.model, version.stage = model, Stage.objects.get_by_pk(version.stage_id)
    return model, version
