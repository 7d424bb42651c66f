"""The page decorator and page rendering: authentication, methods, error pages."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from audit.actor import Actor
from governance.interfaces.html import errors, resending
from governance.interfaces.web import sign_in_form
from governance.interfaces.web.middleware import CountersignRequest
from registry import access
from registry.exceptions import DomainError
from registry.models import User
from registry.storage import StorageUnavailableError

log = logging.getLogger(__name__)

P = ParamSpec("P")


class PageRequest(CountersignRequest):
    """Types of the attributes that `page_view` sets."""

    actor: Actor
    person: User
    htmx: HtmxDetails


View = Callable[Concatenate[PageRequest, P], HttpResponseBase]


def page_view(
    *methods: str, signed_out: Callable[..., HttpResponse] | None = None
) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]]:
    """Make a function a page view.

    Requires a signed-in user and one of the named methods (GET by default), and renders domain errors as error pages.
    Responses are not cached, because pages are confidential and change. A GET to a URL that accepts only POST redirects
    to the page with its form, because browsers reload it after an error. A form that is sent after the session ended is
    kept through the sign-in.

    Args:
        methods: the accepted methods.
        signed_out: view that responds to a POST without a session, in place of the sign-in page.
    """
    allowed = methods or ("GET",)
    allowed = (*allowed, "HEAD") if "GET" in allowed else allowed

    def decorate(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
        @wraps(view)
        def answer(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method not in allowed:
                if request.method in ("GET", "HEAD"):
                    return redirect(resending.page_above(request.path))
                return errors.not_allowed(request, allowed)
            if not request.user.is_authenticated:
                return signed_out(request, *args, **kwargs) if signed_out is not None else _to_sign_in(request)
            request.GET = cast("Any", _without_nul(request.GET))
            reading = cast("PageRequest", request)
            reading.person = request.user
            reading.actor = access.actor_for(reading.person)
            try:
                with access.cache_permission_checks() if request.method in ("GET", "HEAD") else nullcontext():
                    response = view(reading, *args, **kwargs)
            except DomainError as refusal:
                response = errors.refused(request, refusal)
            except StorageUnavailableError:
                log.exception("the store of files did not answer")
                response = errors.store_away(request)
            response.headers.setdefault("Cache-Control", "no-store")
            patch_vary_headers(response, ["HX-Request", "Cookie"])
            return response

        answer.is_page = True  # type: ignore[attr-defined]  # an attribute of the view, for tests
        answer.methods = allowed  # type: ignore[attr-defined]  # an attribute of the view, for `resending`
        return answer

    return decorate


def render_page(
    request: PageRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    part: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render a page, or only its `part` if htmx requests the element with that id (`rows` for `#rows`).

    One URL serves both, so that every state can be reloaded, shared and used without JavaScript.

    Args:
        request: the request.
        template: template path.
        context: template context.
        part: id of the element, and name of the template partial.
        status: HTTP status.
    """
    if part and request.htmx and not request.htmx.boosted and request.htmx.target == part:
        template = f"{template}#{part}"
    return render(request, template, dict(context), status=status)


def _without_nul(query: QueryDict) -> QueryDict:
    """Replace NUL in query parameters by a space: PostgreSQL text cannot contain it."""
    if not any("\x00" in value for _, values in query.lists() for value in values):
        return query
    cleaned = query.copy()
    for key, values in query.lists():
        cleaned.setlist(key, [value.replace("\x00", " ") for value in values])
    return cleaned


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if cast("PageRequest", request).htmx:
        # A fragment cannot show the sign-in form: the whole page is redirected there and back.
        current = cast("PageRequest", request).htmx.current_url_abs_path or "/"
        return HttpResponseClientRedirect(redirect_to_login(current).url)
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path())
    return sign_in_form.ask_again(request)
