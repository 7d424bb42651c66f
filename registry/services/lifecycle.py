"""Changing what the lifecycle protects, on a running instance."""

from django.db import transaction

from audit import recorder
from audit.actor import Actor
from audit.recorder import Change, Thing
from registry import access, selectors
from registry.actions import PROTECTED_ALIAS_CHANGED
from registry.models import ProtectedAlias, Stage
from registry.rules import Faults


def loosens_alias_protection(name: str, *, protected: bool, stage: str | None) -> bool:
    """Return whether a change of an alias's protection would require less than now: it ends the protection, or the
    alias no longer represents the stage it represents."""
    before = ProtectedAlias.objects.filter(name=name).select_related("stage").first()
    if before is None:
        return False
    return not protected or (before.stage is not None and before.stage.slug != stage)


@transaction.atomic
def change_alias_protection(
    *, actor: Actor, name: str, protected: bool, stage: str | None, reason: str
) -> ProtectedAlias | None:
    """Protect an alias on every model, change the stage it represents, or end its protection.

    What a live request must satisfy follows when it is settled: it is bound to the policy for entering the stage. Where
    the alias points now stays as it is.

    Args:
        actor: an officer, or the process that carries out a confirmed proposal.
        name: the alias.
        protected: whether it moves by promotion request only.
        stage: the slug of the protected stage it represents; None for none.
        reason: kept with the event.

    Returns:
        The protection; None where it ended.

    Raises:
        NotPermitted: the actor may not manage policies.
        InvalidInput: the name cannot be an alias, the stage is unknown or not protected, or the reason is empty.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    faults = Faults()
    faults.alias("/alias", name)
    reason = faults.reason(reason)
    row = Stage.objects.filter(slug=stage, protected=True).first() if stage is not None else None
    if stage is not None and row is None:
        known = ", ".join(s.slug for s in selectors.lifecycle().stages if s.protected)
        faults.add("/stage", "unknown_stage", f"An alias represents a protected stage; these are: {known}.")
    faults.refuse()
    held = ProtectedAlias.objects.select_for_update(of=("self",)).select_related("stage").filter(name=name).first()
    before = held.stage.slug if held is not None and held.stage is not None else None
    if (held is not None, before) == (protected, stage if protected else None):
        return held
    recorder.append(
        PROTECTED_ALIAS_CHANGED,
        actor=actor,
        thing=Thing("protected_alias", name),
        stream="organisation",
        changes=[
            Change("protected", held is not None, protected),
            Change("stage", before, stage if protected else None),
        ],
        reason=reason,
    )
    if held is None:
        return ProtectedAlias.objects.create(name=name, stage=row) if protected else None
    if not protected:
        held.delete()
        return None
    held.stage = row
    held.save(update_fields=["stage"])
    return held
