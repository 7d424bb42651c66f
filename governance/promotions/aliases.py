"""Taking an alias off. Pointing one at a version is asked for like any promotion: `request(..., target_alias=…)`."""

from django.db import transaction

from audit import recorder
from audit.actor import Actor
from audit.recorder import Change, Thing
from governance.actions import ALIAS_REMOVED
from registry import access, selectors, stage_writer
from registry.exceptions import NotFound, NotNow
from registry.models import OPEN, AliasAssignment, ModelVersion, RegisteredModel
from registry.rules import Faults


@transaction.atomic
def remove_alias(*, actor: Actor, model: RegisteredModel, name: str, reason: str) -> ModelVersion:
    """Take an alias off the version it points at; afterwards it points nowhere. Returns that version.

    Only a free alias can be taken off. Callers follow a protected one blindly, so it never points nowhere: it moves,
    by promotion request, to another version.

    Raises NotFound where the model or the alias is not there to be seen; NotPermitted without REQUEST_PROMOTION, the
    permission that points it; NotNow for a protected alias; InvalidInput for an empty reason.
    """
    access.require(actor, access.Permission.REQUEST_PROMOTION, model)
    faults = Faults()
    reason = faults.reason(reason)
    faults.refuse()
    # Whoever points an alias holds this lock, too.
    model = RegisteredModel.objects.locked(model.pk)
    held = AliasAssignment.objects.filter(OPEN, model=model, name=name).select_related("version").first()
    if held is None:
        raise NotFound(f"{model.slug} has no alias “{name}”.")
    version = held.version
    if selectors.is_protected_alias(name):
        raise NotNow(
            f"@{name} is protected and never points nowhere: whoever follows it would find nothing. Ask for it to be "
            "pointed at another version instead; that is a promotion request.",
            code="alias_protected",
        )
    event = recorder.append(
        ALIAS_REMOVED,
        actor=actor,
        thing=Thing("version", str(version.uid)),
        stream=f"model:{model.uid}",
        related=[Thing("model", str(model.uid))],
        changes=[Change("alias", name, None)],
        data={"version": version.number},
        reason=reason,
    )
    stage_writer.remove_alias(model_id=model.pk, name=name, event=event)
    return version
