"""Queries on change proposals."""

from django.db.models import Q, QuerySet

from audit.actor import Actor
from registry import access
from registry.exceptions import NotFoundError
from registry.models import ChangeProposal


def change_proposals(actor: Actor) -> QuerySet[ChangeProposal]:
    """Return the proposals visible to the actor, newest first.

    These are all for readers of the organisation's audit log and for administrators; for others those about visible
    models, and their own about the organisation. A token limited to models reads only those about these models.
    """
    found = ChangeProposal.objects.select_related("proposed_by", "model").order_by("-pk")
    if actor.models is not None:
        return found.filter(model__in=access.visible_models(actor))
    for permission in (access.OrgPermission.READ_AUDIT, access.OrgPermission.MANAGE_PEOPLE):
        if access.check_org_permission(actor, permission):
            return found
    visible = Q(model__in=access.visible_models(actor))
    if actor.person is not None and access.has_scope(actor, "models:read"):
        visible |= Q(proposed_by__uid=actor.person, model__isnull=True)
    return found.filter(visible)


def change_proposal(actor: Actor, number: int) -> ChangeProposal:
    """Return the proposal with that number.

    Raises:
        NotFoundError: there is none that the actor may read.
    """
    found = change_proposals(actor).filter(pk=number).first()
    if found is None:
        raise NotFoundError(f"There is no change proposal C{number} that you may read.")
    return found


def require_visible_proposal(actor: Actor, proposal: ChangeProposal) -> None:
    """Require that the actor may read the proposal.

    Raises:
        NotFoundError: the actor may not read it.
    """
    change_proposal(actor, proposal.pk)
