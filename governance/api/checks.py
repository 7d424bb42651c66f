"""Check runs of a promotion request, every attempt, with what each found."""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors
from governance.api import pagination
from governance.api.endpoint import Endpoint, answer
from governance.api.operation import Operation
from governance.api.promotion_shapes import RunPage, RunShown
from governance.api.shapes import PageAsked


class RunsView(Endpoint):
    """/promotions/{id}/checks"""

    @Operation("listCheckRuns", "List the check runs", "promotions", {200: RunPage}, query=PageAsked)
    def get(self, request: Request, id: int) -> Response:  # noqa: A002 (the word in the address)
        """Every attempt of every check of the request, newest first, with findings, measures, and the limits it ran
        under."""
        asked = self.asked(PageAsked)
        found = selectors.get_bare_request(self.actor, id)
        rows, following = pagination.page(
            found.check_runs.all(),
            by="pk",
            kind=int,
            descending=True,
            cursor=asked.cursor,
            limit=asked.limit,
            place=lambda run: run.pk,
        )
        return answer(
            RunPage(items=[RunShown.of(run) for run in rows], next=following),
            headers=pagination.link(request, following),
        )
