"""Client of one HTTP and JSON server: GET only, no redirects, limited in size and time, credentials never in
messages.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from governance.outbound_http.addresses import ForbiddenAddressError, resolve_allowed_address

CHUNK = 256 * 1024
TIMEOUT = 30.0
"""Socket timeout in seconds."""
LONGEST_ANSWER = 32 * 1024 * 1024
"""Maximum bytes of a JSON response."""
TRIES = 4
PAUSE = 0.5
"""Seconds before the second attempt; doubled for each further one."""
_AGAIN = frozenset({429, 500, 502, 503, 504})

Query = Sequence[tuple[str, str]]


class ServerFault(Exception):
    """The server could not be used; the message says why and contains no credential."""


class ServerUnavailableError(ServerFault):
    """No response: unreachable, too slow, or overloaded. A retry may succeed."""


class InvalidResponseError(ServerFault):
    """An invalid response: not JSON, of a wrong shape, too large, or a redirect."""


class ServerResponseError(ServerFault):
    """The server refused the request: HTTP `status`, and its error `code` if it gave one."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass(frozen=True)
class RemoteServer:
    """Address and credentials of a server.

    Args:
        url: http:// or https://, with a path prefix if the API has one.
        token: sent as a bearer token; or
        username, password: sent as Basic.
        private: whether it may be in a private network, because an operator named it.
        timeout: socket timeout in seconds.
        pause: seconds before the second attempt.
    """

    url: str
    token: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    private: bool = True
    timeout: float = TIMEOUT
    pause: float = PAUSE

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("write the server's address as https://host or https://host/prefix")
        if parts.username or parts.password:
            raise ValueError("write no credentials into the address: give them by the environment")
        if parts.query or parts.fragment:
            raise ValueError("the server's address has no ? and no #")
        _ = parts.port  # raises ValueError for what is no port

    @cached_property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @cached_property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def origin(self) -> str:
        """The normalised address."""
        parts = urlsplit(self.url)
        usual = {"http": 80, "https": 443}[parts.scheme]
        port = "" if self.port == usual else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"

    def json(self, path: str, query: Query = (), *, limit: int = LONGEST_ANSWER) -> dict[str, Any]:
        """Return a JSON object. Retried while the server is temporarily unavailable.

        Args:
            path: path below the server's prefix.
            query: query parameters.
            limit: maximum bytes of the response.

        Raises:
            ServerUnavailableError: no response after all attempts.
            ServerResponseError: the server refused the request.
            InvalidResponseError: the response is not a JSON object, too large, or a redirect.
        """
        for attempt in range(1, TRIES + 1):
            try:
                return self._json(path, query, limit)
            except ServerUnavailableError:
                if attempt == TRIES:
                    raise
                time.sleep(self.pause * 2 ** (attempt - 1))
        raise AssertionError

    def _json(self, path: str, query: Query, limit: int) -> dict[str, Any]:
        with self.open(path, query, accept="application/json") as answer:
            if answer.status in _AGAIN:
                raise ServerUnavailableError(f"{self._where(path)} answered {answer.status}.")
            body = answer.everything(limit)
            try:
                document = json.loads(body)
            except (ValueError, RecursionError):
                document = None
            if answer.status != 200:
                raise self._refusal(path, answer.status, document)
            if not isinstance(document, dict):
                kind = answer.kind or "no type at all"
                raise InvalidResponseError(
                    f"{self._where(path)} answered {kind} and no JSON object: is this the address of the server?"
                )
            return document

    def _refusal(self, path: str, status: int, document: object) -> ServerResponseError:
        fields = document if isinstance(document, dict) else {}
        code = str(fields.get("error_code", ""))[:100]
        message = " ".join(str(fields.get("message", "")).split())[:500]
        if status in (401, 403) and not message:
            message = "credentials are required: set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD"
        return ServerResponseError(
            status, code, f"{self._where(path)} answered {status}{f' {code}' if code else ''}: {message}"
        )

    @contextmanager
    def open(self, path: str, query: Query = (), *, accept: str = "*/*") -> Iterator[StreamedResponse]:
        """Request once and yield the response as a stream. Redirects are refused.

        Raises:
            ServerUnavailableError: no response.
            InvalidResponseError: a redirect, or an address that is not allowed.
        """
        target = (
            urlsplit(self.url).path.rstrip("/") + quote(path, safe="/~-._") + ("?" + urlencode(query) if query else "")
        )
        connection = self.connection()
        try:
            try:
                connection.request("GET", target, headers={**self._headers, "Accept": accept})
                response = connection.getresponse()
            except ForbiddenAddressError as error:
                raise InvalidResponseError(str(error)) from None
            except (OSError, http.client.HTTPException) as error:
                raise ServerUnavailableError(
                    f"{self._where(path)} is not available: {_describe_error(error)}."
                ) from None
            if 300 <= response.status < 400:
                raise InvalidResponseError(
                    f"{self._where(path)} redirects ({response.status}), and redirects are not followed: give its "
                    "final address."
                )
            yield StreamedResponse(response, self._where(path))
        finally:
            connection.close()

    @cached_property
    def _headers(self) -> Mapping[str, str]:
        headers = {"User-Agent": "countersign", "Accept-Encoding": "identity"}
        if self.username and self.password:
            both = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            headers["Authorization"] = f"Basic {both}"
        elif self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def connection(self) -> http.client.HTTPConnection:
        """Return an unopened connection that will use a validated address."""
        if urlsplit(self.url).scheme == "https":
            return _Tls(self.host, self.port, private=self.private, timeout=self.timeout)
        return _Plain(self.host, self.port, private=self.private, timeout=self.timeout)

    def _where(self, path: str) -> str:
        return f"{self.origin}{path}"


class StreamedResponse:
    """A response that is being read."""

    def __init__(self, response: http.client.HTTPResponse, where: str) -> None:
        self._response, self._where = response, where
        self.status = response.status
        self.kind = (response.headers.get("Content-Type") or "").partition(";")[0].strip()[:80]

    @property
    def length(self) -> int | None:
        """The number of bytes left, if announced."""
        return self._response.length

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; none at the end.

        Raises:
            ServerUnavailableError: the connection broke off.
        """
        try:
            chunk = self._response.read(size)
        except (OSError, http.client.HTTPException) as error:
            raise ServerUnavailableError(f"{self._where} broke off: {_describe_error(error)}.") from None
        if not chunk and self._response.length:
            raise ServerUnavailableError(f"{self._where} broke off {self._response.length:,} bytes before its end.")
        return chunk

    def everything(self, limit: int) -> bytes:
        """Return the whole body.

        Raises:
            InvalidResponseError: it has more than `limit` bytes.
        """
        body = bytearray()
        while chunk := self.read(CHUNK):
            body += chunk
            if len(body) > limit:
                raise InvalidResponseError(f"{self._where} answered more than {limit:,} bytes.")
        return bytes(body)


class _Plain(http.client.HTTPConnection):
    """Connects to a validated address."""

    def __init__(self, host: str, port: int, *, private: bool, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        self._private = private

    def connect(self) -> None:
        self.sock = _reach(self.host, self.port, self._private, self.timeout)


class _Tls(http.client.HTTPSConnection):
    """Connects to a validated address, with TLS for the requested name."""

    def __init__(self, host: str, port: int, *, private: bool, timeout: float) -> None:
        self._trust = ssl.create_default_context()
        super().__init__(host, port, timeout=timeout, context=self._trust)
        self._private = private

    def connect(self) -> None:
        plain = _reach(self.host, self.port, self._private, self.timeout)
        self.sock = self._trust.wrap_socket(plain, server_hostname=self.host)


def _reach(host: str, port: int, private: bool, timeout: float | None) -> socket.socket:
    made = socket.create_connection((resolve_allowed_address(host, port, private=private), port), timeout)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def _describe_error(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    return str(error.strerror if isinstance(error, OSError) and error.strerror else error)[:200] or type(error).__name__
