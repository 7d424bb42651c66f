"""Comparison of two versions."""

from __future__ import annotations

from pydantic import ConfigDict, Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance import selectors as deciding
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import QueryParams, ResponseBody, TextQuery
from registry import selectors
from registry.comparison import Comparison
from registry.models import ModelVersion


class ComparisonQuery(QueryParams):
    """The second model, and the extent of the comparison."""

    model: TextQuery | None = Field(
        None, max_length=200, description="The model of the second version; the same model if omitted."
    )
    all: bool = Field(False, description="Whether to include unchanged items.")


class _Read(ResponseBody):
    model_config = ConfigDict(from_attributes=True, json_schema_serialization_defaults_required=True)


class ComparisonSideResponse(_Read):
    """One of the compared versions."""

    model: str
    number: int
    fingerprint: str


class ChangeCountsResponse(ResponseBody):
    """The number of differences of each kind."""

    metrics: int
    parameters: int
    signature: int
    card: int
    data: int
    dependencies: int
    code: int
    artifacts: int


class MetricBoundResponse(_Read):
    """The limit that a policy in force sets on a metric."""

    op: str
    value: float


class MetricComparison(_Read):
    """A metric of one or both versions."""

    name: str
    dataset: str
    slice: str
    before: float | None
    after: float | None
    delta: float | None
    kind: str = Field(description="added, removed, better, worse, changed or same")
    bound: MetricBoundResponse | None
    within: bool | None = Field(description="Whether the second version's value is within the limit.")


class ValueComparison(_Read):
    """A named value. A value that is not text is given as JSON."""

    name: str
    before: str | None
    after: str | None
    kind: str = Field(description="added, removed, changed or same")


class FieldComparison(_Read):
    """A difference between the model signatures."""

    side: str = Field(description="inputs, outputs or params")
    name: str
    aspect: str = Field(description="presence, type, required, shape, order, default or value")
    before: str | None
    after: str | None
    says: str = Field(validation_alias="description")
    breaking: bool = Field(description="Whether clients written for the first version fail or misinterpret the output.")


class SignatureComparison(_Read):
    """Differences between the model signatures."""

    changes: list[FieldComparison]
    unread: list[str] = Field(description="Sides in an unknown format, compared as values.")
    same: int


class DiffSegmentResponse(_Read):
    """A segment of a text diff.

    Segments that are not `added`, joined, give the first text; segments that are not `removed` give the second.
    """

    kind: str = Field(description="same, removed or added")
    text: str


class SectionComparison(ResponseBody):
    """A section of the model card. The text before the first heading has no title."""

    title: str
    kind: str = Field(description="added, removed, changed or same")
    how: str = Field(description="words; lines or whole if the text is too long")
    pieces: list[DiffSegmentResponse]


class CardComparison(ResponseBody):
    """Differences between the model cards."""

    metadata: list[ValueComparison]
    sections: list[SectionComparison]
    unreadable: str = Field(description="Why the cards were compared as plain text; empty if they could be parsed.")


class DatasetSide(_Read):
    """A dataset reference of one version."""

    reference: str
    uri: str
    algorithm: str
    digest: str
    strength: str


class DatasetComparison(_Read):
    """A dataset, matched by role and name."""

    role: str
    name: str
    kind: str
    before: DatasetSide | None
    after: DatasetSide | None
    identity: str = Field(description="same, other, or unproven if there is no digest")
    says: str = Field(validation_alias="description")


class PackageComparison(_Read):
    """A package of the locked environment."""

    name: str
    before: str | None
    after: str | None
    kind: str = Field(description="added, removed, upgraded, downgraded, changed or same")
    major: bool


class DependenciesComparison(ResponseBody):
    """Differences between the locked environments."""

    how: str = Field(description="packages; lines if a lock file is too long or in an unknown format")
    forms: list[str] = Field(description="The format of each lock file.")
    packages: list[PackageComparison]
    other: list[ValueComparison] = Field(description="Lines that could not be parsed, as text.")
    left_out: int = Field(description="Number of further lines that differ.")


class FileSide(_Read):
    """A file of one version."""

    sha256: str
    size: int


class FileComparison(_Read):
    """A file, matched by path."""

    path: str
    kind: str = Field(description="added, removed, changed, moved or same")
    was_at: str
    before: FileSide | None
    after: FileSide | None


class ComparisonResponse(ResponseBody):
    """Differences of the second version from the first."""

    a: ComparisonSideResponse
    b: ComparisonSideResponse
    total: int
    counts: ChangeCountsResponse
    metrics: list[MetricComparison]
    parameters: list[ValueComparison]
    signature: SignatureComparison
    card: CardComparison
    data: list[DatasetComparison]
    dependencies: DependenciesComparison
    code: list[ValueComparison]
    artifacts: list[FileComparison]


class ComparisonView(Endpoint):
    """/models/{slug}/compare/{before}..{after}"""

    @Operation("compareVersions", "Compare two versions", "versions", {200: ComparisonResponse}, query=ComparisonQuery)
    def get(self, request: Request, slug: str, before: int, after: int) -> Response:
        """Compare version `after` with version `before`.

        Both versions belong to the same model, or, with `model`, to two models that you may see. Breaking changes of
        the model signature are marked.
        """
        query = self.query(ComparisonQuery)
        first = selectors.version(self.actor, slug, before)
        second: ModelVersion = selectors.version(self.actor, query.model or slug, after)
        return respond(_shown(deciding.compare_with_limits(first, second), everything=query.all))


def _shown(found: Comparison, *, everything: bool) -> ComparisonResponse:
    def values(rows: object) -> list[ValueComparison]:
        return [ValueComparison.model_validate(v) for v in rows if everything or v.differs]  # type: ignore[attr-defined]  # both row types have it

    dependencies = found.dependencies
    return ComparisonResponse(
        a=ComparisonSideResponse.model_validate(found.a),
        b=ComparisonSideResponse.model_validate(found.b),
        total=found.total,
        counts=ChangeCountsResponse(**found.counts),
        metrics=[MetricComparison.model_validate(m) for m in found.metrics if everything or m.differs],
        parameters=values(found.parameters),
        signature=SignatureComparison.model_validate(found.signature),
        card=CardComparison(
            metadata=values(found.card.metadata),
            sections=[
                SectionComparison(
                    title=s.title,
                    kind=s.kind,
                    how=str(s.text.how),
                    pieces=[DiffSegmentResponse(kind=str(p.kind), text=p.text) for p in s.text.pieces],
                )
                for s in found.card.sections
                if everything or s.kind != "same"
            ],
            unreadable=found.card.unreadable,
        ),
        data=[DatasetComparison.model_validate(d) for d in found.data if everything or d.differs],
        dependencies=DependenciesComparison(
            how=dependencies.how,
            forms=list(dependencies.forms),
            packages=[
                PackageComparison.model_validate(p) for p in dependencies.packages if everything or p.kind != "same"
            ],
            other=values(dependencies.other),
            left_out=dependencies.left_out,
        ),
        code=values(found.facts),
        artifacts=[FileComparison.model_validate(f) for f in found.files if everything or f.differs],
    )
