"""Removing an alias. Pointing an alias at a version is a promotion: `request(..., target_alias=…)`."""

from django.db import transaction

from audit import recorder
from audit.actor import Actor
from audit.recorder import Change, ObjectRef
from governance.actions import ALIAS_REMOVED
from registry import access, selectors, stage_transitions
from registry.exceptions import InvalidStateError, NotFoundError
from registry.models import IS_CURRENT, AliasAssignment, ModelVersion, RegisteredModel
from registry.validation import ErrorCollector


@transaction.atomic
def remove_alias(*, actor: Actor, model: RegisteredModel, name: str, reason: str) -> ModelVersion:
    """Remove an unprotected alias from the version it points at.

    A protected alias cannot be removed, because callers follow it without checking; a promotion request points it at
    another version.

    Args:
        actor: who removes it.
        model: the registered model.
        name: the alias, without "@".
        reason: why; recorded in the event.

    Returns:
        The version the alias pointed at.

    Raises:
        NotFoundError: the model is not visible to the actor, or it has no such alias.
        PermissionDeniedError: the actor lacks REQUEST_PROMOTION on the model.
        InvalidStateError: the alias is protected (`alias_protected`).
        ValidationFailedError: the reason is empty.
    """
    access.require_permission(actor, access.Permission.REQUEST_PROMOTION, model)
    faults = ErrorCollector()
    reason = faults.reason(reason)
    faults.raise_if_any()
    # Pointing an alias takes the same lock.
    model = RegisteredModel.objects.get_for_update(model.pk)
    held = AliasAssignment.objects.filter(IS_CURRENT, model=model, name=name).select_related("version").first()
    if held is None:
        raise NotFoundError(f"{model.slug} has no alias “{name}”.")
    version = held.version
    if selectors.is_protected_alias(name):
        raise InvalidStateError(
            f"@{name} is protected and cannot be removed, because callers depend on it. Request its promotion to "
            "another version instead.",
            code="alias_protected",
        )
    event = recorder.record_event(
        ALIAS_REMOVED,
        actor=actor,
        target=ObjectRef("version", str(version.uid)),
        stream=f"model:{model.uid}",
        related_objects=[ObjectRef("model", str(model.uid))],
        changes=[Change("alias", name, None)],
        data={"version": version.number},
        reason=reason,
    )
    stage_transitions.remove_alias(model_id=model.pk, name=name, event=event)
    return version
