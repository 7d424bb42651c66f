"""The version that another one is compared with: the one that holds a place now."""

from registry.models import AliasAssignment, ModelVersion


def version_in_stage(model: int, stage: int, *, other_than: int | None = None) -> ModelVersion | None:
    """Return the version in a stage of a model; for a stage that several versions may share, the newest.

    Args:
        model: primary key of the model.
        stage: primary key of the stage.
        other_than: primary key of a version that does not count.
    """
    return ModelVersion.objects.raw_first(
        "model_id = %(model)s AND stage_id = %(stage)s AND id <> %(other)s AND deleted_at IS NULL"
        " ORDER BY number DESC LIMIT 1",
        model=model,
        stage=stage,
        other=other_than or 0,
    )


def version_at_alias(model: int, alias: str) -> ModelVersion | None:
    """Return the version that an alias of a model points at. At most two queries.

    Args:
        model: primary key of the model.
        alias: name of the alias.
    """
    held = AliasAssignment.objects.raw_first(
        "model_id = %(model)s AND name = %(alias)s AND closed_at IS NULL", model=model, alias=alias
    )
    return ModelVersion.objects.get_by_pk(held.version_id) if held is not None else None


def version_in_exclusive_stage(model: int, *, other_than: int | None = None) -> ModelVersion | None:
    """Return the newest version in an exclusive stage of a model, such as Production.

    Args:
        model: primary key of the model.
        other_than: primary key of a version that does not count.
    """
    return ModelVersion.objects.raw_first(
        "model_id = %(model)s AND stage_id IN (SELECT id FROM registry_stage WHERE exclusive)"
        " AND id <> %(other)s AND deleted_at IS NULL ORDER BY number DESC LIMIT 1",
        model=model,
        other=other_than or 0,
    )
