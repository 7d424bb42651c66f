"""The audit log, for its readers."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any, Literal

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from audit import selectors as log
from audit import verifier
from audit.actor import Actor
from audit.models import Event
from audit.recorder import ObjectRef
from governance import selectors as promotions
from governance.interfaces.rest import pagination
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import (
    DateTimeQuery,
    IntQuery,
    Page,
    PageQuery,
    QueryParams,
    ResponseBody,
    TextQuery,
    UtcDateTime,
)
from registry import access, selectors
from registry.exceptions import NotFoundError

ADDRESS = "/request/address"
"""JSON pointer of the network address in an event body."""


class EventResponse(ResponseBody):
    """An entry of the audit log. The RFC 8785 form of `event` is byte for byte what was recorded."""

    id: str
    action: str
    sentence: str
    happened_at: UtcDateTime
    event: dict[str, Any]
    private: dict[str, str] = Field(
        description="Private values, by JSON pointer into `event`, which has commitments; without erased ones."
    )
    altered: str | None = Field(
        description="Pointer of a stored value that no longer matches its commitment; then no private value is shown."
    )


class EventList(Page[EventResponse]):
    """A page of events, newest first."""


class EventFilterQuery(QueryParams):
    """Filters of events."""

    action: TextQuery | None = Field(None, description="Exact action name, such as promotion.promoted.")
    actor: TextQuery | None = Field(None, description="Id of the actor: usr_…, tok_…, or a process.")
    thing: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_]{0,39}:[A-Za-z0-9][A-Za-z0-9_.:/-]{0,199}$",
        description="type:id of the audited object.",
    )
    model: TextQuery | None = Field(None, description="Name of a model: events of the model itself.")
    promotion: IntQuery | None = Field(
        None,
        ge=1,
        le=999_999_999,
        description="Number of a promotion request: its events, and those of its decisions and checks.",
    )
    after: DateTimeQuery | None = Field(None, description="Events at or after this time.")
    before: DateTimeQuery | None = Field(None, description="Events before this time.")
    q: TextQuery | None = Field(
        None,
        description="#63, the name of a model, or `name v14` selects the events of that object. Any other text is "
        "searched in the events; private values are not searched.",
    )


class EventsQuery(EventFilterQuery, PageQuery):
    """Filters of the event list."""


class EventExportQuery(EventFilterQuery):
    """What to export."""

    format: Literal["csv", "jsonl"] = Field(
        "jsonl", description="CSV for spreadsheets, or JSON lines with the records."
    )


class EventsView(Endpoint):
    """/audit/events"""

    @Operation("listEvents", "Search the audit log", "audit", {200: EventList}, query=EventsQuery, refusals=(404,))
    def get(self, request: Request) -> Response:
        """List events, newest first. For auditors and compliance officers; a token needs the scope `audit:read`."""
        query = self.query(EventsQuery)
        access.require_in_organisation(self.actor, access.OrgPermission.READ_AUDIT)
        page = log.search(**_conditions(self.actor, query), cursor=_place(query.cursor), limit=query.limit)
        following = pagination.encode(page.cursor) if page.cursor is not None else None
        return pagination.respond_page(request, EventList(items=_shown(page.events), next=following))


class EventExportView(Endpoint):
    """/audit/export"""

    @Operation(
        "exportEvents",
        "Export the audit log",
        "audit",
        {200: "The file."},
        query=EventExportQuery,
        file=True,
        refusals=(404,),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Return all events that match the filters as one file, the oldest first.

        A line of JSON has the exact record in `event`, private values and names beside it. The last line states the
        filter, the newest event of the log, the number of events, and the SHA-256 of everything before it: a file
        without it is incomplete.
        """
        query = self.query(EventExportQuery)
        access.require_in_organisation(self.actor, access.OrgPermission.READ_AUDIT)
        words = query.model_dump(mode="json", exclude_none=True, exclude={"format"})
        view = promotions.LogView(_conditions(self.actor, query), {name: str(text) for name, text in words.items()})
        response = StreamingHttpResponse(
            promotions.export_lines(view, query.format), content_type=promotions.CONTENT_TYPES[query.format]
        )
        response["Content-Disposition"] = f'attachment; filename="audit-log.{query.format}"'
        return response


class TrailView(Endpoint):
    """/promotions/{id}/events"""

    @Operation("listPromotionEvents", "List the events of a request", "promotions", {200: EventList}, query=PageQuery)
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 (the word in the address)
        """List the events of the request and of its decisions, check runs and evidence packages, newest first.

        For everyone who can see the request. Network addresses are included only for readers of the whole audit log.
        """
        query = self.query(PageQuery)
        page = promotions.trail_of_request(self.actor, id, cursor=_place(query.cursor), limit=query.limit)
        following = pagination.encode(page.cursor) if page.cursor is not None else None
        items = _shown(page.events)
        if not access.check_org_permission(self.actor, access.OrgPermission.READ_AUDIT):
            items = [item.model_copy(update={"private": _without_address(item.private)}) for item in items]
        return pagination.respond_page(request, EventList(items=items, next=following))


class VerifierView(Endpoint):
    """/audit/verifier"""

    @Operation("downloadVerifier", "Download the verifier", "audit", {200: "The file."}, file=True)
    def get(self, request: Request) -> HttpResponse:
        """Return verifier.py, which verifies bundles of the log without this product (docs/verifying.md)."""
        response = HttpResponse(Path(verifier.__file__).read_bytes(), content_type="application/octet-stream")
        response["Content-Disposition"] = 'attachment; filename="verifier.py"'
        return response


class EventView(Endpoint):
    """/audit/events/{event}"""

    @Operation("getEvent", "Read an event", "audit", {200: EventResponse})
    def get(self, request: Request, event: uuid.UUID) -> Response:
        """Return one event."""
        access.require_in_organisation(self.actor, access.OrgPermission.READ_AUDIT)
        found = log.get_event(event)
        if found is None:
            raise NotFoundError(f"There is no event {event}.")
        return respond(_shown([found])[0])


def _conditions(actor: Actor, query: EventFilterQuery) -> dict[str, Any]:
    """Return the arguments of `audit.selectors.search` for the filters. Raises NotFoundError for an unknown object."""
    target = ObjectRef(*query.thing.split(":", 1)) if query.thing is not None else None
    if query.model is not None and target is None:
        target = ObjectRef("model", str(selectors.model(actor, query.model).uid))
    if query.promotion is not None and target is None:
        target = ObjectRef("promotion", str(promotions.get_request_status(actor, query.promotion).uid))
    named = promotions.named_in_log(actor, query.q or "") if target is None else promotions.Concern(text=query.q or "")
    return {
        "action": query.action,
        "actor": query.actor,
        "about": target or named.about,
        "stream": f"model:{named.model.uid}" if named.model is not None else None,
        "after": query.after,
        "before": query.before,
        "text": named.text or None,
    }


def _without_address(private: dict[str, str]) -> dict[str, str]:
    return {pointer: value for pointer, value in private.items() if pointer != ADDRESS}


def _place(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    place = pagination.decode(cursor, str)
    if not re.fullmatch(r"[0-9a-f-]{36}", place):
        raise pagination.refused()
    return place


def _shown(events: list[Event]) -> list[EventResponse]:
    opened, altered = log.readable_private_values(events)
    return [
        EventResponse(
            id=str(event.event_id),
            action=event.action,
            sentence=event.sentence,
            happened_at=event.happened_at,
            event=event.body,
            private=opened[event.event_id],
            altered=altered.get(event.event_id),
        )
        for event in events
    ]
