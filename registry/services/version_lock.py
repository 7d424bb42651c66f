"""The order in which a version is locked: its model first."""

from registry.models import ModelVersion, RegisteredModel


def lock_version(version: ModelVersion) -> tuple[RegisteredModel, ModelVersion]:
    """Lock a version's model, then the version, until the transaction ends; both as they are after the lock. FOR NO KEY
    UPDATE: rows that merely refer to them are not held up."""
    model = RegisteredModel.objects.select_for_update(no_key=True, of=("self",)).get(pk=version.model_id)
    row = (
        ModelVersion.objects.select_for_update(no_key=True, of=("self",))
        .select_related("stage", "registered_by")
        .get(pk=version.pk)
    )
    row.model = model
    return model, row
