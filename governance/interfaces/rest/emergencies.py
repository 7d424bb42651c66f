"""The emergency changes of a model, and what is owed for them."""

from __future__ import annotations

from datetime import date

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.promotion_schemas import TargetResponse
from governance.interfaces.rest.schemas import ResponseBody, UtcDateTime
from governance.selectors import Debt
from registry import selectors as registry


class EmergencyResponse(ResponseBody):
    """An emergency change that was carried out."""

    request: str
    version: int
    target: TargetResponse
    incident: str
    started_at: UtcDateTime | None
    ends_at: UtcDateTime | None
    retrospective_due: date | None
    finding: int | None = Field(description="Number of the finding that it opened.")
    holds_place: bool = Field(description="Whether the version holds the target by this change.")
    overdue: bool
    owed: list[str] = Field(description="What is owed, as words; empty if it is repaid.")
    repaid_at: UtcDateTime | None

    @classmethod
    def of(cls, row: Debt) -> EmergencyResponse:
        change = row.change
        return cls(
            request=f"{PREFIX}/promotions/{change.request_id}",
            version=change.request.version.number,
            target=TargetResponse.of(change.request),
            incident=change.incident,
            started_at=change.began_at,
            ends_at=change.ends_at,
            retrospective_due=change.retrospective_due,
            finding=change.finding_id,
            holds_place=row.holds_place,
            overdue=row.is_overdue,
            owed=list(row.owed) if change.repaid_at is None else [],
            repaid_at=change.repaid_at,
        )


class EmergencyList(ResponseBody):
    """The emergency changes of a model, newest first."""

    items: list[EmergencyResponse]


class EmergenciesView(Endpoint):
    """/models/{slug}/emergencies"""

    @Operation("listEmergencies", "List the emergency changes of a model", "promotions", {200: EmergencyList})
    def get(self, request: Request, slug: str) -> Response:
        """List the emergency changes of a model that were carried out, and what is owed for them.

        An emergency change is requested and confirmed on the pages only, with the signatures of two people.
        """
        model = registry.model(self.actor, slug)
        found = selectors.emergency_changes(model)
        return respond(EmergencyList(items=[EmergencyResponse.of(row) for row in found]))
