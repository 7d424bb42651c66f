"""Middleware: request id, client address, interface, display preferences, compression and security headers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Final, cast

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils import timezone

from audit import context
from governance.interfaces.web.display_preferences import DisplayPreferences, reader_of
from registry import addresses, characters

# First UTF-8 bytes of the characters that `characters.marked` marks beyond ASCII and C1; most pages contain none.
_MAY_HOLD_CONTROLS = re.compile(
    rb"\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xaf]|\xef[\xb7\xbf]|\xf3\xa0[\x80\x81]|[\xf0-\xf4].\xbf[\xbe\xbf]|\xc2[\x80-\x9f]"
)
COMPRESSED: Final = frozenset(
    {
        "text/html",
        "text/css",
        "text/csv",
        "text/plain",
        "text/javascript",
        "image/svg+xml",
        "application/json",
        "application/problem+json",
    }
)
"""Content types that are compressed."""
Handler = Callable[[HttpRequest], HttpResponse]

# Accepted X-Request-Id values: suitable for tracing tools, too restricted for forging log lines.
_GIVEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_CLIENTS = (("/api/2.0/mlflow", "mlflow"), ("/ajax-api/2.0/mlflow", "mlflow"), ("/api/", "api"), ("/admin/", "admin"))


class CountersignRequest(HttpRequest):
    """Types of the attributes that this middleware adds."""

    request_id: str
    reader: DisplayPreferences


class RequestFacts:
    """Binds request id, client address and interface for the audit log, and returns the id in X-Request-Id.

    A report, a log line and an event can be matched by the id.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _GIVEN.fullmatch(given) else f"req_{secrets.token_hex(10)}"
        cast("CountersignRequest", request).request_id = request_id
        client = next((name for prefix, name in _CLIENTS if request.path.startswith(prefix)), "web")
        with context.bind_request_context(request_id=request_id, address=address_of(request), client=client):
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


class PermissionsPolicy:
    """Denies every browser feature that the product does not use (Permissions-Policy)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", settings.COUNTERSIGN_PERMISSIONS_POLICY)
        return response


class Compression(GZipMiddleware):
    """Compresses text responses.

    Responses with an `ETag` are not compressed: it would become weak and unusable for `If-Match` (RFC 9110, 13.1.1).
    Django adds random bytes of random length, so that the size reveals nothing about the content (BREACH).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        kind = response.get("Content-Type", "").partition(";")[0]
        if kind not in COMPRESSED or response.has_header("ETag"):
            return response
        return super().process_response(request, response)


class ReaderPreferences:
    """Sets theme, time zone and shortcuts from cookies before the page is rendered."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        reader = reader_of(request)
        cast("CountersignRequest", request).reader = reader
        with timezone.override(reader.zone):
            return self.get_response(request)


class ContentPolicy(CSPMiddleware):
    """Content security policy: that of the settings for pages; for JSON a constant, strictest policy."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.get("Content-Type") == "application/json":
            response.setdefault(HEADER, "default-src 'none'; frame-ancestors 'none'")
            return response
        return super().process_response(request, response)


class VisibleControls:
    """Shows bidirectional control characters as visible marks such as [U+202E].

    Input with them is rejected, but texts stored earlier or read from files may contain them.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if (
            not response.streaming
            and response.get("Content-Type", "").startswith("text/html")
            and _MAY_HOLD_CONTROLS.search(response.content)
        ):
            response.content = characters.marked(
                response.content.decode(response.charset or "utf-8", "replace")
            ).encode()
        return response


def address_of(request: HttpRequest) -> str:
    """Return the client address behind the trusted proxies (`registry.addresses.caller`)."""
    return addresses.caller(
        str(request.META.get("REMOTE_ADDR", "")),
        request.headers.get("X-Forwarded-For", ""),
        settings.COUNTERSIGN_TRUSTED_PROXIES,
    )
