"""Parsers of MLflow's filter, order_by and page token syntax. Pure functions."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from governance.interfaces.mlflow.errors import MlflowError, invalid
from governance.selectors.compact_search import MODEL_ORDER, VERSION_ORDER, Clause
from registry.json_text import parse_json

_TEXT = r"'[^']*'|\"[^\"]*\""
_TOKENS = re.compile(
    rf"""\s*(?:
        (?P<list>\(\s*(?:(?:{_TEXT})\s*(?:,\s*(?:{_TEXT})\s*)*)?\))
      | (?P<comparator>!=|<=|>=|=|<|>|NOT\s+IN\b|(?:I?LIKE|IN|IS\s+NOT|IS)\b)
      | (?P<and>AND\b)
      | (?P<key>(?:[A-Za-z_]+\.)?(?:`[^`]*`|\"[^\"]*\"|[A-Za-z_][\w.\-/]*))
      | (?P<text>'[^']*')
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?)
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_EACH_TEXT = re.compile(_TEXT)
_KEY = re.compile(r"(?:(?P<kind>[A-Za-z_]+)\.)?(?P<name>.+)", re.DOTALL)
_ORDER = re.compile(r"\s*(?:attributes?\.)?[`\"]?(\w+)[`\"]?(?:\s+(ASC|DESC))?\s*", re.IGNORECASE)

_STRINGS = frozenset({"=", "!=", "LIKE", "ILIKE", "IN", "NOT IN"})
_PATTERNS = frozenset({"=", "!=", "LIKE", "ILIKE"})
_NUMBERS = frozenset({"=", "!=", "<", "<=", ">", ">="})

MODEL_KEYS = {"name": _STRINGS}
VERSION_KEYS = {"name": _STRINGS, "run_id": _STRINGS, "source_path": _PATTERNS, "version_number": _NUMBERS}
MAX_OFFSET = 10**9


class _Token(NamedTuple):
    kind: str
    text: str


def clauses(text: str, keys: dict[str, frozenset[str]]) -> list[Clause]:
    """Parse a filter: comparisons joined by AND.

    Args:
        text: the filter string.
        keys: the allowed attributes, each with its comparators.

    Raises:
        MlflowError: the filter is invalid; the message contains the invalid part.
    """
    tokens = list(_tokens(text))
    found: list[Clause] = []
    if not tokens:
        return found
    start = 0
    for end in [i for i, token in enumerate(tokens) if token.kind == "and"] + [len(tokens)]:
        found.append(_clause(tokens[start:end], text, keys))
        start = end + 1
    return found


def model_order(given: Sequence[str]) -> list[tuple[str, bool]]:
    """Parse the order_by of models."""
    return _order(given, list(MODEL_ORDER))


def version_order(given: Sequence[str]) -> list[tuple[str, bool]]:
    """Parse the order_by of versions."""
    return _order(given, list(VERSION_ORDER))


def offset_of(token: str | None) -> int:
    """Decode a page token to an offset. Raises MlflowError for a token that was not issued here."""
    if not token:
        return 0
    try:
        read = parse_json(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        raise invalid("Invalid page token, could not base64-decode") from None
    offset = read.get("offset") if isinstance(read, dict) else None
    if type(offset) is not int or not 0 <= offset <= MAX_OFFSET:
        raise invalid("Invalid page token, could not base64-decode")
    return offset


def token_for(offset: int) -> str:
    """Encode the token of the page that begins at this offset."""
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def _tokens(text: str) -> Iterable[_Token]:
    place = 0
    text = text.rstrip()
    while place < len(text):
        found = _TOKENS.match(text, place)
        if found is None or found.lastgroup is None:
            raise _invalid_clause(text[place:])
        yield _Token(found.lastgroup, found[found.lastgroup])
        place = found.end()


def _clause(tokens: Sequence[_Token], text: str, keys: dict[str, frozenset[str]]) -> Clause:
    kinds = tuple(token.kind for token in tokens)
    # A value in double quotes is tokenized as a key.
    if len(tokens) != 3 or kinds[0] not in ("key", "text") or kinds[1] != "comparator":
        raise _invalid_clause(" ".join(token.text for token in tokens) or text)
    key, tag = _key(tokens[0].text, keys)
    comparator = " ".join(tokens[1].text.upper().split())
    allowed = _PATTERNS if tag else keys[key]
    if comparator not in allowed:
        raise invalid(
            f"Invalid comparator for {'tag' if tag else 'attribute'}: {comparator}. Use one of "
            f"{', '.join(sorted(allowed))}."
        )
    return Clause(key, comparator, _value(tokens[2], key, comparator, number=allowed is _NUMBERS), tag=tag)


def _key(text: str, keys: dict[str, frozenset[str]]) -> tuple[str, bool]:
    """Return a column name and False, or a tag key and True."""
    found = _KEY.fullmatch(text) if text[0] not in "`\"'" else None
    kind = (found["kind"] or "attribute") if found is not None else "attribute"
    name = found["name"] if found is not None else text
    if name[0] in "`\"'":
        name = name[1:-1]
    if kind.lower() in ("tag", "tags"):
        if not name:
            raise _invalid_clause(text)
        return name, True
    if kind.lower() not in ("attribute", "attributes"):
        raise invalid(f"Invalid entity type '{kind}'. Valid entity types are ('attribute', 'tag', 'tags')")
    if name not in keys:
        raise invalid(f"Invalid attribute key '{name}' specified. Valid keys are '{', '.join(keys)}'")
    return name, False


def _value(token: _Token, key: str, comparator: str, *, number: bool) -> str | int | tuple[str, ...]:
    if comparator in ("IN", "NOT IN"):
        items = tuple(item[1:-1] for item in _EACH_TEXT.findall(token.text)) if token.kind == "list" else ()
        if not items:
            raise invalid(
                f"While parsing a list in the query, expected a non-empty list of string values, got {token.text}"
            )
        return items
    quoted = token.kind == "text" or (token.kind == "key" and token.text[0] == '"')
    plain = token.text[1:-1] if quoted else token.text
    if number:
        if token.kind in ("number", "text", "key") and re.fullmatch(r"-?[0-9]{1,100}", plain):
            return int(plain)
        raise invalid(f"Expected an integer value for attribute {key}, got {token.text}.")
    if not quoted:
        raise invalid(
            f"Expected a quoted string value for {key} (e.g. 'my-value'). Got value {token.text}: "
            "a string is enclosed in single or double quotes."
        )
    return plain


def _order(given: Sequence[str], keys: Sequence[str]) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    for text in given:
        read = _ORDER.fullmatch(text)
        if read is None:
            raise invalid(f"Invalid order_by clause '{text}'. Write a key, then ASC or DESC.")
        key = read[1]
        if key not in keys:
            raise invalid(f"Invalid order by key '{key}' specified. Valid keys are {', '.join(keys)}")
        if any(key == earlier for earlier, _ in found):
            raise invalid(f"`order_by` contains the duplicate field '{key}'.")
        found.append((key, (read[2] or "ASC").upper() == "DESC"))
    return found


def _invalid_clause(text: str) -> MlflowError:
    return invalid(f"Invalid clause(s) in filter string: '{text.strip()[:200]}'")
