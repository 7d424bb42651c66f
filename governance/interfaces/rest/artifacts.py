"""Files of a version: upload streams that are hashed while they are read; downloads that are recorded."""

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
from registry.services import downloads, uploads
from registry.services import versions as service


class UploadsCreate(RequestBody):
    """The files to upload."""

    paths: list[str] = Field([], max_length=10_000, description="Paths of declared files; all files if empty.")


class UploadResponse(ResponseBody):
    """The remaining step for one file: send it to `url`. If `url` is null, there is nothing to send."""

    path: str
    sha256: str
    size: int
    state: str = Field(
        description="stored, missing, examining (a worker verifies it), refused or failed (upload it again)"
    )
    detail: str = Field(description="The error, if it was refused or failed.")
    method: str
    url: str | None = Field(
        description="The upload URL, of this API or of the bucket; null if nothing has to be uploaded."
    )
    headers: dict[str, str] = Field(
        description="Send these headers unchanged; a presigned URL is only valid with them."
    )
    with_token: bool = Field(description="Whether to send the access token. It must not be sent to another host.")
    expires_at: UtcDateTime | None = Field(description="Expiry of the URL. Repeat the call for a new one.")


class UploadList(ResponseBody):
    """The remaining step for each file."""

    uploads: list[UploadResponse]


class UploadsView(Endpoint):
    """/models/{slug}/versions/{number}/artifacts"""

    @Operation("orderUploads", "Get upload URLs", "versions", {200: UploadList}, body=UploadsCreate, refusals=(409,))
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Return for each declared file whether it must be uploaded, and where.

        PUT the bytes to `url` with `headers`. Repeat the call when a URL has expired or a transfer failed. Then
        complete the version. A file that you may download from another version need not be uploaded.
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
    """Properties of the file."""

    sha256: str | None = Field(
        None, pattern=r"^[0-9a-f]{64}$", description="Expected SHA-256 of the file, if it is not in the declaration."
    )
    reason: str | None = Field(
        None,
        max_length=5_000,
        description="Reason of the promotion request that is opened if the version has held a protected place since "
        "before governance; part of what approvers sign.",
    )


class DownloadQuery(QueryParams):
    """Whether to return a file that is not covered by an approval."""

    unapproved: Literal["true"] | None = Field(
        None, description="`true` to download a file that no approval covers, in order to review it."
    )


class ArtifactSent(ArtifactResponse):
    """An uploaded file, and the live promotion requests that cover it."""

    requests: list[str] = Field(
        description="The requests to approve the version again for the protected placements that it holds."
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
        """Upload the bytes of a file as the request body.

        The bytes are hashed while they arrive, and stored only if they match the declaration. A version that was
        registered by its source only accepts each file once, until its first promotion to a protected stage. Uploading
        the same file again changes nothing.

        If an import put such a version in a protected placement, the upload opens a promotion request, listed in
        `requests`. The file is not served as approved until that request is promoted.
        """
        query = self.query(UploadQuery)
        stream, announced = parsers.upload(request)
        version = selectors.version(self.actor, slug, number)
        if version.source_only and version.status == version.Status.REGISTERED:
            attached = evidence.attach_file(
                actor=self.actor,
                version=version,
                path=path,
                stream=stream,
                sha256=query.sha256,
                reason=query.reason or "",
            )
            inputs = approved_inputs(approvals.approvals(attached.artifact.version))
            shown = ArtifactResponse.of(attached.artifact, url_of(version), inputs)
            requests = [url_of_request(made) for made in attached.requests]
            return respond(ArtifactSent(**dict(shown), requests=requests))
        artifact = service.store_artifact(
            actor=self.actor, version=version, path=path, stream=stream, announced=announced
        )
        return respond(ArtifactSent(**dict(ArtifactResponse.of(artifact, url_of(version))), requests=[]))

    @Operation("downloadArtifact", "Download a file", "versions", {200: "The bytes."}, file=True, etag=True,
               query=DownloadQuery, refusals=(409,))  # fmt: skip
    def get(self, request: Request, slug: str, number: int, path: str) -> HttpResponseBase:
        """Download the bytes of a file. The download is recorded with the digest.

        A file attached after the version was put in a protected placement is not part of what was approved. It is sent
        only with `unapproved=true`.
        """
        query = self.query(DownloadQuery)
        version = selectors.version(self.actor, slug, number)
        artifact = selectors.artifact(version, path)
        if artifact is None:
            raise NotFoundError(f"Version {number} of {slug} declares no file “{path}”.")
        artifact.version = version
        if query.unapproved is None:
            approvals.refuse_unapproved(artifact)
        return send(
            request,
            sha256=artifact.sha256,
            size=artifact.size,
            filename=path.rpartition("/")[2],
            take=lambda: downloads.artifact(actor=self.actor, artifact=artifact),
        )


def send(request: Request, *, sha256: str, size: int, filename: str, take: Callable[[], BinaryIO]) -> HttpResponseBase:
    """Return a stored file as an attachment with its digest (RFC 9530), or 304 if the caller has it.

    Args:
        sha256: hex digest of the file; also its ETag.
        size: bytes.
        filename: name in Content-Disposition.
        take: authorises, records the download, and opens the file. Not called for 304 and HEAD responses.
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
    # Fixed media type: browsers must not render a file, whatever it contains.
    response = FileResponse(
        take(), as_attachment=True, filename=filename, content_type="application/octet-stream", headers=headers
    )
    response.headers["Content-Length"] = str(size)  # Django sets the length only for files on a local disk.
    return response
