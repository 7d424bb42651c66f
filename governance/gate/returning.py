"""Whether a version can return to a place by a rollback: approved there before, and unchanged since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import QuerySet

from audit import clock
from governance.gate import gate_inputs
from governance.gate.approvals import Additions, Approval, later_additions
from governance.models import PromotionRequest, RequestPolicy
from governance.models.policy import PolicyRevision
from governance.policies import PolicyDocument, shortest_period
from registry.exceptions import InvalidStateError
from registry.models import AliasAssignment, ModelVersion, Stage, StageOccupancy

ENTERING = frozenset({RequestPolicy.Basis.TARGET, RequestPolicy.Basis.REPRESENTED_STAGE})
"""The bases on which a policy governs entering a place."""


@dataclass(frozen=True)
class EarlierApproval:
    """An approval of a version for a place that it held and has left.

    Attributes:
        request: the promotion that approved it there.
        left_at: when the version left the place; None while it holds the place.
        changes: what was added to the version since; empty if its inputs are the approved ones.
    """

    request: PromotionRequest
    left_at: datetime | None
    changes: Additions = field(default_factory=Additions)

    @property
    def is_unchanged(self) -> bool:
        """Whether the inputs of the version are those that were approved."""
        return self.request.fingerprint == self.request.version.fingerprint


def earlier_approval(version: ModelVersion, *, stage: Stage | None, alias: str) -> EarlierApproval | None:
    """Return the approval of a version for a place that a rollback returns to. At most seven queries.

    Args:
        version: the version.
        stage: the stage; None for an alias.
        alias: the alias; used if `stage` is None.

    Returns:
        The newest approval with the current fingerprint, else the newest one; None if the version was never approved
        there under a policy. An emergency change is no approval: it had not the ordinary checks and approvals.
    """
    rows = approving_requests().filter(
        version=version,
        target_stage=stage,
        target_alias="" if stage is not None else alias,
    )
    found = list(rows.order_by("-closed_at", "-pk"))
    if not found:
        return None
    request = next((row for row in found if row.fingerprint == version.fingerprint), found[0])
    request.version = version
    held = (
        StageOccupancy.objects.filter(version=version, stage=stage)
        if stage is not None
        else AliasAssignment.objects.filter(version=version, name=alias)
    )
    last = held.order_by("-opened_at", "-pk").first()
    left_at = last.closed_at if last is not None else None
    if request.fingerprint == version.fingerprint:
        return EarlierApproval(request, left_at)
    opened = held.filter(promotion=request.uid).order_by("opened_at").first()
    return EarlierApproval(request, left_at, _changes(version, request, opened) if opened is not None else Additions())


def approving_requests() -> QuerySet[PromotionRequest]:
    """Return the promoted requests that approved a version for a place under a policy."""
    return PromotionRequest.objects.filter(
        state=PromotionRequest.State.PROMOTED, policy_revision__isnull=False
    ).exclude(kind=PromotionRequest.Kind.EMERGENCY)


def _changes(version: ModelVersion, request: PromotionRequest, held: StageOccupancy | AliasAssignment) -> Additions:
    """Return what was added to the version since it was promoted by the request."""
    place = request.target_stage.slug if request.target_stage is not None else f"@{request.target_alias}"
    approval = Approval(
        version_id=version.pk,
        version_uid=version.uid,
        stage=request.target_stage.slug if request.target_stage is not None else "",
        alias=request.target_alias,
        place=place,
        name=request.target_name,
        request=request.pk,
        request_uid=request.uid,
        recorded=request.fingerprint,
        current=version.fingerprint,
        since=held.opened_at,
        event=held.opened_event,
        before_governance=False,
        reviewed=True,
        reapproval=None,
    )
    return later_additions([approval]).get(held.opened_event, Additions())


def entering_documents(
    bound: Sequence[tuple[PolicyRevision, RequestPolicy.Basis]],
) -> list[PolicyDocument]:
    """Return the documents of the policies that govern entering the place, not those for leaving another."""
    return [gate_inputs.parse_revision(revision) for revision, basis in bound if basis in ENTERING]


def refusal_of_rollback(
    version: ModelVersion, earlier: EarlierApproval | None, documents: Sequence[PolicyDocument], place: str
) -> InvalidStateError | None:
    """Return why a rollback is refused; None if it can be requested.

    Args:
        version: the version to return to.
        earlier: what `earlier_approval` returned.
        documents: the policies that govern entering the place; see `entering_documents`.
        place: display name of the place.
    """
    ordinary = "Request an ordinary promotion instead."
    if earlier is None:
        return InvalidStateError(
            f"Version {version.number} was never approved in {place} under a policy, so there is nothing to roll back "
            f"to. {ordinary}",
            code="rollback_never_approved",
        )
    lacking = [document.slug for document in documents if document.rollback is None]
    if lacking or not documents:
        return InvalidStateError(
            f"The policy {' and '.join(lacking)} has no section `rollback`, so a version returns to {place} by the "
            f"ordinary path. {ordinary} An officer can publish a revision of the policy with the section.",
            code="rollback_not_available",
        )
    if not earlier.is_unchanged:
        changed = "; ".join(f"{one.kind} {one.what}".strip() for one in earlier.changes.items[:5])
        more = " and more" if earlier.changes.more or len(earlier.changes.items) > 5 else ""
        return InvalidStateError(
            f"The inputs of version {version.number} are not those that request #{earlier.request.pk} approved. Added "
            f"since: {changed or 'unknown'}{more}. {ordinary}",
            code="rollback_inputs_changed",
        )
    days = shortest_period([document.rollback for document in documents if document.rollback is not None])
    if earlier.left_at is not None and clock.now() - earlier.left_at > timedelta(days=days):
        return InvalidStateError(
            f"Version {version.number} left {place} on {earlier.left_at:%Y-%m-%d}, more than {days} days ago: its "
            f"approval is too old for a rollback. {ordinary}",
            code="rollback_too_late",
        )
    return None
