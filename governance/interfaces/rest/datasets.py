"""Datasets, lineage, and the versions that depend on a dataset."""

from __future__ import annotations

from django.conf import settings
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance.interfaces.rest import pagination
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import Page, PageQuery, PersonResponse, ResponseBody, TextQuery
from governance.interfaces.rest.version_schemas import DatasetResponse, url_of
from registry import selectors
from registry.models import ModelVersion
from registry.selectors import lineage


class DatasetsQuery(PageQuery):
    """Filters of the dataset list."""

    q: TextQuery | None = Field(
        None, description="The beginning of a name or digest, a URI, or a reference in any supported format."
    )


class DependentsQuery(PageQuery):
    """Filters of the dependent versions."""

    stage: TextQuery | None = Field(None, description="Slug of the stage of the versions, such as production.")


class DatasetSummary(ResponseBody):
    """A dataset as described by its newest reference, with the number of dependent versions visible to the caller."""

    identity: str = Field(description="Identity of the dataset, the same for all its references; used in URLs.")
    name: str
    reference: str
    uri: str
    digest_algorithm: str
    digest: str
    form: str
    strength: str
    stronger: str
    versions: int = Field(description="Number of versions that use it directly.")
    live: int = Field(description="Number of those versions in a protected stage.")
    url: str
    page: str

    @classmethod
    def of(cls, found: lineage.DatasetMatch) -> DatasetSummary:
        facts = DatasetResponse.of(found.reference).model_dump(exclude={"role"})
        return cls(
            **facts,
            versions=found.versions,
            live=found.live,
            url=f"{PREFIX}/datasets/{found.reference.identity}",
            page=f"{settings.PUBLIC_URL}/datasets/{found.reference.identity}/",
        )


class DatasetList(Page[DatasetSummary]):
    """A page of datasets, by identity."""


class Dependent(ResponseBody):
    """A version that depends on the dataset."""

    model: str
    version: int
    stage: str
    risk_tier: int | None
    owner: PersonResponse | None
    team: str
    direct: bool = Field(description="Whether it uses the dataset itself; false if only through its parent versions.")
    url: str

    @classmethod
    def of(cls, version: ModelVersion) -> Dependent:
        return cls(
            model=version.model.slug,
            version=version.number,
            stage=version.stage.slug,
            risk_tier=version.model.risk_tier,
            owner=PersonResponse.maybe(version.model.owner),
            team=version.model.team,
            direct=version.direct,  # type: ignore[attr-defined]  # annotated by the query
            url=url_of(version),
        )


class DependentList(Page[Dependent]):
    """A page of versions that depend on a dataset, newest first."""

    by_stage: dict[str, int] = Field(description="Number of versions in each stage.")
    hidden: int = Field(description="Number of further versions in models that the caller may not see.")


class LineageVersion(ResponseBody):
    """A version in a lineage."""

    model: str
    version: int
    stage: str
    parents: list[str] = Field(description="Each as model/number, limited to the versions in this response.")
    url: str


class LineageDataset(DatasetResponse):
    """A dataset in a lineage, and the version that references it."""

    version: str


class LineageResponse(ResponseBody):
    """The ancestors and descendants of a version that the caller may see."""

    version: str
    ancestors: list[LineageVersion]
    descendants: list[LineageVersion]
    datasets: list[LineageDataset] = Field(description="Of the version and of its ancestors.")
    hidden: int = Field(description="Number of adjacent versions that the caller may not see.")
    cut: bool = Field(description="Whether the traversal stopped at a limit.")


class DatasetsView(Endpoint):
    """/datasets"""

    @Operation("listDatasets", "Find datasets", "datasets", {200: DatasetList}, query=DatasetsQuery)
    def get(self, request: Request) -> Response:
        """List the datasets used by versions that the caller may see."""
        query = self.query(DatasetsQuery)
        found = lineage.find_datasets(self.actor, query.q or "").order_by("identity")
        if query.cursor is not None:
            found = found.filter(identity__gt=pagination.decode(query.cursor, str))
        identities = list(found.values_list("identity", flat=True).distinct()[: query.limit + 1])
        shown = identities[: query.limit]
        following = pagination.encode(shown[-1]) if len(identities) > query.limit else None
        items = [DatasetSummary.of(row) for row in lineage.counted(self.actor, shown)]
        return pagination.respond_page(request, DatasetList(items=items, next=following))


class DatasetView(Endpoint):
    """/datasets/{key}"""

    @Operation("getDataset", "Read a dataset", "datasets", {200: DatasetSummary}, refusals=(409,))
    def get(self, request: Request, key: str) -> Response:
        """Return a dataset by its identity or its digest."""
        found = lineage.dataset(self.actor, key)
        (row,) = lineage.counted(self.actor, [found.identity])
        return respond(DatasetSummary.of(row))


class DependentsView(Endpoint):
    """/datasets/{key}/dependents"""

    @Operation(
        "listDependents", "List the versions that depend on a dataset", "datasets", {200: DependentList},
        query=DependentsQuery, refusals=(409,),
    )  # fmt: skip
    def get(self, request: Request, key: str) -> Response:
        """List the versions that use the dataset, directly or through a parent version, newest first.

        `?stage=production` limits the list to versions in production.
        """
        query = self.query(DependentsQuery)
        found = lineage.dataset(self.actor, key)
        rows, following = pagination.by_keys(
            lineage.dependents(self.actor, found.identity, stage=query.stage), pagination.NEWEST_FIRST, query
        )
        weight = lineage.dataset_usage(self.actor, found.identity)
        return pagination.respond_page(
            request,
            DependentList(
                items=[Dependent.of(version) for version in rows],
                next=following,
                by_stage=weight.by_stage,
                hidden=weight.hidden,
            ),
        )


class LineageView(Endpoint):
    """/models/{slug}/versions/{number}/lineage"""

    @Operation("getLineage", "Read a version's lineage", "datasets", {200: LineageResponse})
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return the ancestors and descendants of the version, up to two steps away."""
        version = selectors.version(self.actor, slug, number)
        near = lineage.lineage_neighbourhood(self.actor, version)
        versions = {v.pk: v for v in (version, *near.ancestors, *near.descendants)}

        def listed(rows: tuple[ModelVersion, ...]) -> list[LineageVersion]:
            return [
                LineageVersion(
                    model=v.model.slug,
                    version=v.number,
                    stage=v.stage.slug,
                    parents=sorted(_named(versions[parent]) for child, parent in near.edges if child == v.pk),
                    url=url_of(v),
                )
                for v in rows
            ]

        return respond(
            LineageResponse(
                version=_named(version),
                ancestors=listed(near.ancestors),
                descendants=listed(near.descendants),
                datasets=[
                    LineageDataset(**DatasetResponse.of(d).model_dump(), version=_named(versions[d.version_id]))
                    for d in near.datasets
                ],
                hidden=near.hidden,
                cut=near.cut,
            )
        )


def _named(version: ModelVersion) -> str:
    return f"{version.model.slug}/{version.number}"
