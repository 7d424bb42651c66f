"""The OpenAPI description, and a page for each problem type. Public."""

from __future__ import annotations

import hashlib
import json
import threading
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from drf_spectacular.generators import SchemaGenerator
from pydantic import RootModel
from rest_framework.request import Request

from governance.interfaces.rest import preconditions, problems
from governance.interfaces.rest.endpoint import Endpoint
from governance.interfaces.rest.operation import Operation
from governance.interfaces.rest.problem import Problem


class OpenEndpoint(Endpoint):
    """Base class of views without authentication and throttling."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()


class ApiDescription(RootModel[dict[str, Any]]):
    """OpenAPI 3.1."""


class SchemaView(OpenEndpoint):
    """/schema"""

    @Operation("getSchema", "Read this description", "interface", {200: ApiDescription}, public=True, etag=True)
    def get(self, request: Request) -> HttpResponse:
        """Return the OpenAPI 3.1 description of this API."""
        with _MAKING:
            body, tag, _ = _described()
        headers = {"ETag": tag, "Cache-Control": "public, no-cache"}
        if preconditions.matches_etag(request, tag):
            return HttpResponse(status=304, headers=headers)
        return HttpResponse(body, content_type="application/json", headers=headers)


class ProblemView(OpenEndpoint):
    """/problems/{code}: the target of a problem's `type`."""

    def get(self, request: Request, code: str) -> HttpResponse:
        """Show a problem type and its remedy."""
        found = problems.CATALOGUE.get(code)
        if found is None:
            raise Problem(404, "not_found", f"There is no problem type “{code}”.")
        shown = {"title": found.title, "meaning": _marked(found.meaning), "way_out": _marked(found.way_out)}
        return render(request._request, "api/problem.html", {"code": code, "problem": shown})


class ProblemsView(OpenEndpoint):
    """/problems"""

    def get(self, request: Request) -> HttpResponse:
        """List every problem type."""
        return render(request._request, "api/problems.html", {"problems": sorted(problems.CATALOGUE.items())})


def _marked(text: str) -> SafeString:
    """Return the text as safe HTML; text between backticks becomes code."""
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if n % 2 else part,) for n, part in enumerate(text.split("`")))
    )


_MAKING = threading.Lock()
"""Held while the description is built: drf-spectacular changes global registries when it loads extensions."""


@cache
def _described() -> tuple[bytes, str, dict[str, Any]]:
    """Cached per process: the description depends on the code only."""
    document = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # drf-spectacular is untyped there
    body = json.dumps(document, ensure_ascii=False).encode()
    return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', document


def described() -> dict[str, Any]:
    """Return the OpenAPI description."""
    with _MAKING:
        return _described()[2]
