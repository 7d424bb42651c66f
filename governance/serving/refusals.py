"""Responses of the server itself. They do not use views, so they are built without Django's request handling."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.conf import settings

from governance.interfaces.mlflow.errors import PREFIXES
from governance.interfaces.rest import problems
from governance.serving.calls import Answer, Headers


class Refused(NamedTuple):
    """Why the server refused a request: HTTP status, problem code, MLflow error code, and message with remedy."""

    status: int
    code: str
    mlflow_code: str
    detail: str


TOO_SLOW: Final = Refused(
    408,
    "too_slow",
    "BAD_REQUEST",
    "The request did not arrive in time, or the address sent too many at once: send it again.",
)
CUT_OFF: Final = Refused(400, "bad_request", "BAD_REQUEST", "The request could not be read to its end.")
TOO_LARGE: Final = Refused(
    413, "too_large", "BAD_REQUEST", "The body is too large for this address; files go to their own address."
)
ENCODING: Final = Refused(
    415,
    "unsupported_media_type",
    "BAD_REQUEST",
    "The content type names an encoding that is not read here: send UTF-8, with charset=utf-8 or without.",
)
TOO_MANY: Final = Refused(
    429,
    "rate_limited",
    "REQUEST_LIMIT_EXCEEDED",
    "This address has too many requests open at once: wait for their answers.",
)
BUSY: Final = Refused(
    503, "unavailable", "TEMPORARILY_UNAVAILABLE", "The server has more requests than it can take: try again."
)
BROKEN: Final = Refused(500, "server_error", "INTERNAL_ERROR", "The server failed; its log has the error.")


def refusal(path: str, refused: Refused) -> Answer:
    """Return the response to a refused request, in the format of the interface of its path."""
    request_id = f"req_{secrets.token_hex(10)}"
    retry = {"retry-after": "2"} if refused.status in {429, 503} else {}
    if path.startswith(PREFIXES):
        return answer(
            refused.status, "application/json", {"error_code": refused.mlflow_code, "message": refused.detail}, retry
        )
    if path.startswith("/api/"):
        problem = {
            "type": problems.url_of(refused.code),
            "title": problems.get_problem_type(refused.code).title,
            "status": refused.status,
            "detail": refused.detail,
            "code": refused.code,
            "request_id": request_id,
        }
        return answer(refused.status, "application/problem+json", problem, {**retry, "x-request-id": request_id})
    return answer(refused.status, "text/plain; charset=utf-8", f"{refused.detail}\n", retry)


def answer(status: int, kind: str, shown: str | Mapping[str, Any], more: Mapping[str, str] | None = None) -> Answer:
    """Build a response with the headers that every response of the product has."""
    body = (shown if isinstance(shown, str) else json.dumps(shown)).encode()
    headers = {
        "content-type": kind,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "permissions-policy": settings.COUNTERSIGN_PERMISSIONS_POLICY,
        "x-content-type-options": "nosniff",
        "x-frame-options": settings.X_FRAME_OPTIONS,
        "referrer-policy": settings.SECURE_REFERRER_POLICY,
        "cross-origin-opener-policy": settings.SECURE_CROSS_ORIGIN_OPENER_POLICY,
        **(more or {}),
    }
    encoded: Headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Answer(status, encoded, body)
