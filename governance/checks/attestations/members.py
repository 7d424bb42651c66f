"""Typed reading of JSON documents from outside: a member that is missing or of another type is named by its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from registry import json_text

MAX_DOCUMENT = 32 << 20
"""Maximum size of a document in bytes; the list of 100,000 files has about 20 MB."""
MAX_LEVELS = 64


class AttestationError(Exception):
    """A document cannot be used. `code` is that of the finding, `where` the place in the document."""

    def __init__(self, code: str, message: str, where: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.where = code, message, where


def read_document(path: Path, size: int, what: str) -> Any:
    """Read a JSON document whose objects have no two members of one name.

    Args:
        path: the local copy.
        size: its size in bytes.
        what: names the document in messages, such as "The signature bundle".

    Raises:
        AttestationError: too large, or not such a document.
    """
    if size > MAX_DOCUMENT:
        raise AttestationError(
            "too_large", f"{what} has {size:,} bytes; more than {MAX_DOCUMENT:,} are not read.", path.name
        )
    return parse_document(path.read_bytes(), what)


def parse_document(raw: bytes, what: str, where: str = "") -> Any:
    """Parse JSON whose objects have no two members of one name.

    Raises:
        AttestationError: the bytes are no such document.
    """
    try:
        return json_text.parse_json(raw, levels=MAX_LEVELS, unique_names=True)
    except json_text.JsonTextError as error:
        code = "duplicate_name" if error.code == "duplicate_name" else "not_json"
        raise AttestationError(code, f"{what} cannot be read: {error.detail}."[:1000], where) from None


def member_object(parent: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """Return a member that is an object. Raises AttestationError otherwise."""
    value = parent.get(name)
    if not isinstance(value, dict):
        raise _wrong(name, "an object", value, where)
    return value


def member_list(parent: dict[str, Any], name: str, where: str) -> list[Any]:
    """Return a member that is a list of at least one value. Raises AttestationError otherwise."""
    value = parent.get(name)
    if not isinstance(value, list) or not value:
        raise _wrong(name, "a list of at least one value", value, where)
    return value


def member_text(parent: dict[str, Any], name: str, where: str) -> str:
    """Return a member that is a text of at least one character. Raises AttestationError otherwise."""
    value = parent.get(name)
    if not isinstance(value, str) or not value:
        raise _wrong(name, "a text", value, where)
    return value


def as_object(value: Any, where: str) -> dict[str, Any]:
    """Return a value that is an object. Raises AttestationError otherwise."""
    if not isinstance(value, dict):
        raise AttestationError("malformed", f"{where or 'The document'} must be a JSON object.", where)
    return value


def _wrong(name: str, wanted: str, value: Any, where: str) -> AttestationError:
    place = f"{where}/{name}"
    found = "is missing" if value is None else f"is {shown(value)}"
    return AttestationError("malformed", f"{place} must be {wanted}; it {found}.", place[:500])


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, and as text that can be stored."""
    return ascii(value)[:120]
