"""Additions to a declared version: metrics, model card, evidence files."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance.documents.completeness import completeness
from governance.interfaces.rest import artifacts, parsers
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.idempotency import idempotent
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import (
    IntQuery,
    PersonResponse,
    QueryParams,
    RequestBody,
    ResponseBody,
    TextQuery,
    UtcDateTime,
)
from governance.interfaces.rest.version_inputs import MetricCreate
from governance.interfaces.rest.version_schemas import EvidenceResponse, MetricResponse, url_of
from governance.services import evidence as service
from registry import model_card as cards
from registry import selectors
from registry.exceptions import NotFoundError
from registry.models import ModelCard, ModelVersion
from registry.services import downloads
from registry.services.versions import MetricSpec


class MetricsCreate(RequestBody):
    """The metrics to add."""

    metrics: list[MetricCreate] = Field(min_length=1, max_length=1000)


class MetricsResponse(ResponseBody):
    """The metrics that were added."""

    metrics: list[MetricResponse]


class CardCreate(RequestBody):
    """A model card."""

    text: str = Field(min_length=1, description="YAML front matter and Markdown.")


class CardResponse(ResponseBody):
    """A revision of a model card."""

    revision: int
    sha256: str
    text: str
    added_by: PersonResponse
    added_at: UtcDateTime


class CardQuery(QueryParams):
    """Which revision to return."""

    revision: IntQuery | None = Field(None, ge=1, le=999_999_999, description="The newest if omitted.")


class SectionResponse(ResponseBody):
    """A section of a model card, as written."""

    title: str
    markdown: str


class MissingSection(ResponseBody):
    """A required part of the card that is missing or empty."""

    code: str
    where: str
    detail: str


class ParsedCard(CardResponse):
    """A revision of a model card, parsed, with the required parts that are missing."""

    revisions: int = Field(description="Number of revisions.")
    metadata: dict[str, Any] = Field(description="The front matter.")
    sections: list[SectionResponse] = Field(
        description="Top-level sections with their subsections. The text before the first heading has no title."
    )
    asked: int = Field(description="Number of required parts.")
    lacks: list[MissingSection] = Field(
        description="The required parts that are missing or unfinished, as determined by docs.model_card."
    )
    policy: str = Field(description="The policy that sets the requirements; empty for the defaults of the check.")
    unreadable: str = Field(description="Why the card could not be parsed; empty if it was parsed.")


class EvidenceQuery(QueryParams):
    """Properties of the file."""

    filename: TextQuery = Field(max_length=250, description="File name without directories.")
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$", description="Expected SHA-256 of the file.")


class MetricsView(Endpoint):
    """/models/{slug}/versions/{number}/metrics"""

    @Operation("addMetrics", "Add metrics", "evidence", {201: MetricsResponse}, body=MetricsCreate, idempotent=True)
    def post(self, request: Request, slug: str, number: int) -> HttpResponseBase:
        """Add metrics. For the same name, dataset and slice the newest value counts.

        Open promotion requests are evaluated again, and approvals given for other values lapse.
        """
        given = self.body(MetricsCreate)
        version = selectors.version(self.actor, slug, number)

        def add() -> Response:
            added = service.attach_metrics(
                actor=self.actor, version=version, metrics=[MetricSpec(**m.model_dump()) for m in given.metrics]
            )
            return respond(
                MetricsResponse(
                    metrics=[
                        MetricResponse(
                            name=m.name, value=m.value, dataset=m.dataset, slice=m.slice, revision=m.revision
                        )
                        for m in added
                    ]
                ),
                201,
            )

        return idempotent(request, self.actor, self.raw_body(), add)


class CardView(Endpoint):
    """/models/{slug}/versions/{number}/card"""

    @Operation("getCard", "Read the model card", "evidence", {200: ParsedCard}, query=CardQuery, etag=True)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return the newest or the requested revision of the version's model card.

        The response has the text, the parsed content, and the required parts that are missing.
        """
        wanted_revision = self.query(CardQuery).revision
        version = selectors.version(self.actor, slug, number)
        newest = selectors.card_of(version)
        card = newest
        if newest is not None and wanted_revision is not None:
            card = selectors.card_revisions(version).filter(revision=wanted_revision).first()
        if newest is None or card is None:
            what = f"revision {wanted_revision} of its model card" if newest is not None else "model card yet"
            raise NotFoundError(f"Version {number} of {slug} has no {what}.")
        return self.respond_with_etag(
            f"{slug}-v{number}-card", card.revision, _read_card(version, card, newest.revision)
        )

    @Operation("putCard", "Add a revision of the model card", "evidence", {200: CardResponse}, body=CardCreate)
    def put(self, request: Request, slug: str, number: int) -> Response:
        """Add a revision of the model card. Earlier revisions are kept; the same text again changes nothing.

        Open promotion requests are evaluated again.
        """
        given = self.body(CardCreate)
        version = selectors.version(self.actor, slug, number)
        return respond(_card(service.attach_card(actor=self.actor, version=version, text=given.text)))


class EvidenceView(Endpoint):
    """/models/{slug}/versions/{number}/evidence/{kind}"""

    @Operation(
        "addEvidence",
        "Add an evidence file",
        "evidence",
        {201: EvidenceResponse},
        binary_body=True,
        query=EvidenceQuery,
        idempotent=True,
    )
    def post(self, request: Request, slug: str, number: int, kind: str) -> HttpResponseBase:
        """Upload an evidence file as the request body. Checks that wait for this kind of evidence are then started.

        A file that no check of this kind can read is refused with the message of the check (`unreadable_evidence`).
        """
        query = self.query(EvidenceQuery)
        stream, announced = parsers.upload(request)
        version = selectors.version(self.actor, slug, number)
        # The bytes are stored first, outside the transaction; the digest represents them from then on.
        blob = service.store_evidence(
            actor=self.actor,
            version=version,
            kind=kind,
            filename=query.filename,
            stream=stream,
            sha256=query.sha256,
            announced=announced,
        )

        def add() -> Response:
            added = service.attach_stored(
                actor=self.actor, version=version, kind=kind, filename=query.filename, blob=blob
            )
            return respond(
                EvidenceResponse(
                    kind=added.kind,
                    filename=added.filename,
                    sha256=blob.sha256,
                    size=blob.size,
                    revision=added.revision,
                    added_at=added.added_at,
                    url=f"{url_of(version)}/evidence/{kind}",
                ),
                201,
            )

        return idempotent(request, self.actor, f"{query.filename}\n{blob.sha256}", add)

    @Operation("downloadEvidence", "Download an evidence file", "evidence", {200: "The bytes."}, file=True, etag=True)
    def get(self, request: Request, slug: str, number: int, kind: str) -> HttpResponseBase:
        """Download the newest evidence file of this kind. The download is recorded with the digest."""
        version = selectors.version(self.actor, slug, number)
        newest = selectors.evidence_revisions(version, kind).first()
        if newest is None:
            raise NotFoundError(f"Version {number} of {slug} has no evidence of the kind “{kind}”.")
        newest.version = version
        return artifacts.send(
            request,
            sha256=newest.blob.sha256,
            size=newest.blob.size,
            filename=newest.filename,
            take=lambda: downloads.evidence(actor=self.actor, evidence=newest),
        )


def _card(card: ModelCard) -> CardResponse:
    return CardResponse(
        revision=card.revision,
        sha256=card.sha256,
        text=card.text,
        added_by=PersonResponse.of(card.added_by),
        added_at=card.added_at,
    )


def _read_card(version: ModelVersion, card: ModelCard, revisions: int) -> ParsedCard:
    state = completeness(version, card.text)
    metadata: dict[str, Any] = {}
    sections = [SectionResponse(title="", markdown=card.text)] if state.unreadable else []
    unreadable = state.unreadable
    try:
        found = cards.parse(card.text)
        metadata = {name: cards.to_json_value(value) for name, value in found.metadata.items()}
        sections = [SectionResponse(title=s.title, markdown=found.source(s)) for s in cards.top_sections(found)]
    except cards.ModelCardParseError as fault:
        unreadable = str(fault)
    return ParsedCard(
        **_card(card).model_dump(),
        revisions=revisions,
        metadata=metadata,
        sections=sections,
        asked=state.required,
        lacks=[MissingSection(code=x.code, where=x.where, detail=x.message) for x in state.missing],
        policy=state.policy,
        unreadable=unreadable,
    )
