"""What every page has in common: who reads it, how it is answered, and that refusals become pages in one place."""

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
from governance.interfaces.web import errors, resending, sign_in_form
from governance.interfaces.web.middleware import CountersignRequest
from registry import access
from registry.exceptions import DomainError
from registry.models import User
from registry.storage import StorageUnavailableError

log = logging.getLogger(__name__)

P = ParamSpec("P")


class PageRequest(CountersignRequest):
    """A request of somebody signed in. The attributes exist for types alone; `page` sets them."""

    actor: Actor
    person: User
    htmx: HtmxDetails


View = Callable[Concatenate[PageRequest, P], HttpResponseBase]


def page_view(
    *methods: str, signed_out: Callable[..., HttpResponse] | None = None
) -> Callable[[View[P]], Callable[Concatenate[HttpRequest, P], HttpResponseBase]]:
    """Make a function a page: signed-in readers only, the methods named (GET where none is), refusals as error pages.

    Nothing is kept by the browser or anything between: pages are confidential and are true for a moment. An address
    that only takes a form leads to the page with that form: browsers open it again after a refusal. What somebody sent
    after their session ended is kept through the sign-in.

    Args:
        signed_out: answers in place of the sign-in page where a form is sent and nobody is signed in.
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
    """Answer with a page, or with its `part` alone where htmx asks for the element of that id (`rows` for `#rows`).

    One address serves both, so every state of a page can be reloaded, mailed and read without JavaScript.
    """
    if part and request.htmx and not request.htmx.boosted and request.htmx.target == part:
        template = f"{template}#{part}"
    return render(request, template, dict(context), status=status)


def _without_nul(query: QueryDict) -> QueryDict:
    """Return the parameters of an address with each NUL, which PostgreSQL stores in no text, as a space."""
    if not any("\x00" in value for _, values in query.lists() for value in values):
        return query
    cleaned = query.copy()
    for key, values in query.lists():
        cleaned.setlist(key, [value.replace("\x00", " ") for value in values])
    return cleaned


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    if cast("PageRequest", request).htmx:
        # A fragment cannot show a sign-in form in its place: the whole page goes there and comes back.
        current = cast("PageRequest", request).htmx.current_url_abs_path or "/"
        return HttpResponseClientRedirect(redirect_to_login(current).url)
    if request.method in ("GET", "HEAD"):
        return redirect_to_login(request.get_full_path())
    return sign_in_form.ask_again(request)
