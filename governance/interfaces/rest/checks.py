"""Check runs of a promotion request."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.interfaces.rest import pagination
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.promotion_schemas import CheckRunList, CheckRunResponse
from governance.interfaces.rest.schemas import PageQuery


class RunsView(Endpoint):
    """/promotions/{id}/checks"""

    @Operation("listCheckRuns", "List the check runs", "promotions", {200: CheckRunList}, query=PageQuery)
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 (the word in the address)
        """List all attempts of all checks of the request, newest first, with findings, measures and resource limits."""
        asked = self.query(PageQuery)
        found = selectors.get_request_status(self.actor, id)
        rows, following = pagination.page(
            found.check_runs.select_related("external_run__reported_by"),
            by="pk",
            kind=int,
            descending=True,
            cursor=asked.cursor,
            limit=asked.limit,
            place=lambda run: run.pk,
        )
        return respond(
            CheckRunList(items=[CheckRunResponse.of(run) for run in rows], next=following),
            headers=pagination.link(request, following),
        )
