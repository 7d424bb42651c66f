"""Request parsing: strict JSON, and files as streams that are never held in memory."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final

from django.http import HttpRequest
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from governance.interfaces.rest.problem import Problem
from registry.json_text import is_unstorable

MAX_INTEGER: Final = 2**53 - 1
"""RFC 7493 section 2.2: the largest integer that every JSON parser represents exactly."""
MAX_DEPTH: Final = 32


class StrictJSONParser(BaseParser):
    """JSON as defined by RFC 8259 and RFC 7493 (I-JSON). Input that parsers interpret differently is rejected."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Parse the body.

        Raises:
            Problem: 400 for invalid JSON.
            RequestDataTooBig: a body above DATA_UPLOAD_MAX_MEMORY_SIZE.
        """
        assert parser_context is not None
        # `body`, not `stream`: Django enforces its size limit in `body` only.
        return read_json(parser_context["request"]._request.body)


class JSONOnly(DefaultContentNegotiation):
    """There is one response format, so `Accept` is ignored (RFC 9110 section 12.5.1 allows this)."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


def read_json(raw: bytes) -> Any:
    """Parse a JSON text strictly.

    Rejects: encodings other than UTF-8, NaN and infinities, numbers too large for a double, integers beyond 2^53-1,
    duplicate member names, NUL and lone surrogates in text, more than 32 levels.

    Args:
        raw: the body.

    Raises:
        Problem: 400, with the JSON pointer of the error where it has one.

    Source: RFC 8259, RFC 7493.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(f"The body is not UTF-8 (byte {error.start}).", "encoding") from None
    try:
        document = json.loads(
            text,
            object_pairs_hook=_members,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise _malformed(f"Not JSON: {error.msg} in line {error.lineno}, column {error.colno}.", "syntax") from None
    except RecursionError:
        raise _too_deep() from None
    for pointer, depth, value in _walk(document):
        if depth > MAX_DEPTH:
            raise _too_deep()
        if isinstance(value, str) and is_unstorable(value):
            raise _malformed("Text must not contain NUL or lone surrogates.", "characters", pointer)
    return document


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _malformed(f"The member {json.dumps(twice)} occurs twice in one object.", "duplicate_member")
    return found


def _integer(digits: str) -> int:
    # Check the length first: converting thousands of digits takes quadratic time.
    if len(digits) > 17 or abs(int(digits)) > MAX_INTEGER:
        raise _malformed("Integers are limited to 2^53-1 (RFC 7493); send a larger one as text.", "integer_too_large")
    return int(digits)


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _malformed("A number is too large for a double (RFC 7493).", "number_too_large")
    return number


def _constant(name: str) -> float:
    raise _malformed(f"{name} is not a JSON number; omit the member instead.", "not_finite")


def _walk(document: Any) -> Iterator[tuple[str, int, Any]]:
    """Yield every value and key with its JSON pointer and depth, without recursion."""
    waiting: list[tuple[str, int, Any]] = [("", 0, document)]
    while waiting:
        pointer, depth, value = waiting.pop()
        yield pointer, depth, value
        if isinstance(value, dict):
            for key, member in value.items():
                if is_unstorable(key):
                    yield pointer, depth, key
                    continue
                waiting.append((f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}", depth + 1, member))
        elif isinstance(value, list):
            waiting.extend((f"{pointer}/{index}", depth + 1, member) for index, member in enumerate(value))


def _too_deep() -> Problem:
    return _malformed(f"The document has more than {MAX_DEPTH} levels.", "too_deep")


def _malformed(detail: str, code: str, pointer: str = "") -> Problem:
    return Problem(400, "malformed_json", detail, errors=[{"pointer": pointer, "code": code, "detail": detail}])


def upload(request: Request) -> tuple[HttpRequest, int]:
    """Return the body as an unread stream, and the announced length in bytes.

    Raises:
        Problem: 411 without a length (the end of a chunked body looks like a lost connection), 415 for a form.
    """
    raw = request._request
    announced = raw.META.get("CONTENT_LENGTH") or ""
    if not announced.isdecimal() or raw.META.get("HTTP_TRANSFER_ENCODING"):
        raise Problem(
            411, "length_required", "Send the file's size as Content-Length; chunked bodies are not supported."
        )
    if (raw.content_type or "").startswith(("multipart/", "application/x-www-form-urlencoded")):
        raise Problem(
            415,
            "unsupported_media_type",
            "Send the bytes themselves as the body (application/octet-stream), not a form.",
        )
    return raw, int(announced)
