"""Response schemas for the approved inputs of a version and for later additions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import Field

from governance.gate import approvals
from governance.gate.approvals import Addition, Additions, Approval
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.schemas import ResponseBody, UtcDateTime


class ActorResponse(ResponseBody):
    """The actor of an addition: a person, a token or a process."""

    id: str = Field(description="Identifier of the actor in the audit log.")
    name: str


class LaterAdditionResponse(ResponseBody):
    """Something that was added to a version after its approval."""

    kind: str = Field(description="metric, card, evidence, document or file")
    what: str
    added_at: UtcDateTime
    added_by: ActorResponse
    event: str = Field(description="Id of the audit event.")

    @classmethod
    def of(cls, addition: Addition) -> LaterAdditionResponse:
        return cls(
            kind=addition.kind,
            what=addition.what,
            added_at=addition.at,
            added_by=ActorResponse(id=addition.by.id, name=addition.by.name),
            event=str(addition.event),
        )


class PlacementResponse(ResponseBody):
    """A protected stage or alias that the version holds, and the approval for it."""

    stage: str | None
    alias: str | None
    request: str = Field(description="The promotion that moved the version there, or approved it there again.")
    approved_fingerprint: str | None = Field(
        description="The version's fingerprint at that promotion; null if it was not approved here."
    )
    recorded_fingerprint: str = Field(
        description="The fingerprint at that promotion, with or without approval here; the base of later additions."
    )
    before_governance: bool
    kind: str = Field(description="Kind of that promotion: ordinary, rollback, or emergency (owed until repaid).")
    since: UtcDateTime
    deviates: bool = Field(description="Whether additions since then changed the version's fingerprint.")
    later_additions: list[LaterAdditionResponse] = Field(description="Newest first, at most 100.")
    more_additions: bool = Field(description="Whether there are more.")
    reapproval: str | None = Field(description="The live request to approve the version there again.")

    @classmethod
    def of(cls, approval: Approval, additions: Additions) -> PlacementResponse:
        return cls(
            stage=approval.stage or None,
            alias=approval.alias or None,
            request=f"{PREFIX}/promotions/{approval.request}",
            approved_fingerprint=approval.fingerprint,
            recorded_fingerprint=approval.recorded,
            before_governance=approval.before_governance,
            kind=approval.kind,
            since=approval.since,
            deviates=approval.deviates,
            later_additions=[LaterAdditionResponse.of(addition) for addition in additions.items],
            more_additions=additions.more,
            reapproval=f"{PREFIX}/promotions/{approval.reapproval}" if approval.reapproval is not None else None,
        )


@dataclass(frozen=True)
class ApprovedInputs:
    """The approvals of one version, as the responses show them."""

    found: Sequence[Approval]
    unapproved_files: frozenset[UUID]
    """Files attached after the approval of the requested placement, or of any placement."""
    approved_fingerprint: str | None
    deviates: bool
    places: list[PlacementResponse]

    @property
    def before_governance(self) -> bool:
        return any(place.before_governance for place in self.found)


def approved_inputs(found: Sequence[Approval], reference: str = "") -> ApprovedInputs:
    """Return what was approved for a version, and what was added since. Runs no query if nothing was added.

    Args:
        found: the approvals of one version; without a protected placement it has no approved fingerprint.
        reference: the requested placement: a stage slug, or an alias name after @.
    """
    foremost = approvals.foremost(found, reference)
    relevant = [foremost] if foremost is not None and foremost.place == reference else found
    additions = approvals.later_additions(found)
    return ApprovedInputs(
        found=found,
        unapproved_files=approvals.attached_since(relevant),
        approved_fingerprint=foremost.fingerprint if foremost is not None else None,
        deviates=any(place.deviates for place in relevant),
        places=[PlacementResponse.of(place, additions.get(place.event, Additions())) for place in found],
    )
