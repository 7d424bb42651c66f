"""The sign-offs of the regulatory document of a version. People sign on the page; a token signs nothing."""

from __future__ import annotations

from django.conf import settings
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.schemas import PersonResponse, ResponseBody, UtcDateTime
from governance.services import sign_offs
from registry import access, selectors
from registry.exceptions import PermissionDeniedError


class SignOffResponse(ResponseBody):
    """The signature of a person under a part as it is now."""

    person: PersonResponse
    roles: list[str] = Field(description="Roles of the person on the model when they signed.")
    signed_name: str
    meaning: str
    signed_at: UtcDateTime


class DocumentPartResponse(ResponseBody):
    """A part of the document."""

    point: str
    title: str
    sha256: str = Field(description="Digest of the content of the part, for which a signature is valid.")
    sign_offs: list[SignOffResponse]


class SignOffsResponse(ResponseBody):
    """The newest regulatory document of a version, with the signatures of each part."""

    filename: str
    revision: int
    document_sha256: str
    problem: str = Field(description="Why the document cannot be read; empty if it can.")
    parts: list[DocumentPartResponse]
    page: str = Field(description="Where people sign.")

    @classmethod
    def of(cls, document: sign_offs.SignableDocument, page: str) -> SignOffsResponse:
        return cls(
            filename=document.evidence.filename,
            revision=document.evidence.revision,
            document_sha256=document.evidence.blob_id,
            problem=document.problem,
            parts=[
                DocumentPartResponse(
                    point=part.clause,
                    title=part.title,
                    sha256=part.digest,
                    sign_offs=[
                        SignOffResponse(
                            person=PersonResponse.of(one.person),
                            roles=one.roles,
                            signed_name=one.signed_name,
                            meaning=one.signed_meaning,
                            signed_at=one.signed_at,
                        )
                        for one in part.sign_offs
                    ],
                )
                for part in document.parts
            ],
            page=page,
        )


class SignOffsView(Endpoint):
    """/models/{slug}/versions/{number}/sign-offs"""

    @Operation("listSignOffs", "Read who signed the regulatory document", "evidence", {200: SignOffsResponse})
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Return the parts of the newest document of the kind docs.regulatory, with the signatures of each."""
        access.require_scope(self.actor, "models:read")
        version = selectors.version(self.actor, slug, number)
        return respond(SignOffsResponse.of(sign_offs.signable_document(version), _page(slug, number)))

    @Operation("signDocument", "Always refused: people sign on the page", "evidence", {})
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Always refused: tokens do not sign. The error names the page where people sign."""
        version = selectors.version(self.actor, slug, number)
        raise PermissionDeniedError(
            f"No token signs the document of version {version.number}: people sign in and sign at "
            f"{_page(slug, number)}",
            code="person_required",
        )


def _page(slug: str, number: int) -> str:
    return f"{settings.PUBLIC_URL}/models/{slug}/versions/{number}/sign-off/"
