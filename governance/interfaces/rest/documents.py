"""The technical document of a version, as JSON and as PDF."""

from __future__ import annotations

from typing import Any, Literal

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from governance.documents import building, pdf_files, pdf_metadata, reading
from governance.documents.pdf_files import Printed
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import IntQuery, QueryParams, ResponseBody, UtcDateTime
from governance.models import FrozenDocument
from registry import access, selectors
from registry.exceptions import NotFoundError, PermissionDeniedError
from registry.models import ModelVersion


class DocumentQuery(QueryParams):
    """Which document to return."""

    frozen: IntQuery | None = Field(
        None,
        ge=1,
        le=999_999_999,
        description="Number of the promotion on which it was frozen; the current document if omitted.",
    )


class FrozenDocumentResponse(ResponseBody):
    """A frozen document."""

    promotion: int
    to: str
    digest: str
    missing: int
    frozen_at: UtcDateTime
    event: str


class DocumentResponse(ResponseBody):
    """A technical document. `digest` is the SHA-256 of `document` as canonical JSON (RFC 8785)."""

    digest: str
    frozen: FrozenDocumentResponse | None = Field(description="Null for the current document.")
    others: list[FrozenDocumentResponse] = Field(description="All frozen documents, newest first.")
    document: dict[str, Any] = Field(
        description="The content in the structure of its template, with missing information and where to enter it."
    )
    page: str


class PendingDocument(ResponseBody):
    """The PDF is being rendered: repeat the request after `Retry-After` seconds."""

    state: Literal["preparing"]


class DocumentView(Endpoint):
    """/models/{slug}/versions/{number}/document"""

    @Operation("getDocument", "Read the technical document", "versions", {200: DocumentResponse}, query=DocumentQuery)
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return the technical document of a version in the structure of Annex IV to Regulation (EU) 2024/1689.

        It is the current document, or the one frozen when a promotion moved the version to a protected stage.
        """
        version = selectors.version(self.actor, slug, number)
        frozen = _frozen(version, self.query(DocumentQuery).frozen)
        content, digest = _content(version, frozen)
        return respond(
            DocumentResponse(
                digest=digest,
                frozen=_row(frozen) if frozen is not None else None,
                others=[_row(row) for row in reading.frozen_documents(version)],
                document=content,
                page=_page(version, frozen),
            )
        )


class DocumentPdfView(Endpoint):
    """/models/{slug}/versions/{number}/document.pdf"""

    @Operation(
        "downloadDocument",
        "Download the technical document as PDF",
        "versions",
        {200: "The PDF.", 202: PendingDocument},
        query=DocumentQuery,
        file=True,
    )
    def get(self, request: Request, slug: str, number: int) -> HttpResponseBase:
        """Return the technical document as PDF; a frozen document is rendered from its frozen content.

        A worker renders a long document: the response is 202 with `Retry-After` until the PDF is ready.
        """
        version = selectors.version(self.actor, slug, number)
        frozen = _frozen(version, self.query(DocumentQuery).frozen)
        content, digest = _content(version, frozen)
        person = access.person_of(self.actor)
        about = pdf_metadata.pdf_metadata_for(
            content,
            digest,
            frozen,
            printed_by=person.name if person is not None else self.actor.id,
            printed_at=clock.now(),
            permalink=_page(version, frozen),
        )
        if person is None:
            raise PermissionDeniedError("A process downloads no documents.")
        body = pdf_files.pdf_of(Printed("document", content, about), requested_by=person)
        if body is None:
            return respond(PendingDocument(state="preparing"), 202, {"Retry-After": str(pdf_files.RETRY_AFTER)})
        response = HttpResponse(body, content_type="application/octet-stream")
        response["Content-Disposition"] = f'attachment; filename="{slug}-v{number}-document.pdf"'
        return response


def _frozen(version: ModelVersion, promotion: int | None) -> FrozenDocument | None:
    if promotion is None:
        return None
    found = reading.frozen_document(version, promotion)
    if found is None:
        raise NotFoundError(f"No document of {version} was frozen on a promotion #{promotion}.")
    return found


def _content(version: ModelVersion, frozen: FrozenDocument | None) -> tuple[dict[str, Any], str]:
    if frozen is not None:
        return reading.content_of(frozen), frozen.digest
    built = building.build(version)
    return built.content, built.digest


def _row(document: FrozenDocument) -> FrozenDocumentResponse:
    return FrozenDocumentResponse(
        promotion=document.request_id,
        to=document.request.target_name,
        digest=document.digest,
        missing=document.missing,
        frozen_at=document.created_at,
        event=str(document.event),
    )


def _page(version: ModelVersion, frozen: FrozenDocument | None) -> str:
    where = f"{settings.PUBLIC_URL}/models/{version.model.slug}/versions/{version.number}/document/"
    return f"{where}?frozen={frozen.request_id}" if frozen is not None else where
