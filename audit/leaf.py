"""The bytes of an event, its leaf hash, and commitments to erasable values. Pure functions.

A leaf is UTF-8 JSON according to RFC 8785 (JCS) on a restricted domain, where the encoder of the standard library and
JCS agree byte for byte: keys ``[a-z][a-z0-9_]*``, integers up to 2^53-1, no floats, no NUL, no lone surrogates. Strings
are not normalised. Leaves are stored, exported and hashed as bytes and never serialised again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NoReturn, TypeAlias

from audit.exceptions import LeafTooLongError, NotCanonicalError

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"

EVENT_TYPE = "audit.event/1"
MAX_LEAF_BYTES = 65_535
"""An entry of C2SP tlog-tiles carries its length in sixteen bits."""
MAX_INTEGER = 2**53 - 1
"""The largest integer every JSON reader keeps exactly (RFC 8785 section 3.2.2.3, RFC 7493)."""
MAX_DEPTH = 32
"""Deeper nesting serves no event and could exhaust the reader's stack."""
SALT_BYTES = 32

_KEY = re.compile(r"[a-z][a-z0-9_]*")
_COMMITMENT_PREFIX = "hmac-sha256:"
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def encode(value: Json) -> bytes:
    """Return the canonical bytes of a value.

    Raises:
        NotCanonicalError: a value is outside the domain; the exception has the JSON pointer of the first one.
    """
    _check(value, 0)
    return _encode(value).encode()


def encode_leaf(event: Mapping[str, Json]) -> bytes:
    """Return the canonical bytes of a whole event.

    Raises:
        NotCanonicalError: a value is outside the domain.
        LeafTooLongError: the leaf has more than 65,535 bytes.
    """
    leaf = encode(event)
    if len(leaf) > MAX_LEAF_BYTES:
        raise LeafTooLongError(len(leaf), MAX_LEAF_BYTES)
    return leaf


def decode(data: bytes) -> Json:
    """Parse canonical bytes.

    Raises:
        NotCanonicalError: the bytes are not what :func:`encode` produces: other whitespace, key order or escapes,
            duplicate keys, floats, invalid UTF-8.
    """
    try:
        value: Json = json.loads(
            data.decode(), object_pairs_hook=_unique, parse_float=_no_float, parse_constant=_no_float
        )
    except UnicodeDecodeError:
        raise NotCanonicalError("the bytes are not UTF-8.") from None
    except json.JSONDecodeError as fault:
        raise NotCanonicalError(f"the bytes are not JSON ({fault.msg} at character {fault.pos}).") from None
    except RecursionError:
        raise NotCanonicalError(f"nested deeper than {MAX_DEPTH} levels.") from None
    if encode(value) != data:
        raise NotCanonicalError("the bytes are JSON, but not its canonical form (RFC 8785).")
    return value


def leaf_hash(leaf: bytes) -> bytes:
    """Return SHA-256(0x00 || leaf).

    Source: Merkle leaf hash, RFC 9162 section 2.1.1.
    """
    return hashlib.sha256(b"\x00" + leaf).digest()


def commitment(*, salt: bytes, event_id: str, field: str, value: str) -> str:
    """Return "hmac-sha256:" and HMAC-SHA-256(salt, JCS([event id, field, value])), a commitment that does not reveal
    the value.

    Args:
        salt: 32 random bytes, stored with the value. Once salt and value are deleted, the commitment reveals nothing.

    Raises:
        ValueError: the salt has another length.
        NotCanonicalError: the value is not clean text.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"A commitment's salt has {SALT_BYTES} bytes, not {len(salt)}.")
    return _COMMITMENT_PREFIX + hmac.new(salt, encode([event_id, field, value]), hashlib.sha256).hexdigest()


def verify_commitment(committed: str, *, salt: bytes, event_id: str, field: str, value: str) -> bool:
    """Return whether the commitment was made from this salt and value, for this event and field."""
    try:
        made = commitment(salt=salt, event_id=event_id, field=field, value=value)
    except (ValueError, NotCanonicalError):
        return False
    return hmac.compare_digest(made, committed)


def timestamp(moment: datetime) -> str:
    """Return the time as ``YYYY-MM-DDTHH:MM:SS.ffffffZ``.

    Raises:
        ValueError: the time is naive.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"A recorded time needs a time zone, and {moment!r} has none.")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _check(value: object, depth: int) -> None:
    """Raise NotCanonicalError for a value outside the domain. The pointer is built while the exception propagates."""
    if isinstance(value, str):
        _check_text(value)
    elif value is None or isinstance(value, bool):
        return
    elif isinstance(value, int):
        if not -MAX_INTEGER <= value <= MAX_INTEGER:
            raise NotCanonicalError("integers go up to 2^53-1; write a larger one as text.")
    elif isinstance(value, dict | list | tuple):
        if depth >= MAX_DEPTH:
            raise NotCanonicalError(f"nested deeper than {MAX_DEPTH} levels.")
        for step, member in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(value, dict) and not (isinstance(step, str) and _KEY.fullmatch(step)):
                raise NotCanonicalError(f"the key {step!r} is not lower-case letters, digits and underscores.")
            try:
                _check(member, depth + 1)
            except NotCanonicalError as fault:
                fault.prefix_path(step)
                raise
    elif isinstance(value, float):
        raise NotCanonicalError("floats have no canonical text; write the number as a decimal string.")
    else:
        raise NotCanonicalError(
            f"{type(value).__name__} is not a JSON type; use None, bool, int, str, list or dict, times as text."
        )


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise NotCanonicalError("text must not hold a NUL character.")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise NotCanonicalError("text must not hold half of a surrogate pair.") from None


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotCanonicalError("a key appears twice in one object.")
    return found


def _no_float(text: str) -> NoReturn:
    raise NotCanonicalError(f"the number {text} is a float; leaves hold integers only.")
