"""Approving a version again in a protected place that it holds.

Where the inputs of a version were added to after its promotion, or it stands in a place since before governance, the
place it holds can be asked for again. The request goes through the policy of the place like any other. Promoted, it
moves nothing: it records the new approved fingerprint, by another stay in the same stage or another assignment of the
same alias. It is closed as superseded where the version loses the place meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit.postgresql import prepared_statements
from governance.gate import approvals
from governance.gate.approvals import Approval
from governance.models import PromotionRequest
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
    """The approval that a request for a protected place renews, where the version holds the place already.

    Args:
        version: as it is under the locks.
        stage: the place, where it is a stage.
        alias: the place, where it is an alias.

    Returns:
        The approval; None where the version does not hold the place.

    Raises:
        InvalidTransitionError: the version holds the place with exactly what was approved for it.
    """
    held = approvals.approvals(version)
    place = stage.slug if stage is not None else f"@{alias}"
    found = next((approval for approval in held if approval.place == place), None)
    if found is not None and found.reviewed and not found.deviates:
        raise InvalidTransitionError(
            f"Version {version.number} is in {found.name} already, with the inputs that request #{found.request} "
            "approved."
            if stage is not None
            else f"{found.name} points at version {version.number} already, with the inputs that request "
            f"#{found.request} approved.",
            code="already_there",
        )
    return found


def is_held(request: PromotionRequest, version: ModelVersion) -> bool:
    """Whether the version still holds, by the same promotion, the place that a request asks to approve it in again."""
    return any(approval.request == request.reapproves_id for approval in approvals.approvals(version))


def requests_that_lost_their_place(versions: Iterable[ModelVersion]) -> list[int]:
    """Numbers of the live requests that ask to approve one of these versions again in a place it no longer holds."""
    return [
        number
        for (number,) in prepared_statements.execute_prepared(_LOST, {"versions": [version.pk for version in versions]})
    ]
