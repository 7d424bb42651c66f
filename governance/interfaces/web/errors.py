"""The one place where a refusal becomes a page: what happened, by which rule, and the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from governance.interfaces.web import resending
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
    """A kind of refusal on a page. `saved`: what became of the reader's input, where that needs saying."""

    status: int
    title: str
    icon: str
    saved: str = ""


NOT_FOUND: Final = ErrorKind(404, "Page not found", "search")
NOT_PERMITTED: Final = ErrorKind(403, "Not permitted", "lock", "Nothing was changed.")
NOT_NOW: Final = ErrorKind(409, "Not possible now", "clock", "Nothing was changed.")
CONFLICT: Final = ErrorKind(409, "Conflict", "alert", "Nothing was changed.")
NOT_ALLOWED: Final = ErrorKind(405, "This page takes no such request", "alert", "Nothing was changed.")
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
    """How a refusal is shown; a kind no page knows is shown as a plain refusal."""
    return next((kind for of, kind in _KINDS if isinstance(refusal, of)), REFUSED)


def refused(request: HttpRequest, refusal: DomainError) -> HttpResponse:
    """The page of a refusal: the rule, who can help, and what is unmet."""
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
    """A request with a method that the page does not take."""
    detail = f"This address takes {' and '.join(methods)}."
    response = _page(request, NOT_ALLOWED, detail=detail, code="method_not_allowed")
    response["Allow"] = ", ".join(methods)
    return response


def store_away(request: HttpRequest) -> HttpResponse:
    """Files are kept in a bucket, and it does not answer."""
    detail = "The store that files are kept in does not answer. Try again in a moment; the fault is in the log."
    return _page(request, STORE_AWAY, detail=detail, code="storage_unavailable")


def _to_ask(request: HttpRequest, refusal: DomainError) -> tuple[str, str] | None:
    """The model and role to ask for, where that is the way out. For a model's address it is offered whether or not
    there is such a model: the offer must not tell."""
    if isinstance(refusal, PermissionDeniedError):
        return refusal.ask
    match = request.resolver_match
    slug = str(match.kwargs.get("slug", "")) if match is not None and match.namespace == "web" else ""
    return (slug, "viewer") if slug and refusal.detail == access.model_not_found_message(slug) else None


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404, for addresses no room answers."""
    return _page(request, NOT_FOUND, detail=f"No page has the address {request.path}.", code="not_found")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return _page(request, NOT_PERMITTED, detail=str(exception) or "This is not open to you.", code="not_permitted")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: a malformed request, such as too many fields. The fault itself is in the log."""
    return _page(request, INVALID, detail="The request could not be read.", code="bad_request")


def form_outdated(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW: the form's token and the browser's do not match; usually the page is older than the sign-in.

    What a page of this installation sent can be sent again from here, with the present token.
    """
    kind = ErrorKind(403, "This form is out of date", "clock", "Nothing was changed.")
    again = resending.is_from_own_page(request)
    way_out = "What you sent is below." if again else "Reload the page and send it again."
    detail = f"The page was opened before you signed in, or cookies are off. {way_out}"
    if again and request.user.is_authenticated:
        resending.keep(request, resending.sent_with(request))
    return _page(request, kind, detail=detail, code="form_outdated", again=again)


def broken(request: HttpRequest) -> HttpResponse:
    """Django's handler500. Asks nothing of the database and nothing of the session: they may be what broke."""
    return render(
        request,
        "errors/broken.html",
        {"request_id": getattr(request, "request_id", ""), "changed": request.method in ("GET", "HEAD")},
        status=500,
    )


def _page(request: HttpRequest, kind: ErrorKind, *, again: bool = False, **context: Any) -> HttpResponse:
    """`again`: the form can be sent again from the page."""
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
