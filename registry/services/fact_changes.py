"""Changes of a model's facts that loosen its policies: one person proposes them, a second person confirms.

Who confirms is the same as for a less strict tier (`tier_lowering`).
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from audit.actor import Actor
from audit.recorder import ObjectRef
from registry import access
from registry.exceptions import ConflictError
from registry.models import ChangeProposal, RegisteredModel
from registry.services import change_kinds, change_proposals, matched_facts, models, tier_lowering


@transaction.atomic
def submit(
    *,
    actor: Actor,
    model: RegisteredModel,
    expected_revision: int | None = None,
    reason: str | None = None,
    **changes: Any,
) -> tuple[RegisteredModel, ChangeProposal | None]:
    """Change the record of a model; propose the facts whose change loosens its policies.

    Args and Raises: see `models.update_model`, without "facts_need_second_person"; and ConflictError
    ("already_proposed") if a change of the facts is proposed already.

    Returns:
        The model, and the proposal of the changes that are not written yet; None where everything is.
    """
    row = RegisteredModel.objects.get_for_update(model.pk)
    held = {field: value for field, value in changes.items() if field in matched_facts.MATCHED}
    held = models.validated(held) if held else {}
    if not matched_facts.policies_loosened(row, held):
        return models.update_model(
            actor=actor, model=model, expected_revision=expected_revision, reason=reason, **changes
        ), None
    access.require_permission(actor, access.Permission.EDIT, row)
    lost = matched_facts.policies_loosened(row, held)
    rest = {field: value for field, value in changes.items() if field not in held}
    row = models.update_model(actor=actor, model=model, expected_revision=expected_revision, reason=reason, **rest)
    differing = {field: value for field, value in held.items() if getattr(row, field) != value}
    names = ", ".join(sorted(field.replace("_", " ") for field in differing))
    proposal = change_proposals.propose(
        actor=actor,
        kind=FACT_CHANGE,
        subject=ObjectRef("model", str(row.uid)),
        model=row,
        title=f"{row.slug}: change of {names}, after which {', '.join(lost)} does not govern it"[:300],
        payload={"before": {field: getattr(row, field) for field in differing}, "after": differing},
        reason=reason or f"change of {names} on the record of the model",
    )
    return RegisteredModel.objects.get(pk=row.pk), proposal


def _apply(actor: Actor, proposal: ChangeProposal) -> list[ObjectRef]:
    payload: Mapping[str, Mapping[str, Any]] = proposal.payload
    assert proposal.model is not None  # submit() sets it
    row = RegisteredModel.objects.get_for_update(proposal.model.pk)
    if any(getattr(row, field) != value for field, value in payload["before"].items()):
        raise ConflictError(
            f"The facts of {row.slug} changed since this was proposed. Reject or withdraw this proposal, and change "
            "them again.",
            code="facts_changed",
        )
    models.write_changes(
        row,
        dict(payload["after"]),
        actor=actor,
        reason=proposal.reason,
        related=[ObjectRef("change_proposal", str(proposal.uid))],
    )
    return [ObjectRef("model", str(row.uid))]


FACT_CHANGE = change_kinds.register_kind(
    change_kinds.ChangeKind(
        name="model.fact_change",
        label="Facts that loosen policies",
        confirmers=tier_lowering.confirmers,
        needed=tier_lowering.NEEDED,
        apply=_apply,
        excluded=tier_lowering.excluded,
    )
)
