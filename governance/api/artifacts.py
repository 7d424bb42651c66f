"""Files of a version: streamed in, hashed on the way; streamed out, with a record of who took which."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import BinaryIO

from django.http import FileResponse, HttpResponse, HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response

from governance.api import bodies, preconditions
from governance.api.endpoint import Endpoint, answer
from governance.api.operation import Operation
from governance.api.version_shapes import ArtifactShown, url_of
from registry import selectors
from registry.exceptions import NotFound
from registry.models import Artifact
from registry.services import downloads
from registry.services import versions as service


class ArtifactView(Endpoint):
    """/models/{slug}/versions/{number}/artifacts/{path}"""

    @Operation("uploadArtifact", "Upload a file", "versions", {200: ArtifactShown}, raw=True, refusals=(409,))
    def put(self, request: Request, slug: str, number: int, path: str) -> Response:
        """Send a declared file's bytes as the body. They are hashed while they arrive, and kept only if they are what
        was declared. Sending them again changes nothing."""
        stream, _ = bodies.upload(request)
        version = selectors.version(self.actor, slug, number)
        artifact = service.store_artifact(actor=self.actor, version=version, path=path, stream=stream)
        return answer(ArtifactShown.of(artifact, url_of(version)))

    @Operation("downloadArtifact", "Download a file", "versions", {200: "The bytes."}, file=True, tagged=True)
    def get(self, request: Request, slug: str, number: int, path: str) -> HttpResponseBase:
        """The bytes of a file. Who took which digest is recorded."""
        version = selectors.version(self.actor, slug, number)
        artifact = Artifact.objects.filter(version=version, path=path).first()
        if artifact is None:
            raise NotFound(f"Version {number} of {slug} declares no file “{path}”.")
        artifact.version = version
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
    if preconditions.unchanged(request, headers["ETag"]):
        return HttpResponse(status=304, headers=headers)
    if request.method == "HEAD":
        return HttpResponse(content_type="application/octet-stream", headers={**headers, "Content-Length": str(size)})
    # Never shown by a browser, whatever is in it: the type is not guessed from the name.
    response = FileResponse(
        take(), as_attachment=True, filename=filename, content_type="application/octet-stream", headers=headers
    )
    response.headers["Content-Length"] = str(size)  # which Django reads off a file on a disk alone
    return response
