"""What waits for the caller."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.promotion_schemas import TargetResponse, page_of
from governance.interfaces.rest.schemas import ResponseBody, UtcDateTime
from governance.selectors import ListRow, Queue
from registry import access


class WaitingRequest(ResponseBody):
    """A promotion request that waits for the caller."""

    kind: Literal["decide", "decide_again", "changes_requested", "blocked", "ready"] = Field(
        description="`decide` and `decide_again` wait for the person as a reviewer, the others as author or owner."
    )
    promotion: int
    model: str
    version: int
    target: TargetResponse
    groups: list[str] = Field(description="Groups of the policy in which a decision of the person counts.")
    reason: str = Field(description="What is missing, for an author or owner.")
    due_at: UtcDateTime | None
    page: str = Field(description="Where the person acts.")

    @classmethod
    def of(cls, kind: str, row: ListRow, reason: str = "") -> WaitingRequest:
        found = row.request
        return cls(
            kind=kind,
            promotion=found.pk,
            model=found.model.slug,
            version=found.version.number,
            target=TargetResponse.of(found),
            groups=list(row.my_groups),
            reason=reason,
            due_at=row.due,
            page=page_of(found),
        )


class DueReview(ResponseBody):
    """A periodic review that the caller may record."""

    model: str
    due_on: date | None


class QueueResponse(ResponseBody):
    """What waits for the caller, as on the page My reviews."""

    count: int = Field(description="The number of requests that wait; the number beside My reviews.")
    requests: list[WaitingRequest]
    reviews_due: list[DueReview]

    @classmethod
    def of(cls, queue: Queue) -> QueueResponse:
        return cls(
            count=queue.count,
            requests=[
                *(WaitingRequest.of("decide", row) for row in queue.decisions),
                *(WaitingRequest.of("decide_again", row) for row in queue.again),
                *(
                    WaitingRequest.of(found.kind, found.row, found.reason)
                    for rows in (queue.changes_requested, queue.blocked, queue.ready)
                    for found in rows
                ),
            ],
            reviews_due=[DueReview(model=model.slug, due_on=model.next_review) for model in queue.due],
        )


class QueueView(Endpoint):
    """/queue"""

    @Operation("getQueue", "Read what waits for you", "promotions", {200: QueueResponse})
    def get(self, request: Request) -> Response:
        """Return the requests that wait for the person behind the token, as reviewer, author or owner, and the periodic
        reviews that are due. Tokens do not decide: each request names the page where the person does.
        """
        access.require_scope(self.actor, "models:read")
        return respond(QueueResponse.of(selectors.my_queue(self.actor, access.require_person(self.actor))))
