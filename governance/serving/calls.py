"""Call the WSGI application in a thread, and represent its response."""

from __future__ import annotations

import codecs
import io
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import unquote_to_bytes

from django.utils.http import parse_header_parameters

CHUNK = 256 * 1024
"""Bytes of a response that are read and sent at a time."""

Headers = list[tuple[bytes, bytes]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class File:
    """A file as a response (PEP 3333, wsgi.file_wrapper): read piece by piece while it is sent."""

    def __init__(self, file: Any, block_size: int = 0) -> None:
        self._file = file

    def read(self) -> bytes:
        """Return the next piece; nothing at the end."""
        piece: bytes = self._file.read(CHUNK)
        return piece

    def close(self) -> None:
        """Close the file, and with it the response."""
        if (close := getattr(self._file, "close", None)) is not None:
            close()

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")


@dataclass
class Answer:
    """A response: its body, or its first piece and the file with the rest."""

    status: int
    headers: Headers
    body: bytes
    rest: File | None = None


def environ(scope: Mapping[str, Any], body: IO[bytes] | io.RawIOBase, length: int | None) -> dict[str, Any]:
    """Build the WSGI environment of a request. Source: PEP 3333.

    Header names with an underscore are dropped: in the environment they are indistinguishable from those with a hyphen,
    so a client could forge headers of a trusted proxy.

    Args:
        scope: the ASGI scope of the request.
        body: stream that the application reads from.
        length: announced number of bytes of the body; None if not announced.
    """
    server = scope.get("server") or ("localhost", 80)
    client = scope.get("client") or ("", 0)
    raw_path = scope.get("raw_path") or str(scope["path"]).encode()
    found: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": str(server[0]),
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": str(client[0]),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": File,
    }
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if "_" in name or name in {"content-length", "content-type"}:
            continue
        key = f"HTTP_{name.upper().replace('-', '_')}"
        joint = "; " if name == "cookie" else ","
        found[key] = f"{found[key]}{joint}{value}" if key in found else value
    if (kind := header(scope, b"content-type")) is not None:
        found["CONTENT_TYPE"] = kind
    if length is not None:
        found["CONTENT_LENGTH"] = str(length)
    return found


def header(scope: Mapping[str, Any], name: bytes) -> str | None:
    """Return the first value of a request header; None if it is missing."""
    return next((value.decode("latin-1") for given, value in scope["headers"] if given == name), None)


def has_body(scope: Mapping[str, Any]) -> bool:
    """Return whether a request announces a body."""
    return header(scope, b"content-length") not in (None, "0") or header(scope, b"transfer-encoding") is not None


def closing(answer: Answer) -> Answer:
    """Return the same response with the connection closed afterwards."""
    kept = [pair for pair in answer.headers if pair[0] != b"connection"]
    return Answer(answer.status, [*kept, (b"connection", b"close")], answer.body, answer.rest)


_ENCODINGS = frozenset({"utf-8", "ascii", "iso8859-1", "cp1252"})


def is_in_known_encoding(scope: Mapping[str, Any]) -> bool:
    """Return whether Django can parse the content type and decode its charset.

    Django decodes query and form with any Python codec: some are not for text, some cannot decode forms, and their
    errors are raised before a response can be made. A charset that Python does not know is ignored.
    """
    try:
        charset = parse_header_parameters(header(scope, b"content-type") or "")[1].get("charset")
        return charset is None or codecs.lookup(charset).name in _ENCODINGS
    except LookupError:
        return True
    except ValueError:
        return False


def call(application: Wsgi, environment: dict[str, Any]) -> Answer:
    """Call the application and return its response independent of the thread: bytes in memory, or a file to be read
    later.

    Anything that is neither a list nor a file is written to a temporary file, so that a slow client never occupies the
    thread.
    """
    started: list[tuple[int, Headers]] = []

    def start(status: str, headers: Sequence[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], None]:
        code = HTTPStatus(int(status.partition(" ")[0]))
        encoded = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        started[:] = [(code, encoded)]
        return _refuse_write

    answered = application(environment, start)
    try:
        file = answered if isinstance(answered, File) else _spooled(answered)
        first = file.read()
    except BaseException:
        _close(answered)
        raise
    status, headers = started[0]
    if len(first) < CHUNK and isinstance(answered, File):
        # A file may return less than requested; then there may be more.
        second = file.read()
        if second:
            return Answer(status, headers, first + second, file)
    if len(first) < CHUNK:
        file.close()
        return Answer(status, headers, first)
    return Answer(status, headers, first, file)


def _spooled(answered: Iterable[bytes]) -> File:
    spool = tempfile.SpooledTemporaryFile(max_size=4 * CHUNK)  # noqa: SIM115 - closed after it was sent
    try:
        for part in answered:
            spool.write(part)
    finally:
        _close(answered)
    spool.seek(0)
    return File(spool)


def _close(answered: object) -> None:
    if (close := getattr(answered, "close", None)) is not None:
        close()


def _refuse_write(data: bytes) -> None:
    raise NotImplementedError("write() of WSGI is not supported: answer with an iterable")
