"""The versions to which a model can be rolled back."""

from __future__ import annotations

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.promotion_schemas import TargetResponse
from governance.interfaces.rest.schemas import ResponseBody, UtcDateTime
from governance.selectors import RollbackCandidate
from registry import selectors as registry


class DatasetPinResponse(ResponseBody):
    """A dataset reference that the approval covers."""

    role: str
    name: str
    reference: str
    digest: str


class RollbackCandidateResponse(ResponseBody):
    """A version that was approved in a stage or alias before."""

    version: int
    target: TargetResponse
    current: int | None = Field(description="Number of the version that holds the target now.")
    approved_by: str = Field(description="The promotion that approved it there.")
    fingerprint: str = Field(description="The approved fingerprint, to which a rollback returns.")
    left_at: UtcDateTime | None
    possible: bool
    refusal: str = Field(description="Why a rollback is not possible, and the remedy.")
    checks: list[str]
    approvals: list[str]
    datasets: list[DatasetPinResponse]
    open_request: int | None

    @classmethod
    def of(cls, row: RollbackCandidate) -> RollbackCandidateResponse:
        return cls(
            version=row.version.number,
            target=TargetResponse(stage=row.stage or None, alias=row.alias or None),
            current=row.current.number if row.current is not None else None,
            approved_by=f"{PREFIX}/promotions/{row.earlier.request.pk}",
            fingerprint=row.earlier.request.fingerprint,
            left_at=row.earlier.left_at,
            possible=not row.refusal,
            refusal=row.refusal,
            checks=list(row.checks),
            approvals=list(row.approvals),
            datasets=[
                DatasetPinResponse(role=one.role, name=one.name, reference=one.reference, digest=one.digest)
                for one in row.datasets
            ],
            open_request=row.open_request,
        )


class RollbackCandidates(ResponseBody):
    """The last versions that left each exclusive stage and each protected alias."""

    items: list[RollbackCandidateResponse]


class RollbacksView(Endpoint):
    """/models/{slug}/rollbacks"""

    @Operation("listRollbacks", "List the versions to which a model can be rolled back", "promotions",
               {200: RollbackCandidates})  # fmt: skip
    def get(self, request: Request, slug: str) -> Response:
        """List the versions that were approved in a stage or alias before, and whether a rollback is possible.

        Request it with `POST /promotions` and `kind: rollback`.
        """
        model = registry.model(self.actor, slug)
        found = selectors.rollback_candidates(model)
        return respond(RollbackCandidates(items=[RollbackCandidateResponse.of(row) for row in found]))
