"""What concerns approvals after the promotion."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.interfaces.rest import pagination
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import Page, PageQuery, ResponseBody, UtcDateTime
from governance.models import Impact


class ImpactsQuery(PageQuery):
    """Filters of the list of impacts."""

    cause: (
        Literal[
            "inputs_changed",
            "tier_changed",
            "policy_retired",
            "dataset_recalled",
            "vulnerable_dependency",
            "approver_conflicted",
        ]
        | None
    ) = None
    state: Literal["open", "settled", "any"] = "open"


class ImpactResponse(ResponseBody):
    """One cause that concerns one approval."""

    id: int
    cause: str
    reference: str = Field(description="What identifies the cause, such as the event of an addition.")
    detail: str
    model: str
    version: int
    place: str = Field(description="Slug of the stage, or @ and the alias.")
    approved_by: str = Field(description="The promotion by which the version holds the place.")
    approved_fingerprint: str
    consequence: str = Field(description="What the policy asks: notify, finding, reapproval or demote.")
    due: date | None
    finding: int | None
    reapproval: str | None = Field(description="The request to approve the version again.")
    removal: str | None = Field(description="The request to remove the version, after the time has passed.")
    recorded_at: UtcDateTime
    overdue: bool
    settled_at: UtcDateTime | None
    settlement: str

    @classmethod
    def of(cls, row: Impact) -> ImpactResponse:
        return cls(
            id=row.pk,
            cause=row.cause,
            reference=row.reference,
            detail=row.detail,
            model=row.model.slug,
            version=row.version.number,
            place=row.place,
            approved_by=f"{PREFIX}/promotions/{row.request_id}",
            approved_fingerprint=row.request.fingerprint,
            consequence=row.consequence,
            due=row.due,
            finding=row.finding_id,
            reapproval=f"{PREFIX}/promotions/{row.reapproval_id}" if row.reapproval_id is not None else None,
            removal=f"{PREFIX}/promotions/{row.removal_id}" if row.removal_id is not None else None,
            recorded_at=row.recorded_at,
            overdue=row.overdue_at is not None and row.settled_at is None,
            settled_at=row.settled_at,
            settlement=row.settlement,
        )


class ImpactList(Page[ImpactResponse]):
    """A page of impacts, newest first."""


class ImpactsView(Endpoint):
    """/impacts"""

    @Operation("listImpacts", "List what concerns approvals after the promotion", "promotions", {200: ImpactList},
               query=ImpactsQuery)  # fmt: skip
    def get(self, request: Request) -> Response:
        """List the impacts on the models that the caller may see, newest first."""
        query = self.query(ImpactsQuery)
        is_open = {"open": True, "settled": False, "any": None}[query.state]
        rows, following = pagination.by_keys(
            selectors.visible_impacts(self.actor, cause=query.cause or "", is_open=is_open),
            pagination.NEWEST_FIRST,
            query,
        )
        return pagination.respond_page(
            request, ImpactList(items=[ImpactResponse.of(row) for row in rows], next=following)
        )
