"""The versions in a stage, now or at a given time."""

from __future__ import annotations

from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from governance import selectors as promotions
from governance.interfaces.rest import pagination
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import DateTimeQuery, Page, PageQuery, PersonResponse, ResponseBody, UtcDateTime
from registry import selectors


class StageQuery(PageQuery):
    """The point in time."""

    at: DateTimeQuery | None = Field(None, description="The point in time; now if omitted.")


class StageOccupancyResponse(ResponseBody):
    """A period in which a version was in the stage."""

    version: int
    since: UtcDateTime
    until: UtcDateTime | None = Field(description="Null while the version is in the stage.")
    request: str | None = Field(description="The promotion request that moved it there.")
    url: str


class StageOccupancyList(Page[StageOccupancyResponse]):
    """The versions in the stage at that time, the latest to enter first. At most one if the stage is exclusive."""


class StageView(Endpoint):
    """/models/{slug}/stages/{stage}"""

    @Operation(
        "whatWasInStage",
        "List the versions in a stage of a model",
        "models",
        {200: StageOccupancyList},
        query=StageQuery,
    )
    def get(self, request: Request, slug: str, stage: str) -> Response:
        """List the versions of a model that are in a stage, or were at the time `at`."""
        query = self.query(StageQuery)
        model = selectors.model(self.actor, slug)
        known = selectors.stage(stage)
        rows, following = pagination.by_keys(
            selectors.occupancies_at(model, known, query.at or clock.now()).select_related("version"),
            pagination.NEWEST_FIRST,
            query,
        )
        numbers = promotions.request_numbers([row.promotion for row in rows if row.promotion is not None])
        items = [
            StageOccupancyResponse(
                version=row.version.number,
                since=row.opened_at,
                until=row.closed_at,
                request=f"{PREFIX}/promotions/{numbers[row.promotion]}" if row.promotion in numbers else None,
                url=f"{PREFIX}/models/{model.slug}/versions/{row.version.number}",
            )
            for row in rows
        ]
        return pagination.respond_page(request, StageOccupancyList(items=items, next=following))


class OccupantsQuery(PageQuery):
    """The point in time."""

    at: DateTimeQuery | None = Field(None, description="The point in time; now if omitted.")


class OccupantResponse(ResponseBody):
    """A version that was in the stage at that time. `owner` and `risk_tier` are the current ones."""

    model: str
    version: int
    owner: PersonResponse | None
    risk_tier: int | None
    since: UtcDateTime
    until: UtcDateTime | None = Field(description="Null while the version is in the stage.")
    request: str | None = Field(description="The promotion request that moved it there.")
    approved_by: list[str] = Field(description="Names of the people whose approvals moved it there.")
    before_governance: bool = Field(
        description="Whether it was in the stage before the import; no approval is recorded here."
    )
    url: str


class OccupantList(Page[OccupantResponse]):
    """The versions in the stage at that time, by model name."""


class OccupantsView(Endpoint):
    """/stages/{stage}/versions"""

    @Operation(
        "listVersionsInStage",
        "List the versions of all models in a stage",
        "models",
        {200: OccupantList},
        query=OccupantsQuery,
    )
    def get(self, request: Request, stage: str) -> Response:
        """List the versions of all visible models that are in a stage, or were at the time `at`.

        This is the population from which an audit draws its sample.
        """
        query = self.query(OccupantsQuery)
        known = selectors.stage(stage)
        found = promotions.in_stage(self.actor, known, query.at or clock.now())
        rows, following = pagination.by_keys(found, (("model__slug", str), ("-version__number", int)), query)
        items = [
            OccupantResponse(
                model=row.occupancy.model.slug,
                version=row.occupancy.version.number,
                owner=PersonResponse.maybe(row.occupancy.model.owner),
                risk_tier=row.occupancy.model.risk_tier,
                since=row.occupancy.opened_at,
                until=row.occupancy.closed_at,
                request=f"{PREFIX}/promotions/{row.request}" if row.request is not None else None,
                approved_by=list(row.approved_by),
                before_governance=row.occupancy.before_governance,
                url=f"{PREFIX}/models/{row.occupancy.model.slug}/versions/{row.occupancy.version.number}",
            )
            for row in promotions.occupants(rows)
        ]
        return pagination.respond_page(request, OccupantList(items=items, next=following))
