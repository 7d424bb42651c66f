"""Send one message to an address given by a user: validated, without redirects, limited in time and response size."""

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
"""Maximum seconds for the whole exchange."""
LONGEST_RECEIPT = 64 * 1024
"""Maximum bytes of the response that are read."""


@dataclass(frozen=True)
class WebhookResponse:
    """Response of a receiver. `retry_after` is the header's text."""

    status: int
    body: bytes
    retry_after: str = ""


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, private: bool, seconds: float = SECONDS
) -> WebhookResponse:
    """Send a message once. A redirect is returned like any other response and not followed.

    Args:
        url: http:// or https://, visible ASCII only.
        body: the request body.
        headers: headers, in addition to the client's own.
        private: whether the host may be in a private network, because an operator named it.
        seconds: maximum seconds for the whole exchange.

    Raises:
        ForbiddenAddressError: the address is not allowed.
        ServerUnavailableError: no response in time.
        InvalidResponseError: the response is not HTTP.
    """
    parts = urlsplit(url)
    server = RemoteServer(f"{parts.scheme}://{parts.netloc}", private=private, timeout=seconds)
    connection = server.connection()
    over = threading.Event()

    def end() -> None:
        over.set()
        if connection.sock is not None:
            try:
                # Not SSLSocket.shutdown, which discards the TLS state while another thread reads.
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
            _late(server) if over.is_set() else f"{server.origin} cannot be reached: {_describe_error(error)}."
        ) from None
    except http.client.HTTPException as error:
        if over.is_set():
            raise ServerUnavailableError(_late(server)) from None
        raise InvalidResponseError(
            f"{server.origin} sent a response that is not HTTP: {type(error).__name__}."
        ) from None
    finally:
        clock.cancel()
        connection.close()
    if over.is_set():
        raise ServerUnavailableError(_late(server))
    return WebhookResponse(response.status, read, (response.headers.get("Retry-After") or "")[:40])


def _late(server: RemoteServer) -> str:
    return f"{server.origin} did not answer in time."


def _describe_error(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    return str(getattr(error, "strerror", None) or error)[:200] or type(error).__name__
