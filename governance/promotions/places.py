"""Approve a version again in a protected place that it holds.

If inputs were added to a version after its promotion, or if it holds a place since before governance or by an emergency
change, a request for the same place is allowed. It is subject to the place's policy like any other. Its promotion
changes no stage or alias target; it records the new approved fingerprint as another occupancy of the stage or another
assignment of the alias. It is closed as superseded if the version loses the place meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit.postgresql import prepared_statements
from governance.gate import approvals
from governance.gate.approvals import Approval
from governance.models import Impact, PromotionRequest
from registry.exceptions import InvalidTransitionError
from registry.models import ModelVersion, Stage

_LOST = f"""
    SELECT r.id FROM governance_promotionrequest r JOIN governance_promotionrequest p ON p.id = r.reapproves_id
     WHERE r.version_id = ANY (%(versions)s) AND r.state IN {PromotionRequest.LIVE!r}
       AND NOT EXISTS (SELECT FROM registry_stageoccupancy o
                        WHERE o.version_id = r.version_id AND o.promotion = p.uid AND o.closed_at IS NULL)
       AND NOT EXISTS (SELECT FROM registry_aliasassignment a
                        WHERE a.version_id = r.version_id AND a.promotion = p.uid AND a.closed_at IS NULL)
     ORDER BY r.id"""  # noqa: S608 - text of ours


def approval_to_renew(version: ModelVersion, stage: Stage | None, alias: str) -> Approval | None:
    """Return the approval that a request for a protected place renews.

    Args:
        version: the version, read under the locks.
        stage: the stage; None for an alias.
        alias: the alias; used if `stage` is None.

    Returns:
        The approval; None if the version does not hold the place.

    Raises:
        InvalidTransitionError: the version holds the place with exactly the approved inputs (`already_there`).
    """
    held = approvals.approvals(version)
    place = stage.slug if stage is not None else f"@{alias}"
    found = next((approval for approval in held if approval.place == place), None)
    if found is not None and found.by_ordinary_path and not _is_requested_again(found):
        raise InvalidTransitionError(
            f"Version {version.number} is in {found.name} already, with the inputs that request #{found.request} "
            "approved."
            if stage is not None
            else f"{found.name} points at version {version.number} already, with the inputs that request "
            f"#{found.request} approved.",
            code="already_there",
        )
    return found


def _is_requested_again(approval: Approval) -> bool:
    """Return whether a recorded impact asks for another approval although the inputs are the approved ones."""
    repeated = (Impact.Consequence.REAPPROVAL, Impact.Consequence.DEMOTE)
    return Impact.objects.filter(request=approval.request, settled_at__isnull=True, consequence__in=repeated).exists()


def is_held(request: PromotionRequest, version: ModelVersion) -> bool:
    """Return whether the version still holds, by the same promotion, the place to approve it in again."""
    return any(approval.request == request.reapproves_id for approval in approvals.approvals(version))


def requests_that_lost_their_place(versions: Iterable[ModelVersion]) -> list[int]:
    """Return the numbers of the live requests to reapprove one of these versions in a place it no longer holds."""
    return [
        number
        for (number,) in prepared_statements.execute_prepared(_LOST, {"versions": [version.pk for version in versions]})
    ]
