"""Sending one message to an address that others wrote down: judged, not redirected, bounded in time and in answer."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from governance.outbound_http.addresses import ForbiddenAddressError
from governance.outbound_http.server import InvalidResponseError, RemoteServer, ServerUnavailableError

SECONDS = 10.0
"""How long a receiver has, from the first byte to the last."""
LONGEST_RECEIPT = 64 * 1024
"""Bytes of an answer that are read; the rest is left where it is."""


@dataclass(frozen=True)
class WebhookResponse:
    """What a receiver answered. `retry_after` is the header's text."""

    status: int
    body: bytes
    retry_after: str = ""


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, private: bool, seconds: float = SECONDS
) -> WebhookResponse:
    """Send a message once. A redirect is an answer like another: nothing goes where it leads.

    Args:
        url: http:// or https://, visible ASCII only.
        private: whether the host may be in a private network, because an operator named it.

    Raises:
        Forbidden: the address may not be reached.
        Away: no answer in time.
        InvalidResponseError: an answer that is no HTTP.
    """
    parts = urlsplit(url)
    server = RemoteServer(f"{parts.scheme}://{parts.netloc}", private=private, timeout=seconds)
    connection = server.connection()
    over = threading.Event()

    def end() -> None:
        over.set()
        if connection.sock is not None:
            try:
                # Not the method of a TLS socket, which forgets its keys under whoever reads.
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)
            except OSError:
                return

    clock = threading.Timer(seconds, end)
    clock.daemon = True
    clock.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(
            "POST", target, body, {**headers, "User-Agent": "countersign", "Accept-Encoding": "identity"}
        )
        response = connection.getresponse()
        read = response.read(LONGEST_RECEIPT)
    except ForbiddenAddressError:
        raise
    except (OSError, ValueError) as error:
        raise ServerUnavailableError(
            _late(server) if over.is_set() else f"{server.origin} cannot be reached: {_said(error)}."
        ) from None
    except http.client.HTTPException as error:
        if over.is_set():
            raise ServerUnavailableError(_late(server)) from None
        raise InvalidResponseError(
            f"{server.origin} answered something that is no HTTP: {type(error).__name__}."
        ) from None
    finally:
        clock.cancel()
        connection.close()
    if over.is_set():
        raise ServerUnavailableError(_late(server))
    return WebhookResponse(response.status, read, (response.headers.get("Retry-After") or "")[:40])


def _late(server: RemoteServer) -> str:
    return f"{server.origin} did not answer in time."


def _said(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    return str(getattr(error, "strerror", None) or error)[:200] or type(error).__name__
