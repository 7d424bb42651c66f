"""JSON texts from people or clients, received now or stored earlier. Pure.

The parser of the standard library raises RecursionError for deep nesting, and accepts lone surrogates, which neither a
page nor the database can encode. All JSON texts from outside are parsed here, with one exception type.
"""

from __future__ import annotations

import json
from typing import Any

MAX_LEVELS = 32
"""Maximum nesting depth, as for a body of the REST API."""


class JsonTextError(ValueError):
    """A text is not accepted as JSON; `code` is syntax, duplicate_name, too_deep or characters."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


def parse_json(
    text: str | bytes, *, levels: int = MAX_LEVELS, constants: bool = False, unique_names: bool = False
) -> Any:
    """Parse a JSON text from outside.

    Args:
        text: JSON; bytes in UTF-8, UTF-16 or UTF-32.
        levels: maximum nesting depth of objects and arrays.
        constants: accept NaN, Infinity and -Infinity, which are not JSON and which Python writes; the caller checks
            every number.
        unique_names: refuse an object with two members of one name, of which readers take different ones (RFC 8259,
            section 4). For texts whose meaning another program also judges, such as signed statements.

    Returns:
        The value.

    Raises:
        JsonTextError: the text is not JSON (without `constants`, NaN and Infinity are not), is nested deeper, contains
            NUL or a lone surrogate, or repeats a name that has to be unique.
    """
    try:
        value = json.loads(
            text,
            parse_constant=float if constants else _refuse_constant,
            object_pairs_hook=_unique_members if unique_names else None,
        )
    except JsonTextError:
        raise
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
    """Parse a JSON text from outside; return `fallback` if `parse_json` refuses it."""
    try:
        return parse_json(text)
    except JsonTextError:
        return fallback


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]  # add
        raise JsonTextError("duplicate_name", f"one object has two members named {name[:100]!r}")
    return found


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _too_deep(levels: int) -> JsonTextError:
    return JsonTextError("too_deep", f"nested deeper than {levels} levels")


def is_unstorable(text: str) -> bool:
    """Return whether a text contains NUL or a lone surrogate, which the database refuses and pages cannot show."""
    return "\x00" in text or (not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text))


def _refuse_unstorable(text: str) -> None:
    if is_unstorable(text):
        raise JsonTextError("characters", "holds NUL or half of a surrogate pair")
