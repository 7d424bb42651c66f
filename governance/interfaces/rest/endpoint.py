"""What every view of the interface does alike: strict input, tagged output, limits said aloud."""

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
    """One address. Methods carry an :class:`~governance.interfaces.rest.operation.Operation`."""

    http_method_names = ["get", "post", "put", "patch", "delete", "head", "options"]  # noqa: RUF012 (Django's own attribute)

    @property
    def actor(self) -> Actor:
        """Who asks. There is one wherever `SignedIn` let the request pass."""
        actor = self.request.auth
        assert isinstance(actor, Actor)
        return actor

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Sign in and count, as DRF does; then refuse a query string the operation does not take."""
        super().initial(request, *args, **kwargs)
        method = "get" if request.method == "HEAD" else str(request.method)
        this = operation.get_operation(self, method)
        if this is not None and this.query is None:
            self.query(QueryParams)

    def query(self, shape: type[Shape]) -> Shape:
        """The query string. Raises Problem (400) for what is unknown, malformed or given twice."""
        query = self.request.query_params
        twice = [name for name, values in query.lists() if len(values) > 1]
        if twice:
            raise invalid([{"pointer": f"?{name}", "code": "twice", "detail": "Give this once."} for name in twice])
        return read(shape, query.dict(), prefix="?")

    def body(self, shape: type[Shape]) -> Shape:
        """The JSON body. Raises Problem: 400, 413, 415; 400 as well for a change or replacement without any body."""
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
        """A single object with its `ETag`; 304 without a body where the caller has it."""
        body = shown.model_dump(mode="json")
        tag = preconditions.etag(identity, revision, body)
        if self.request.method in ("GET", "HEAD") and preconditions.matches_etag(self.request, tag):
            return Response(status=304, headers={"ETag": tag})
        return Response(body, status=status, headers={"ETag": tag, **(headers or {})})

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Which methods the address takes: the `Allow` header."""
        return Response(status=204)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Say how the answer may be kept, and what is left of the token's quota."""
        response = super().finalize_response(request, response, *args, **kwargs)
        # One caller's answer: it may be kept by them and has to be asked for again each time.
        response.headers.setdefault("Cache-Control", "private, no-cache")
        # A plain HttpRequest where DRF could not even wrap it.
        left = getattr(request, "_request", request).META.get("countersign.rate")
        if left is not None:
            response["RateLimit-Policy"], response["RateLimit"] = left
        return response


def respond(shown: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A document."""
    return Response(shown.model_dump(mode="json"), status=status, headers=dict(headers or {}))
