"""What every request carries, whichever door it comes through: an id, where it came from, and how its reader reads."""

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

# The first bytes in UTF-8 of what `characters.marked` marks beyond ASCII and C1: most pages hold none of them.
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
"""The types of content that are compressed."""
Handler = Callable[[HttpRequest], HttpResponse]

# What we take over from a caller's X-Request-Id: enough for every tracing tool, too little to forge a log line.
_GIVEN = re.compile(r"[A-Za-z0-9_-]{8,64}")
_DOORS = (("/api/2.0/mlflow", "mlflow"), ("/ajax-api/2.0/mlflow", "mlflow"), ("/api/", "api"), ("/admin/", "admin"))


class CountersignRequest(HttpRequest):
    """A request after this middleware; the attributes exist for types alone."""

    request_id: str
    reader: DisplayPreferences


class RequestFacts:
    """Gives each request an id, binds it with the caller's address and the door for the audit log, and answers with
    the id, so that a person's report, a log line and an event can be laid side by side."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-Id", "")
        request_id = given if _GIVEN.fullmatch(given) else f"req_{secrets.token_hex(10)}"
        cast("CountersignRequest", request).request_id = request_id
        door = next((name for prefix, name in _DOORS if request.path.startswith(prefix)), "web")
        with context.bind_request_context(request_id=request_id, address=address_of(request), client=door):
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


class PermissionsPolicy:
    """Deny every browser feature that the product does not use, on every response (Permissions-Policy)."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", settings.COUNTERSIGN_PERMISSIONS_POLICY)
        return response


class Compression(GZipMiddleware):
    """Compresses text for clients that accept it. Left alone: what is compressed or binary already, and what carries an
    `ETag`, which would become a weak one that `If-Match` cannot use (RFC 9110, 13.1.1). Django adds random bytes of
    random length, so that the size tells nothing about what a page holds (BREACH)."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        kind = response.get("Content-Type", "").partition(";")[0]
        if kind not in COMPRESSED or response.has_header("ETag"):
            return response
        return super().process_response(request, response)


class ReaderPreferences:
    """Theme, time zone and keys of whoever reads, from cookies: known before the first byte, so nothing flashes."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        reader = reader_of(request)
        cast("CountersignRequest", request).reader = reader
        with timezone.override(reader.zone):
            return self.get_response(request)


class ContentPolicy(CSPMiddleware):
    """The content security policy: of pages, the settings'; of JSON, which is no page, the strictest there is, and not
    put together anew for each answer a program gets."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.get("Content-Type") == "application/json":
            response.setdefault(HEADER, "default-src 'none'; frame-ancestors 'none'")
            return response
        return super().process_response(request, response)


class VisibleControls:
    """Writes characters that would change the order in which a page is shown as visible marks, [U+202E], wherever they
    come from: they are refused at entry now, and a text stored before, or read out of a file, may still hold them."""

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
    """The caller's network address, seen through as many proxies as are trusted (`registry.addresses.caller`)."""
    return addresses.caller(
        str(request.META.get("REMOTE_ADDR", "")),
        request.headers.get("X-Forwarded-For", ""),
        settings.COUNTERSIGN_TRUSTED_PROXIES,
    )
