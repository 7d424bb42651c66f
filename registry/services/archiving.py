"""Archiving a model, and reactivating it."""

from django.db import transaction

from audit import clock, recorder
from audit.actor import Actor
from audit.recorder import Change, ObjectRef
from registry.actions import MODEL_ARCHIVED, MODEL_REACTIVATED
from registry.exceptions import InvalidStateError, StaleRevisionError
from registry.models import IS_CURRENT, RegisteredModel, StageOccupancy
from registry.services.models import require_accountability
from registry.validation import ErrorCollector


def archive_model(
    *, actor: Actor, model: RegisteredModel, reason: str, expected_revision: int | None = None
) -> RegisteredModel:
    """Archive a model: it accepts no new versions and no promotion requests, and its open requests are held.

    Args:
        actor: an owner of the model or an officer; not a token.
        model: the model.
        reason: kept with the event.
        expected_revision: the revision the caller read; None to skip the check.

    Raises:
        NotFoundError: the model is not visible to the actor.
        PermissionDeniedError: the actor may not change the accountability of the model.
        InvalidStateError: a version of it is in a protected stage, or it is already archived.
        StaleRevisionError: the model changed since it was read.
        ValidationFailedError: the reason is empty.
    """
    return _set(actor, model, RegisteredModel.Status.ARCHIVED, reason, expected_revision)


def reactivate_model(
    *, actor: Actor, model: RegisteredModel, reason: str, expected_revision: int | None = None
) -> RegisteredModel:
    """Reactivate an archived model. Args and Raises: see `archive_model`; InvalidStateError if it is active."""
    return _set(actor, model, RegisteredModel.Status.ACTIVE, reason, expected_revision)


def blocking_occupancies(model: RegisteredModel) -> list[StageOccupancy]:
    """Return the open occupancies of protected stages that prevent archiving, with version and stage, highest stage
    first.
    """
    held = StageOccupancy.objects.filter(IS_CURRENT, model=model, stage__protected=True)
    return list(held.select_related("version", "stage").order_by("-stage__position", "-version__number"))


@transaction.atomic
def _set(
    actor: Actor, model: RegisteredModel, status: str, reason: str, expected_revision: int | None
) -> RegisteredModel:
    row = RegisteredModel.objects.get_for_update(model.pk)
    require_accountability(actor, row, frozenset({"status"}))
    faults = ErrorCollector()
    reason = faults.reason(reason)
    faults.raise_if_any()
    if expected_revision is not None and expected_revision != row.revision:
        raise StaleRevisionError(f"{row.slug} was changed since you read it: look at it again.", existing=row)
    if row.status == status:
        raise InvalidStateError(f"{row.slug} is {row.get_status_display().lower()} already.", code="unchanged")
    archiving = status == RegisteredModel.Status.ARCHIVED
    if archiving:
        _refuse_in_use(row)
    recorder.record_event(
        MODEL_ARCHIVED if archiving else MODEL_REACTIVATED,
        actor=actor,
        target=ObjectRef("model", str(row.uid)),
        stream=f"model:{row.uid}",
        changes=[Change("status", row.status, status)],
        reason=reason,
    )
    row.status = status
    row.revision += 1
    row.updated_at = clock.now()
    row.save(update_fields=["status", "revision", "updated_at"])
    return row


def _refuse_in_use(model: RegisteredModel) -> None:
    held = blocking_occupancies(model)
    if held:
        where = ", ".join(f"v{occupancy.version.number} is in {occupancy.stage.name}" for occupancy in held[:5])
        raise InvalidStateError(
            f"{model.slug} is in use: {where}. Ask for {'it' if len(held) == 1 else 'them'} to leave first, by a "
            "promotion request to Archived; then the model can be archived.",
            code="model_in_use",
        )
