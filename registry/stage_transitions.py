"""The only write path of stages and aliases.

`registry.services.versions` calls it for the first stage and `governance.promotions` for other transitions. The caller
holds the locks on the model and the version and has recorded the event: rows are opened and closed at the time of the
event, so that the state at a time and the log agree to the microsecond. Triggers in the database enforce the same: they
refuse a stage change without the matching occupancy, and a protected stage or alias without a promotion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from audit.models import Event
from audit.postgresql import prepared_statements
from registry.models import (
    IS_CURRENT,
    AliasAssignment,
    ModelVersion,
    Stage,
    StageOccupancy,
)
from registry.selectors import require_allowed_transition

_MOVE = """
    WITH leaving AS (
        UPDATE registry_stageoccupancy SET closed_at = %(moment)s, closed_event = %(event)s
         WHERE version_id = %(version)s AND stage_id = %(source)s AND closed_at IS NULL
           AND EXISTS (SELECT FROM registry_stagemove WHERE source_id = %(source)s AND target_id = %(target)s)
        RETURNING version_id, model_id
    ), entering AS (
        INSERT INTO registry_stageoccupancy (uid, version_id, model_id, stage_id, exclusive, promotion,
                                             before_governance, opened_at, opened_event)
        SELECT %(uid)s::uuid, version_id, model_id, %(target)s, %(exclusive)s::boolean, %(promotion)s::uuid,
               %(before_governance)s::boolean, %(moment)s, %(event)s
          FROM leaving
        RETURNING version_id
    ), touched AS (
        UPDATE registry_registeredmodel m SET updated_at = %(moment)s FROM leaving WHERE m.id = leaving.model_id
    )
    UPDATE registry_modelversion v SET stage_id = %(target)s, revision = v.revision + 1, updated_at = %(moment)s
      FROM entering WHERE v.id = entering.version_id RETURNING v.revision"""
"""Leaves one stage and enters another in one statement: if no occupancy is closed, nothing changes. Updates the
time of the model's last change, as an MLflow server does.
"""

_RENEW = """
    WITH ended AS (
        UPDATE registry_stageoccupancy SET closed_at = %(moment)s, closed_event = %(event)s
         WHERE version_id = %(version)s AND stage_id = %(stage)s AND closed_at IS NULL
        RETURNING version_id, model_id, stage_id, exclusive
    ), begun AS (
        INSERT INTO registry_stageoccupancy (uid, version_id, model_id, stage_id, exclusive, promotion,
                                             before_governance, opened_at, opened_event)
        SELECT %(uid)s::uuid, version_id, model_id, stage_id, exclusive, %(promotion)s::uuid, false, %(moment)s,
               %(event)s
          FROM ended
        RETURNING version_id
    )
    UPDATE registry_modelversion v SET revision = v.revision + 1, updated_at = %(moment)s
      FROM begun WHERE v.id = begun.version_id RETURNING v.revision"""
"""The same stage again, with another promotion."""

_UNPOINT = """
    UPDATE registry_aliasassignment SET closed_at = %(moment)s, closed_event = %(event)s
     WHERE model_id = %(model)s AND name = %(alias)s AND closed_at IS NULL RETURNING id"""


@dataclass(frozen=True)
class _TransitionContext:
    """The event of a transition, and its promotion."""

    event: Event
    promotion: UUID | None
    before_governance: bool = False


def set_initial_stage(*, version: ModelVersion, event: Event) -> None:
    """Open the occupancy of a new version in the lifecycle's initial stage, which `version.stage` already names."""
    _open(version, version.stage, _TransitionContext(event, None))


def get_displaced_version(version: ModelVersion, target: Stage) -> ModelVersion | None:
    """Return the version that leaves when `version` enters an exclusive stage, locked until the transaction ends;
    None if there is none.
    """
    if not target.exclusive:
        return None
    held = (
        StageOccupancy.objects.select_for_update(no_key=True, of=("version",))
        .filter(IS_CURRENT, model_id=version.model_id, stage=target)
        .exclude(version=version)
        .select_related("version__stage")
        .first()
    )
    return held.version if held is not None else None


def get_current_alias_version(version: ModelVersion, name: str) -> ModelVersion | None:
    """Return the other version to which an alias of the model points now; None if there is none."""
    return ModelVersion.objects.raw_first(
        "id = (SELECT version_id FROM registry_aliasassignment"
        " WHERE model_id = %(model)s AND name = %(alias)s AND closed_at IS NULL) AND id <> %(version)s",
        model=version.model_id,
        alias=name,
        version=version.pk,
    )


def apply_transition(
    *, version: ModelVersion, target: Stage, event: Event, promotion: UUID | None, displaced: ModelVersion | None
) -> None:
    """Move a version to a stage; if a version is displaced, it first moves to the stage's `displaced_to`.

    Both are transitions of the same event, which must name both versions.

    Args:
        version: the version, locked.
        target: the stage.
        event: the recorded event.
        promotion: uid of the promotion; None for an ungoverned transition.
        displaced: the result of `get_displaced_version` in this transaction.

    Raises:
        InvalidTransitionError: the lifecycle has no such transition.
    """
    by = _TransitionContext(event, promotion)
    if displaced is not None:
        assert target.displaced_to is not None  # a constraint of the stage
        _move(displaced, target.displaced_to, by)
    _move(version, target, by)


def renew(*, version: ModelVersion, stage: Stage, event: Event, promotion: UUID) -> None:
    """Record that a version stays in its stage by another promotion: its occupancy closes, and another opens at the
    same time.

    Raises:
        RuntimeError: the version is not in that stage.
    """
    given = {
        **_at(_TransitionContext(event, promotion)),
        "version": version.pk,
        "stage": stage.pk,
        "uid": uuid4(),
        "promotion": promotion,
    }
    renewed = prepared_statements.execute_prepared(_RENEW, given)
    if len(renewed) != 1:
        raise RuntimeError(f"Version {version.pk} has {len(renewed)} open stays in {stage}; there must be exactly one.")
    ((version.revision,),) = renewed
    version.updated_at = event.happened_at


def import_stage(*, version: ModelVersion, way: Sequence[Stage], event: Event, promotion: UUID) -> None:
    """Put an imported version into the stage that it had in the other registry.

    Args:
        version: the version, locked.
        way: ends with that stage; before it ungoverned stages through which the version passes at the same time, if the
            lifecycle has no direct transition.
        event: the recorded event.
        promotion: uid of the promotion.

    Raises:
        InvalidTransitionError: the lifecycle does not have one of these transitions.
    """
    *through, last = way
    for stage in through:
        _move(version, stage, _TransitionContext(event, None))
    _move(version, last, _TransitionContext(event, promotion, before_governance=True))


def import_alias(*, version: ModelVersion, name: str, event: Event, promotion: UUID) -> None:
    """Set an alias that is not used on the model here to the version to which it pointed in the other registry."""
    _assign(version, name, _TransitionContext(event, promotion, before_governance=True))


def set_alias(*, version: ModelVersion, name: str, event: Event, promotion: UUID | None) -> None:
    """Point an alias of the model to this version, instead of the current one. The event names both versions."""
    by = _TransitionContext(event, promotion)
    _close_alias(version.model_id, name, by)
    _assign(version, name, by)


def remove_alias(*, model_id: int, name: str, event: Event) -> None:
    """Remove an alias of the model. The event names the version to which it pointed."""
    _close_alias(model_id, name, _TransitionContext(event, None))


def _assign(version: ModelVersion, name: str, by: _TransitionContext) -> None:
    AliasAssignment.objects.create(
        model_id=version.model_id,
        version=version,
        name=name,
        promotion=by.promotion,
        before_governance=by.before_governance,
        opened_at=by.event.happened_at,
        opened_event=by.event.event_id,
    )


def _move(version: ModelVersion, target: Stage, by: _TransitionContext) -> None:
    moved = prepared_statements.execute_prepared(
        _MOVE,
        {
            **_at(by),
            "version": version.pk,
            "source": version.stage_id,
            "target": target.pk,
            "uid": uuid4(),
            "exclusive": target.exclusive,
            "promotion": by.promotion,
            "before_governance": by.before_governance,
        },
    )
    if not moved:
        require_allowed_transition(version.stage, target)
    if len(moved) != 1:
        raise RuntimeError(
            f"Version {version.pk} has {len(moved)} open occupancies of its stage; there must be exactly one."
        )
    ((version.revision,),) = moved
    version.stage, version.updated_at = target, by.event.happened_at


def _open(version: ModelVersion, stage: Stage, by: _TransitionContext) -> None:
    StageOccupancy.objects.create(
        version=version,
        model_id=version.model_id,
        stage=stage,
        exclusive=stage.exclusive,
        promotion=by.promotion,
        before_governance=by.before_governance,
        opened_at=by.event.happened_at,
        opened_event=by.event.event_id,
    )


def _close_alias(model_id: int, name: str, by: _TransitionContext) -> None:
    prepared_statements.execute_prepared(_UNPOINT, {**_at(by), "model": model_id, "alias": name})


def _at(by: _TransitionContext) -> dict[str, Any]:
    return {"moment": by.event.happened_at, "event": by.event.event_id}
