"""Request handling: authentication, parameters, response. Plain views without serializers and content negotiation."""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from audit import context
from audit.actor import Actor
from governance.interfaces.mlflow.errors import MlflowError, translate_exception
from governance.interfaces.mlflow.request import RequestParams
from registry.services import tokens

log = logging.getLogger(__name__)

Handler = Callable[[Actor, RequestParams], Mapping[str, Any]]
View = Callable[..., HttpResponse]


def endpoint(**handlers: Handler) -> View:
    """Build the view of one URL from the handlers of its methods. Path parameters become fields."""

    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        handler = handlers.get(str(request.method))
        if handler is None:
            takes = ", ".join(sorted(handlers))
            fault = MlflowError("BAD_REQUEST", f"This URL supports {takes}.", status=405, headers={"Allow": takes})
            return error_response(fault)
        try:
            actor = _signed_in(request)
            given = RequestParams.of(request)
            return _answer(handler(actor, given.with_path_params(parts) if parts else given))
        except Exception as fault:
            known = translate_exception(fault)
            if known is None:
                log.exception("an MLflow request broke")
                known = MlflowError(
                    "INTERNAL_ERROR",
                    f"Internal error; it is in the server log under this request id: {context.current().request_id}",
                )
            elif known.status == 503:
                log.exception("the database did not answer")
            return error_response(known)

    # Authentication is by header, never by cookie, so no page can make a signed-in browser call this.
    return csrf_exempt(view)


def public_endpoint(shown: Mapping[str, Any]) -> View:
    """Build a view with the same response for every caller, without authentication."""

    def view(request: HttpRequest) -> HttpResponse:
        return _answer(shown)

    return csrf_exempt(view)


def error_response(fault: MlflowError) -> HttpResponse:
    """The response of an error."""
    return _answer({"error_code": fault.code, "message": fault.message}, fault.status, fault.headers)


@csrf_exempt
def not_found(request: HttpRequest, rest: str = "") -> HttpResponse:
    """The error for all other paths under the prefix."""
    return error_response(
        MlflowError(
            "ENDPOINT_NOT_FOUND",
            "Countersign implements the model registry only. Runs, experiments and artifacts stay on your tracking "
            "server: point MLFLOW_REGISTRY_URI here and MLFLOW_TRACKING_URI there.",
        )
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The error for requests that fail before a view is found."""
    return error_response(MlflowError("BAD_REQUEST", "The request could not be read."))


def _signed_in(request: HttpRequest) -> Actor:
    """Authenticate the token: after Bearer, or as the password of Basic with any user name. Raises MlflowError."""
    given = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, rest = given.partition(" ")
    secret = rest.strip()
    if scheme.lower() == "basic":
        secret = _password(secret)
    elif scheme.lower() != "bearer":
        raise _unauthenticated("Send an access token: set MLFLOW_TRACKING_TOKEN=cs_…")
    actor = tokens.authenticate(secret, context.current().address or None)
    if actor is None:
        raise _unauthenticated(
            "This access token is malformed, unknown, expired or revoked, or its account inactive: create a new one on "
            "your profile page. "
            + (
                "The password must be an access token, cs_…; account passwords are never accepted here."
                if scheme.lower() == "basic"
                else "It is sent by MLFLOW_TRACKING_TOKEN=cs_…"
            )
        )
    return actor


def _password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _unauthenticated(message: str) -> MlflowError:
    return MlflowError("UNAUTHENTICATED", message, headers={"WWW-Authenticate": 'Bearer realm="countersign"'})


def _answer(shown: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    raw = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
    response = HttpResponse(raw, status=status, content_type="application/json", headers=headers)
    response["Content-Length"] = str(len(raw))
    response["Cache-Control"] = "private, no-cache"
    return response
