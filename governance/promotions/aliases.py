"""Taking an alias off. Pointing one at a version is asked for like any promotion: `request(..., target_alias=…)`."""

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
    """Take an alias off the version it points at; afterwards it points nowhere. Returns that version.

    Only a free alias can be taken off. Callers follow a protected one blindly, so it never points nowhere: it moves,
    by promotion request, to another version.

    Raises NotFound where the model or the alias is not there to be seen; PermissionDeniedError without
    REQUEST_PROMOTION, the
    permission that points it; InvalidStateError for a protected alias; ValidationFailedError for an empty reason.
    """
    access.require_permission(actor, access.Permission.REQUEST_PROMOTION, model)
    faults = ErrorCollector()
    reason = faults.reason(reason)
    faults.raise_if_any()
    # Whoever points an alias holds this lock, too.
    model = RegisteredModel.objects.get_for_update(model.pk)
    held = AliasAssignment.objects.filter(IS_CURRENT, model=model, name=name).select_related("version").first()
    if held is None:
        raise NotFoundError(f"{model.slug} has no alias “{name}”.")
    version = held.version
    if selectors.is_protected_alias(name):
        raise InvalidStateError(
            f"@{name} is protected and never points nowhere: whoever follows it would find nothing. Ask for it to be "
            "pointed at another version instead; that is a promotion request.",
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
