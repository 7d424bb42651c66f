"""JSON in a text that people or clients sent, now or earlier. Pure.

The reader of the standard library raises RecursionError for deep nesting, and its values may hold half surrogate pairs
that neither a page nor the database can write. Text from outside is read here, with one named error for all of it.
"""

from __future__ import annotations

import json
from typing import Any

MAX_LEVELS = 32
"""Levels that are read at most: those of a body of the REST API."""


class JsonTextError(ValueError):
    """A text that is not read as JSON; `code` is syntax, too_deep or characters."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def parse_json(text: str | bytes, *, levels: int = MAX_LEVELS) -> Any:
    """Parse a JSON text from outside.

    Args:
        text: JSON; bytes in UTF-8, UTF-16 or UTF-32.
        levels: objects and arrays within each other, at most.

    Returns:
        The value.

    Raises:
        JsonTextError: for a text that is not JSON (NaN and Infinity are not), is nested deeper, or holds NUL or half of
            a surrogate pair.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise _too_deep(levels) from None
    except ValueError as fault:
        raise JsonTextError("syntax", f"not JSON: {fault}") from None
    waiting = [(value, 0)]
    while waiting:
        each, depth = waiting.pop()
        if isinstance(each, str):
            _refuse_unstorable(each)
        elif isinstance(each, dict | list):
            if depth == levels:
                raise _too_deep(levels)
            if isinstance(each, dict):
                for key in each:
                    _refuse_unstorable(key)
            waiting += [(member, depth + 1) for member in (each.values() if isinstance(each, dict) else each)]
    return value


def parse_json_or(text: str | bytes, fallback: Any) -> Any:
    """Parse a JSON text from outside; return `fallback` for one that `parse_json` refuses."""
    try:
        return parse_json(text)
    except JsonTextError:
        return fallback


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _too_deep(levels: int) -> JsonTextError:
    return JsonTextError("too_deep", f"nested deeper than {levels} levels")


def is_unstorable(text: str) -> bool:
    """Return whether a text holds NUL or half of a surrogate pair, which the database refuses and pages cannot show."""
    return "\x00" in text or (not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text))


def _refuse_unstorable(text: str) -> None:
    if is_unstorable(text):
        raise JsonTextError("characters", "holds NUL or half of a surrogate pair")
