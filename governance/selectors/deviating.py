"""Approved versions whose inputs changed since, for the owners of their models and for officers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from audit.actor import Actor
from governance.gate.approvals import Additions, Approval, approvals_of, deviating_versions, later_additions
from registry import access
from registry.models import ModelVersion, User

MOST_SHOWN: Final = 50


@dataclass(frozen=True)
class Deviation:
    """A version in a protected place whose inputs are not the approved ones."""

    version: ModelVersion
    approval: Approval
    additions: Additions


def deviations_for(actor: Actor, person: User) -> list[Deviation]:
    """Return the deviations a reader has to handle, newest version first, of at most 50 versions. A fixed number of
    queries.

    Officers get all visible ones, other readers those of models they own.

    Args:
        actor: who reads.
        person: the account behind the actor.
    """
    found = deviating_versions().filter(model__in=access.visible_models(actor))
    if not access.check_org_permission(actor, access.OrgPermission.MANAGE_POLICIES):
        found = found.filter(model__owner=person)
    versions = {v.pk: v for v in found.select_related("model").order_by("-pk")[:MOST_SHOWN]}
    return deviations_of(versions)


def deviations_of(versions: dict[int, ModelVersion]) -> list[Deviation]:
    """Return the deviations of versions given by primary key, in their order."""
    approvals = [approval for held in approvals_of(versions).values() for approval in held if approval.deviates]
    additions = later_additions(approvals)
    order = list(versions)
    return [
        Deviation(versions[approval.version_id], approval, additions[approval.event])
        for approval in sorted(approvals, key=lambda a: order.index(a.version_id))
    ]
