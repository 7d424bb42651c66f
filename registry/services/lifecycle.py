"""Changes of what the lifecycle protects, on a running instance. A change that requires less than now needs two
officers.
"""

from collections.abc import Sequence

from django.db import transaction

from audit import recorder
from audit.actor import Actor
from audit.recorder import Change, ObjectRef
from registry import access, selectors
from registry.actions import PROTECTED_ALIAS_CHANGED
from registry.models import ChangeProposal, ProtectedAlias, Stage
from registry.services import change_kinds, change_proposals
from registry.validation import ErrorCollector


def loosens_alias_protection(name: str, *, protected: bool, stage: str | None) -> bool:
    """Return whether a change of an alias's protection would require less than now: it ends the protection, or the
    alias no longer represents the stage it represents.
    """
    before = ProtectedAlias.objects.filter(name=name).select_related("stage").first()
    if before is None:
        return False
    return not protected or (before.stage is not None and before.stage.slug != stage)


@transaction.atomic
def propose_alias_protection(
    *, actor: Actor, name: str, protected: bool, stage: str | None, reason: str
) -> ProtectedAlias | ChangeProposal | None:
    """Change the protection of an alias, or propose the change if it requires less than now.

    Args and Raises: see `change_alias_protection` and `change_proposals.propose`.

    Returns:
        The protection (None if it ended), or the proposal that waits for a second officer. If a single officer decides,
        the proposal is confirmed.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    why, _ = _checked(name, stage, reason)
    if not loosens_alias_protection(name, protected=protected, stage=stage) or change_proposals.is_exempt(actor):
        return _change(actor, name, protected, stage, why, None)
    to = f"represents {stage}" if stage is not None else "represents no stage"
    return change_proposals.propose(
        actor=actor,
        kind=ALIAS_PROTECTION,
        subject=ObjectRef("protected_alias", name),
        title=f"Alias {name} stays protected and {to}" if protected else f"End the protection of alias {name}",
        payload={"alias": name, "protected": protected, "stage": stage},
        reason=why,
    )


@transaction.atomic
def change_alias_protection(
    *, actor: Actor, name: str, protected: bool, stage: str | None, reason: str
) -> ProtectedAlias | None:
    """Protect an alias on every model, or change the stage it represents, if the change does not require less than now.

    The requirements of a live request follow when it is settled: it is bound to the policy for entering the stage. The
    current target of the alias does not change.

    Args:
        actor: an officer, or a process of the set-up.
        name: the alias.
        protected: whether it changes by promotion request only.
        stage: the slug of the protected stage it represents; None for none.
        reason: kept with the event.

    Returns:
        The protection; None if it ended.

    Raises:
        PermissionDeniedError: the actor may not manage policies, or the change requires less than now and needs a
            second officer: see `propose_alias_protection`.
        ValidationFailedError: the name cannot be an alias, the stage is unknown or not protected, or the reason is
            empty.
    """
    access.require_in_organisation(actor, access.OrgPermission.MANAGE_POLICIES)
    why, _ = _checked(name, stage, reason)
    if loosens_alias_protection(name, protected=protected, stage=stage):
        change_proposals.require_exempt(actor, "A change of an alias that requires less than now")
    return _change(actor, name, protected, stage, why, None)


def _checked(name: str, stage: str | None, reason: str) -> tuple[str, Stage | None]:
    """Return the reason and the stage. Raises ValidationFailedError."""
    faults = ErrorCollector()
    faults.alias("/alias", name)
    why = faults.reason(reason)
    row = Stage.objects.filter(slug=stage, protected=True).first() if stage is not None else None
    if stage is not None and row is None:
        known = ", ".join(s.slug for s in selectors.lifecycle().stages if s.protected)
        faults.add("/stage", "unknown_stage", f"An alias represents a protected stage; these are: {known}.")
    faults.raise_if_any()
    return why, row


def _change(
    actor: Actor, name: str, protected: bool, stage: str | None, reason: str, proposal: ChangeProposal | None
) -> ProtectedAlias | None:
    reason, row = _checked(name, stage, reason)
    held = ProtectedAlias.objects.select_for_update(of=("self",)).select_related("stage").filter(name=name).first()
    before = held.stage.slug if held is not None and held.stage is not None else None
    if (held is not None, before) == (protected, stage if protected else None):
        return held
    recorder.record_event(
        PROTECTED_ALIAS_CHANGED,
        actor=actor,
        target=ObjectRef("protected_alias", name),
        stream="organisation",
        related_objects=[ObjectRef("change_proposal", str(proposal.uid))] if proposal is not None else [],
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


def _apply(actor: Actor, proposal: ChangeProposal) -> Sequence[ObjectRef]:
    given = proposal.payload
    _change(actor, given["alias"], given["protected"], given["stage"], proposal.reason, proposal)
    return [ObjectRef("protected_alias", given["alias"])]


ALIAS_PROTECTION = change_kinds.register_kind(
    change_kinds.ChangeKind(
        name="alias.protection",
        label="Protection of an alias",
        needed="another officer",
        apply=_apply,
    )
)
