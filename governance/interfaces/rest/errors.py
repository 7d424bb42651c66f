"""Translate exceptions into problem+json (RFC 9457) with the rule, the remedy and who can help."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response

from audit import context
from governance.interfaces.rest import problems
from governance.interfaces.rest.conf import PREFIX
from governance.interfaces.rest.problem import Problem
from governance.interfaces.rest.schemas import RequirementResponse
from governance.models import PromotionRequest
from registry.exceptions import (
    ConflictError,
    DomainError,
    InvalidStateError,
    InvalidTransitionError,
    NotFoundError,
    PermissionDeniedError,
    StaleRevisionError,
    ValidationFailedError,
)
from registry.models import ModelVersion
from registry.search import InvalidQuery, QueryError
from registry.storage import StorageUnavailableError

log = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"

# The first match wins: StaleRevisionError is a subclass of ConflictError.
_STATUS: Final[tuple[tuple[type[DomainError], int], ...]] = (
    (InvalidQuery, 400),
    (NotFoundError, 404),
    (PermissionDeniedError, 403),
    (StaleRevisionError, 412),
    (ValidationFailedError, 422),
    (ConflictError, 409),
    (InvalidStateError, 409),
)


def handle(exc: Exception, context_of_view: Mapping[str, Any]) -> Response | None:
    """DRF's EXCEPTION_HANDLER. None for unexpected exceptions: Django logs them and calls `server_error`."""
    found = _translate(exc)
    if found is None:
        return None
    body, status, headers = found
    return Response(body, status=status, headers=headers, content_type=MEDIA_TYPE)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[Mapping[str, Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Build the members of a problem.

    Args:
        status: HTTP status code.
        code: key of a type in `problems`.
        detail: the rule and the remedy.
        errors: validation errors, each with `pointer`, `code` and `detail`.
        more: requirements, who_can, rule, existing, way; empty ones are left out.
    """
    return {
        "type": problems.url_of(code),
        "title": problems.get_problem_type(code).title,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": context.current().request_id,
        **({"errors": list(errors)} if errors else {}),
        **{name: value for name, value in more.items() if value},
    }


def _translate(
    exc: Exception,
) -> tuple[dict[str, Any], int, dict[str, str]] | None:  # one case for each kind of exception
    match exc:
        case DomainError():
            return _refusal(exc)
        case Problem():
            body = problem(exc.status, exc.code, exc.detail, errors=list(exc.errors))
            return body, exc.status, exc.headers
        case exceptions.APIException():
            return _of_framework(exc)
        case Http404():
            return problem(404, "not_found", "There is no object at this URL that you can see."), 404, {}
        case PermissionDenied():
            return problem(403, "not_permitted", "You do not have permission for this."), 403, {}
        case RequestDataTooBig():
            return problem(413, "too_large", "A JSON body is limited to 2 MiB; upload files to their own URL."), 413, {}
        case UnreadablePostError() | SuspiciousOperation():
            return problem(400, "bad_request", "The request body could not be read completely."), 400, {}
        case OperationalError() | InterfaceError():
            log.exception("the database did not answer")
            detail = "The database is unavailable or busy, and nothing was changed: try again."
            return problem(503, "unavailable", detail), 503, {"Retry-After": "2"}
        case StorageUnavailableError():
            log.exception("the store of files did not answer")
            detail = "The file store is unavailable or busy, and nothing was changed: try again."
            return problem(503, "storage_unavailable", detail), 503, {"Retry-After": "2"}
        case _:
            return None


def _refusal(refusal: DomainError) -> tuple[dict[str, Any], int, dict[str, str]]:
    status = next((status for kind, status in _STATUS if isinstance(refusal, kind)), 400)
    errors: list[Mapping[str, Any]] = []
    if isinstance(refusal, InvalidQuery):
        errors = [_in_query(fault) for fault in refusal.faults]
    elif isinstance(refusal, ValidationFailedError):
        errors = [{"pointer": e.pointer, "code": e.code, "detail": e.detail} for e in refusal.errors]
    body = problem(
        status,
        refusal.code,
        refusal.detail,
        errors=errors,
        rule=refusal.rule,
        who_can=list(refusal.who_can),
        requirements=[RequirementResponse.of(r).model_dump() for r in refusal.requirements],
        existing=_existing(refusal.existing) if isinstance(refusal, ConflictError) else None,
        way=list(refusal.way) if isinstance(refusal, InvalidTransitionError) else None,
    )
    return body, status, {}


def _in_query(fault: QueryError) -> dict[str, Any]:
    """A query error, with its position in the query."""
    return {
        "pointer": "?q",
        "code": fault.code,
        "detail": fault.detail,
        "offset": fault.start,
        "length": fault.end - fault.start,
        "allowed": list(fault.allowed),
        "meant": fault.suggestion,
    }


def _existing(existing: object) -> dict[str, Any] | None:
    """The conflicting object. It belongs to a model the caller named, so showing it reveals nothing more."""
    if isinstance(existing, PromotionRequest):
        return {
            "type": "promotion",
            "id": existing.pk,
            "revision": existing.revision,
            "state": existing.state,
            "url": f"{PREFIX}/promotions/{existing.pk}",
        }
    if isinstance(existing, ModelVersion):
        url = f"{PREFIX}/models/{existing.model.slug}/versions/{existing.number}"
        return {"type": "version", "id": existing.number, "revision": existing.revision, "url": url}
    return None


def _of_framework(exc: exceptions.APIException) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Translate DRF's own exceptions."""
    status, headers = exc.status_code, {}
    if (challenge := getattr(exc, "auth_header", None)) is not None:
        headers["WWW-Authenticate"] = challenge
    match exc:
        case exceptions.AuthenticationFailed():
            headers["WWW-Authenticate"] = f'{challenge}, error="invalid_token"'
            code, detail = "token_refused", str(exc.detail)
        case exceptions.NotAuthenticated():
            code, detail = "not_signed_in", "Send an access token: Authorization: Bearer cs_…"
        case exceptions.MethodNotAllowed():
            code, detail = (
                "method_not_allowed",
                "This URL does not support this method; the Allow header lists the supported ones.",
            )
        case exceptions.UnsupportedMediaType():
            code, detail = "unsupported_media_type", "Send the body as application/json."
        case exceptions.Throttled():
            headers["Retry-After"] = str(max(1, round(getattr(exc, "wait", None) or 1)))
            code, detail = "rate_limited", f"Too many requests: try again in {headers['Retry-After']} seconds."
        case _:
            code, detail = "bad_request", str(exc.detail)
    return problem(status, code, detail), status, headers


def as_response(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a problem from outside DRF."""
    return JsonResponse(problem(status, code, detail), status=status, content_type=MEDIA_TYPE, headers=headers)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler404 for /api/."""
    return as_response(404, "not_found", "The API has no such URL; /api/v1/schema lists all of them.")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler403 for /api/."""
    return as_response(403, "not_permitted", "You do not have permission for this.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler400 for /api/: errors before a view is found."""
    return as_response(400, "bad_request", "The request could not be read.")


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500 for /api/. The traceback is in the server log under the same request id."""
    return as_response(500, "server_error", "Internal error; it is in the server log under this request_id.")
