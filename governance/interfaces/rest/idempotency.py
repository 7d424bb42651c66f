"""`Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a repeated POST is executed once.

The response is stored in the transaction that does the work, so either both are committed or neither is. Errors are
not stored: nothing was changed, and the same request can succeed later.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final

from django.db import transaction
from django.http import HttpResponse, HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from audit.actor import Actor
from governance.interfaces.rest.problem import Problem
from governance.models import IdempotencyKey
from governance.services import idempotency_keys
from registry import access
from registry.models import AccessToken

# The draft requires a structured-field string; many clients send it unquoted. Both are accepted.
_KEY: Final = re.compile(r'"([!#-\[\]-~]{1,255})"|([!#-\[\]-~]{1,255})')
_KEPT_HEADERS: Final = ("Location", "ETag")


def idempotent(request: Request, actor: Actor, body: bytes | str, do: Callable[[], Response]) -> HttpResponseBase:
    """Execute a POST, or replay the stored response of an identical request with the same key.

    Args:
        request: the POST; without an `Idempotency-Key` it is simply executed.
        actor: the authenticated actor; keys belong to its token.
        body: the request body; for a streamed body, a text that contains its digest.
        do: executes the request and returns the response. Runs inside this function's transaction.

    Raises:
        Problem: 400 for a malformed key, 409 while the first request is running, 422 if the key was used for another
            request.
        Exception: whatever `do` raises; nothing is stored then.
    """
    key = _key(request)
    token = access.token_of(actor) if key is not None else None
    if key is None or token is None:
        return do()
    wanted = hashlib.sha256(body if isinstance(body, bytes) else body.encode()).hexdigest()
    with transaction.atomic():
        _lock(token, key)
        kept = idempotency_keys.load(token, key)
        if kept is not None:
            return _replay(kept, request, wanted)
        response = do()
        _store(token, key, request, wanted, response)
    return response


def _key(request: Request) -> str | None:
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    found = _KEY.fullmatch(given.strip())
    if found is None:
        detail = "An Idempotency-Key has 1 to 255 visible ASCII characters without quotes, for example a UUID."
        raise Problem(
            400, "invalid_request", detail, errors=[{"pointer": "Idempotency-Key", "code": "key", "detail": detail}]
        )
    return found[1] or found[2]


def _lock(token: AccessToken, key: str) -> None:
    """Lock the key until the transaction ends."""
    if not idempotency_keys.try_lock(token, key):
        raise Problem(
            409,
            "idempotency_in_progress",
            "The first request with this Idempotency-Key is still running: send it again in a second.",
            headers={"Retry-After": "1"},
        )


def _replay(kept: IdempotencyKey, request: Request, wanted: str) -> HttpResponse:
    if (kept.method, kept.path, kept.body_sha256) != (request.method, request.path, wanted):
        raise Problem(
            422,
            "idempotency_key_reused",
            f"This Idempotency-Key was used for {kept.method} {kept.path} with "
            f"{'another' if kept.path == request.path else 'its own'} body: use a new key for a new request.",
        )
    headers = {**kept.headers, "Idempotency-Replayed": "true"}
    return HttpResponse(kept.body, status=kept.status, content_type="application/json", headers=headers)


def _store(token: AccessToken, key: str, request: Request, wanted: str, response: Response) -> None:
    idempotency_keys.store(
        IdempotencyKey(
            token=token,
            key=key,
            method=str(request.method),
            path=request.path,
            body_sha256=wanted,
            status=response.status_code,
            headers={name: response[name] for name in _KEPT_HEADERS if name in response},
            body=JSONRenderer().render(response.data).decode(),
        )
    )
