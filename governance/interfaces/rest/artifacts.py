"""Files of a version: streamed in, hashed on the way; streamed out, with a record of who took which."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import BinaryIO, Literal
from urllib.parse import quote

from django.http import FileResponse, HttpResponse, HttpResponseBase
from pydantic import Field
from rest_framework.request import Request
from rest_framework.response import Response

from audit import clock
from governance.gate import approvals
from governance.interfaces.rest import parsers, preconditions
from governance.interfaces.rest.approval_schemas import approved_inputs
from governance.interfaces.rest.endpoint import Endpoint, respond
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.promotion_schemas import url_of as url_of_request
from governance.interfaces.rest.schemas import QueryParams, RequestBody, ResponseBody, UtcDateTime
from governance.interfaces.rest.version_schemas import ArtifactResponse, url_of
from governance.services import evidence
from registry import selectors
from registry.exceptions import NotFoundError
from registry.models import Artifact
from registry.services import downloads, uploads
from registry.services import versions as service


class UploadsCreate(RequestBody):
    """Which files."""

    paths: list[str] = Field([], max_length=10_000, description="Paths of declared files; all where none is named.")


class UploadResponse(ResponseBody):
    """What is left to do for a file: send it to `url`, where there is one; otherwise nothing."""

    path: str
    sha256: str
    size: int
    state: str = Field(description="stored, missing, examining (a worker reads it), refused or failed (send it again)")
    detail: str = Field(description="Where it was refused or failed: what was wrong.")
    method: str
    url: str | None = Field(description="Where its bytes go: an address of this interface, or of the bucket.")
    headers: dict[str, str] = Field(description="To be sent as they are; a signed address is good with them alone.")
    with_token: bool = Field(description="Whether the access token goes with it. It never goes to another host.")
    expires_at: UtcDateTime | None = Field(description="Until when the address is good. Ask again for another.")


class UploadList(ResponseBody):
    """What is left to do for each file."""

    uploads: list[UploadResponse]


class UploadsView(Endpoint):
    """/models/{slug}/versions/{number}/artifacts"""

    @Operation("orderUploads", "Ask where files go", "versions", {200: UploadList}, body=UploadsCreate, refusals=(409,))
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Say for each declared file whether it has to be sent, and where: PUT its bytes to `url` with `headers`. Ask
        again whenever an address has expired or a transfer broke. Then complete the version.

        A file that you may download from another version need not be sent.
        """
        given = self.body(UploadsCreate)
        version = selectors.version(self.actor, slug, number)
        orders = uploads.upload_instructions(actor=self.actor, version=version, paths=given.paths)
        return respond(UploadList(uploads=[_order(order, url_of(version)) for order in orders]))


def _order(order: uploads.UploadInstruction, version_url: str) -> UploadResponse:
    file, address = order.artifact, order.address
    nothing_to_do = order.stored or order.examining
    ours = address is None and not nothing_to_do
    url = address.url if address is not None else f"{version_url}/artifacts/{quote(file.path)}" if ours else None
    return UploadResponse(
        path=file.path,
        sha256=file.sha256,
        size=file.size,
        state=uploads.upload_state(file),
        detail=uploads.upload_error(file),
        method="PUT",
        url=url,
        headers=dict(address.headers) if address is not None else {},
        with_token=ours,
        expires_at=clock.now() + timedelta(seconds=address.seconds) if address is not None else None,
    )


class UploadQuery(QueryParams):
    """What the file is."""

    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="What the bytes must have, where no declaration says it."
    )
    reason: str | None = Field(
        None,
        max_length=5_000,
        description="Of the promotion request that is opened where the version stands in a protected place since "
        "before governance; the approvers sign it.",
    )


class DownloadQuery(QueryParams):
    """Whether a file may be one that nobody approved."""

    unapproved: Literal["true"] | None = Field(
        None, description="`true` to read a file that no promotion covers, in order to review it."
    )


class ArtifactSent(ArtifactResponse):
    """A file that was sent, and the live requests that cover it."""

    requests: list[str] = Field(
        description="The requests to approve the version again in the protected places that it holds."
    )


class ArtifactView(Endpoint):
    """/models/{slug}/versions/{number}/artifacts/{path}"""

    @Operation(
        "uploadArtifact",
        "Upload a file",
        "versions",
        {200: ArtifactSent},
        binary_body=True,
        query=UploadQuery,
        refusals=(409,),
    )
    def put(self, request: Request, slug: str, number: int, path: str) -> Response:
        """Send a file's bytes as the body. They are hashed while they arrive, and kept only if they are what was
        declared. A version that was registered by its source alone takes files later, each once, until it is first
        promoted into a protected stage. Sending a file again changes nothing.

        Where an import put such a version in a protected place, a file opens a promotion request, in `requests`: what
        is served stays as it was until that is promoted."""
        asked = self.query(UploadQuery)
        stream, announced = parsers.upload(request)
        version = selectors.version(self.actor, slug, number)
        if version.source_only and version.status == version.Status.REGISTERED:
            attached = evidence.attach_file(
                actor=self.actor,
                version=version,
                path=path,
                stream=stream,
                sha256=asked.sha256,
                reason=asked.reason or "",
            )
            shown = ArtifactResponse.of(attached.artifact, url_of(version), approved_inputs(attached.artifact.version))
            requests = [url_of_request(made) for made in attached.requests]
            return respond(ArtifactSent(**dict(shown), requests=requests))
        artifact = service.store_artifact(
            actor=self.actor, version=version, path=path, stream=stream, announced=announced
        )
        return respond(ArtifactSent(**dict(ArtifactResponse.of(artifact, url_of(version))), requests=[]))

    @Operation("downloadArtifact", "Download a file", "versions", {200: "The bytes."}, file=True, etag=True,
               query=DownloadQuery, refusals=(409,))  # fmt: skip
    def get(self, request: Request, slug: str, number: int, path: str) -> HttpResponseBase:
        """The bytes of a file. Who took which digest is recorded. A file that was attached after the version was put in
        a protected place is no part of what was approved, and is sent to those who ask for it as such only."""
        asked = self.query(DownloadQuery)
        version = selectors.version(self.actor, slug, number)
        artifact = Artifact.objects.filter(version=version, path=path).first()
        if artifact is None:
            raise NotFoundError(f"Version {number} of {slug} declares no file “{path}”.")
        artifact.version = version
        if asked.unapproved is None:
            approvals.refuse_unapproved(artifact)
        return send(
            request,
            sha256=artifact.sha256,
            size=artifact.size,
            filename=path.rpartition("/")[2],
            take=lambda: downloads.artifact(actor=self.actor, artifact=artifact),
        )


def send(request: Request, *, sha256: str, size: int, filename: str, take: Callable[[], BinaryIO]) -> HttpResponseBase:
    """A stored file as an attachment, with its digest (RFC 9530); 304 where the caller has it.

    Args:
        take: asks, records, and opens the bytes. Not called where no bytes are sent.
    """
    headers = {
        "ETag": f'"{sha256}"',
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(sha256)).decode()}:",
        "Accept-Ranges": "none",
        "X-Content-Type-Options": "nosniff",
    }
    if preconditions.matches_etag(request, headers["ETag"]):
        return HttpResponse(status=304, headers=headers)
    if request.method == "HEAD":
        return HttpResponse(content_type="application/octet-stream", headers={**headers, "Content-Length": str(size)})
    # Never shown by a browser, whatever is in it: the type is not guessed from the name.
    response = FileResponse(
        take(), as_attachment=True, filename=filename, content_type="application/octet-stream", headers=headers
    )
    response.headers["Content-Length"] = str(size)  # which Django reads off a file on a disk alone
    return response
