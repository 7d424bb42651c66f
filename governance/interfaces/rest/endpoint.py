"""Base class of the API views: strict input, ETags, caching and rate-limit headers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.http import HttpRequest
from pydantic import BaseModel
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.actor import Actor
from governance.interfaces.rest import operation, preconditions
from governance.interfaces.rest.schemas import QueryParams, invalid, read

Shape = TypeVar("Shape", bound=BaseModel)


class Endpoint(APIView):
    """Base class of API views. Methods are decorated with :class:`~governance.interfaces.rest.operation.Operation`."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head", "options"]  # noqa: RUF012 (Django's own attribute)

    @property
    def actor(self) -> Actor:
        """The authenticated actor. Always set where `IsAuthenticatedToken` is the permission class."""
        actor = self.request.auth
        assert isinstance(actor, Actor)
        return actor

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate and throttle as DRF does, then reject query parameters that the operation does not take."""
        super().initial(request, *args, **kwargs)
        method = "get" if request.method == "HEAD" else str(request.method)
        this = operation.get_operation(self, method)
        if this is not None and this.query is None:
            self.query(QueryParams)

    def query(self, shape: type[Shape]) -> Shape:
        """Parse the query string.

        Raises:
            Problem: 400 for an unknown, malformed or repeated parameter.
        """
        query = self.request.query_params
        twice = [name for name, values in query.lists() if len(values) > 1]
        if twice:
            raise invalid(
                [{"pointer": f"?{name}", "code": "twice", "detail": "Send this parameter once."} for name in twice]
            )
        return read(shape, query.dict(), prefix="?")

    def body(self, shape: type[Shape]) -> Shape:
        """Parse the JSON body.

        Raises:
            Problem: 400 for invalid JSON or an invalid member, and for PATCH or PUT without a body.
            UnsupportedMediaType: the body is not application/json (answered with 415).
            RequestDataTooBig: a body above DATA_UPLOAD_MAX_MEMORY_SIZE (answered with 413).
        """
        if self.request.method in ("PATCH", "PUT") and not self.raw_body():
            raise invalid([{"pointer": "", "code": "required", "detail": "Send what to change as a JSON object."}])
        return read(shape, self.request.data)

    def raw_body(self) -> bytes:
        """The bytes of the JSON body, for its digest."""
        return self.request._request.body

    def respond_with_etag(
        self,
        identity: object,
        revision: int,
        shown: BaseModel,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Return a single object with its `ETag`; 304 without a body if the caller has this representation."""
        body = shown.model_dump(mode="json")
        tag = preconditions.etag(identity, revision, body)
        if self.request.method in ("GET", "HEAD") and preconditions.matches_etag(self.request, tag):
            return Response(status=304, headers={"ETag": tag})
        return Response(body, status=status, headers={"ETag": tag, **(headers or {})})

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Return the allowed methods in the `Allow` header."""
        return Response(status=204)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Set the caching and rate-limit headers."""
        response = super().finalize_response(request, response, *args, **kwargs)
        # The response is for one caller, and must be revalidated each time it is used.
        response.headers.setdefault("Cache-Control", "private, no-cache")
        # `request` is a plain HttpRequest if DRF failed before it wrapped it.
        left = getattr(request, "_request", request).META.get("countersign.rate")
        if left is not None:
            response["RateLimit-Policy"], response["RateLimit"] = left
        return response


def respond(shown: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Serialize a response body."""
    return Response(shown.model_dump(mode="json"), status=status, headers=dict(headers or {}))
