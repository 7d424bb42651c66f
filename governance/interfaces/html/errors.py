"""Error pages of domain errors and HTTP errors: what happened, the rule, and the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance.interfaces.html import resending
from registry import access
from registry.exceptions import (
    ConflictError,
    DomainError,
    InvalidStateError,
    NotFoundError,
    PermissionDeniedError,
    ValidationFailedError,
)


@dataclass(frozen=True)
class ErrorKind:
    """The appearance of an error page. `saved` is shown after a form was sent."""

    status: int
    title: str
    icon: str
    saved: str = ""


NOT_FOUND: Final = ErrorKind(404, "Page not found", "search")
NOT_PERMITTED: Final = ErrorKind(403, "Not permitted", "lock", "Nothing was changed.")
NOT_NOW: Final = ErrorKind(409, "Not possible now", "clock", "Nothing was changed.")
CONFLICT: Final = ErrorKind(409, "Conflict", "alert", "Nothing was changed.")
NOT_ALLOWED: Final = ErrorKind(405, "This page does not support this request", "alert", "Nothing was changed.")
STORE_AWAY: Final = ErrorKind(503, "File storage is not available", "alert", "Nothing was changed.")
INVALID: Final = ErrorKind(400, "Invalid input", "alert", "Nothing was changed.")
REFUSED: Final = ErrorKind(400, "Refused", "alert", "Nothing was changed.")

_KINDS: Final[tuple[tuple[type[DomainError], ErrorKind], ...]] = (
    (NotFoundError, NOT_FOUND),
    (PermissionDeniedError, NOT_PERMITTED),
    (InvalidStateError, NOT_NOW),
    (ConflictError, CONFLICT),
    (ValidationFailedError, INVALID),
)


def kind_of(refusal: DomainError) -> ErrorKind:
    """Return the page appearance of a domain error; `REFUSED` for unknown classes."""
    return next((kind for of, kind in _KINDS if isinstance(refusal, of)), REFUSED)


def refused(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """Return the error page of a domain error: the rule, who can help, and unmet requirements."""
    kind = kind_of(refusal)
    return _page(
        request,
        kind,
        detail=refusal.detail,
        code=refusal.code,
        rule=refusal.rule,
        who_can=refusal.who_can,
        requirements=refusal.requirements,
        existing=getattr(refusal, "existing", None),
        ask=_to_ask(request, refusal),
    )


def not_allowed(request: HttpRequest, methods: tuple[str, ...]) -> HttpResponse:
    """Return the error page for a method that the page does not accept."""
    detail = f"This URL supports {' and '.join(methods)}."
    response = _page(request, NOT_ALLOWED, detail=detail, code="method_not_allowed")
    response["Allow"] = ", ".join(methods)
    return response


def store_away(request: HttpRequest) -> HttpResponse:
    """Return the error page for an unavailable file store."""
    detail = "The file store does not respond. Try again in a moment; the error is in the log."
    return _page(request, STORE_AWAY, detail=detail, code="storage_unavailable")


def _to_ask(request: HttpRequest, refusal: DomainError) -> tuple[str, str] | None:
    """Return the model and role to request, if that is the remedy.

    The offer is also made for models that do not exist, so that it does not reveal whether one exists.
    """
    if isinstance(refusal, PermissionDeniedError):
        return refusal.access_request
    match = request.resolver_match
    slug = str(match.kwargs.get("slug", "")) if match is not None and match.namespace == "web" else ""
    return (slug, "viewer") if slug and refusal.detail == access.model_not_found_message(slug) else None


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler404 for URLs that no view handles."""
    return _page(request, NOT_FOUND, detail=f"There is no page at {request.path}.", code="not_found")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler403."""
    return _page(
        request, NOT_PERMITTED, detail=str(exception) or "You do not have permission for this.", code="not_permitted"
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: a malformed request, such as too many fields. Details are in the log."""
    return _page(request, INVALID, detail="The request could not be read.", code="bad_request")


def form_outdated(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: the tokens of form and browser differ, usually because the page was opened before sign-in.

    A form sent by a page of this installation can be sent again from here with a new token.
    """
    kind = ErrorKind(403, "This form is out of date", "clock", "Nothing was changed.")
    again = resending.is_from_own_page(request)
    way_out = "What you sent is below." if again else "Reload the page and send it again."
    detail = f"The page was opened before you signed in, or cookies are off. {way_out}"
    if again and request.user.is_authenticated:
        resending.keep(request, resending.sent_with(request))
    return _page(request, kind, detail=detail, code="form_outdated", again=again)


def broken(request: HttpRequest) -> HttpResponse:
    """handler500. Uses neither the database nor the session, because either may have failed."""
    return render(
        request,
        "errors/broken.html",
        {"request_id": getattr(request, "request_id", ""), "is_read": request.method in ("GET", "HEAD")},
        status=500,
    )


def _page(request: HttpRequest, kind: ErrorKind, *, again: bool = False, **context: Any) -> HttpResponse:
    """Render an error page. `again`: the form can be sent again from it."""
    signed_in = getattr(request, "user", None) is not None and request.user.is_authenticated
    frame = "base.html" if signed_in else "plain.html"
    sent = request.method not in ("GET", "HEAD")
    own = sent and resending.is_from_own_page(request)
    context |= {
        "saved": kind.saved if sent else "",
        "kept": resending.sent_with(request) if own else None,
        "again": again,
        "back": resending.page_above(request.path) if sent and signed_in else "",
    }
    return render(request, "errors/refused.html", {"kind": kind, "frame": frame, **context}, status=kind.status)
