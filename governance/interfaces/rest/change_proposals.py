"""Change proposals: read here; confirmed by a second, signed-in person on the page."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance.interfaces.rest import pagination
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import Page, PageQuery, PersonResponse, ResponseBody, UtcDateTime
from governance.selectors.change_proposals import warnings_of_change
from registry import access, selectors
from registry.models import ChangeProposal

State = Literal["proposed", "confirmed", "rejected", "withdrawn", "expired"]


class Change(ResponseBody):
    """A governance change that needs a second person."""

    id: int
    kind: str = Field(description="policy.publication, questionnaire.publication, instance.setup, and others")
    title: str = Field(description="What takes effect.")
    subject: str = Field(description="The changed object: a type and an identifier, as in the audit log.")
    model: str | None
    payload: dict[str, Any] = Field(description="The arguments of the change.")
    warnings: list[str] = Field(description="Warnings about the effect, such as a target without checks.")
    digest: str = Field(description="SHA-256 of what the second person signs: kind, subject, title and payload.")
    reason: str
    proposed_by: PersonResponse
    proposed_at: UtcDateTime
    expires_at: UtcDateTime
    state: State
    single_officer: bool = Field(
        description="Whether it took effect without a second person, because the instance has a single officer."
    )
    comment: str | None
    closed_by: str | None = Field(description="Audit log identifier of the person or process that closed it.")
    closed_at: UtcDateTime | None
    url: str

    @classmethod
    def of(cls, proposal: ChangeProposal) -> Change:
        return cls(
            id=proposal.pk,
            kind=proposal.kind,
            title=proposal.title,
            subject=f"{proposal.subject_type}:{proposal.subject_id}",
            model=proposal.model.slug if proposal.model is not None else None,
            payload=proposal.payload,
            warnings=list(warnings_of_change(proposal)),
            digest=proposal.digest,
            reason=proposal.reason,
            proposed_by=PersonResponse.of(proposal.proposed_by),
            proposed_at=proposal.opened_at,
            expires_at=proposal.expires_at,
            state=proposal.state,
            single_officer=proposal.single_officer,
            comment=proposal.comment or None,
            closed_by=proposal.closed_by,
            closed_at=proposal.closed_at,
            url=f"{PREFIX}/change-proposals/{proposal.pk}",
        )


class ChangeList(Page[Change]):
    """A page of change proposals, newest first."""


class ChangesQuery(PageQuery):
    """Filters of the list of change proposals."""

    state: State | None = None


class ChangesView(Endpoint):
    """/change-proposals"""

    @Operation("listChangeProposals", "List change proposals", "governance", {200: ChangeList}, query=ChangesQuery)
    def get(self, request: Request) -> Response:
        """List the proposals visible to the caller, newest first. A person confirms a proposal on its page."""
        query = self.query(ChangesQuery)
        access.require_scope(self.actor, "models:read")
        found = selectors.change_proposals(self.actor)
        if query.state is not None:
            found = found.filter(outcome=None if query.state == ChangeProposal.PROPOSED else query.state)
        rows, following = pagination.by_keys(found, pagination.NEWEST_FIRST, query)
        return pagination.respond_page(request, ChangeList(items=[Change.of(row) for row in rows], next=following))


class ChangeView(Endpoint):
    """/change-proposals/{id}"""

    @Operation("getChangeProposal", "Read a change proposal", "governance", {200: Change})
    def get(self, request: Request, number: int) -> Response:
        """Return the proposal, its author, and the second person's decision."""
        access.require_scope(self.actor, "models:read")
        return respond(Change.of(selectors.change_proposal(self.actor, number)))
