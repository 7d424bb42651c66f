"""What is in a stage of a model, now or at a moment."""

from __future__ import annotations

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from governance.api import pagination
from governance.api.conf import PREFIX
from governance.api.endpoint import Endpoint, answer
from governance.api.operation import Operation
from governance.api.shapes import Moment, Page, PageAsked, Shown, Since
from governance.models import PromotionRequest
from registry import selectors
from registry.exceptions import NotFound
from registry.models import Stage


class StageAsked(PageAsked):
    """When."""

    at: Since | None = Field(None, description="The moment asked about; now where it is left out.")


class StayShown(Shown):
    """That a version was in the stage, from one moment to another."""

    version: int
    since: Moment
    until: Moment | None = Field(description="null while it is there.")
    request: str | None = Field(description="The promotion request that moved it there.")
    url: str


class StayPage(Page[StayShown]):
    """The versions in the stage at that moment, the latest to enter first. At most one where it is exclusive."""


class StageView(Endpoint):
    """/models/{slug}/stages/{stage}"""

    @Operation("whatWasInStage", "What is or was in a stage", "models", {200: StayPage}, query=StageAsked)
    def get(self, request: Request, slug: str, stage: str) -> Response:
        """Which versions of a model are in a stage; with `at`, which were at that moment."""
        asked = self.asked(StageAsked)
        model = selectors.model(self.actor, slug)
        known = Stage.objects.filter(slug=stage).first()
        if known is None:
            raise NotFound(f"There is no stage “{stage}”.")
        rows, following = pagination.page(
            selectors.occupancies_at(model, known, asked.at or clock.now()).select_related("version"),
            by="pk",
            kind=int,
            descending=True,
            cursor=asked.cursor,
            limit=asked.limit,
            place=lambda row: row.pk,
        )
        moved = PromotionRequest.objects.filter(uid__in=[row.promotion for row in rows if row.promotion is not None])
        numbers = dict(moved.values_list("uid", "pk"))
        items = [
            StayShown(
                version=row.version.number,
                since=row.opened_at,
                until=row.closed_at,
                request=f"{PREFIX}/promotions/{numbers[row.promotion]}" if row.promotion in numbers else None,
                url=f"{PREFIX}/models/{model.slug}/versions/{row.version.number}",
            )
            for row in rows
        ]
        return answer(StayPage(items=items, next=following), headers=pagination.link(request, following))
