"""Keyset pagination: a page begins after the last keys of the previous one, so that new rows do not shift it.

The web interface shows the first page for an invalid cursor and the REST interface refuses it, so each reads cursors in
its own way. The condition, the values of the keys and the encoding of a cursor are the same, and are here.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Q

from registry.json_text import parse_json


def rows_after(keys: Sequence[str], values: Sequence[Any]) -> Q:
    """Return the condition for the rows that follow a row in the order of the keys.

    It is a > x, or a = x and b > y, and so on. The redundant condition a >= x lets an index scan begin at x.

    Args:
        keys: fields that order the list, with `-` for descending; together they are unique.
        values: the values of that row, one for each key.
    """
    condition, equal = Q(), Q()
    for key, value in zip(keys, values, strict=True):
        name = key.lstrip("-")
        condition |= equal & Q(**{f"{name}__{'lt' if key.startswith('-') else 'gt'}": value})
        equal &= Q(**{name: value})
    if len(keys) == 1:
        return condition
    first = keys[0].lstrip("-")
    return Q(**{f"{first}__{'lte' if keys[0].startswith('-') else 'gte'}": values[0]}) & condition


def values_of(row: Any, keys: Sequence[str]) -> list[Any]:
    """Return the values of a row for the keys, which may lead through foreign keys; times and days as ISO 8601."""
    found = []
    for key in keys:
        value = row
        for step in key.lstrip("-").split("__"):
            value = getattr(value, step)
        found.append(value.isoformat() if isinstance(value, datetime | date) else value)
    return found


def encode_cursor(value: Any) -> str:
    """Return a JSON value as an opaque cursor: URL-safe base64 without padding."""
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> Any:
    """Return the JSON value of a cursor.

    Raises:
        ValueError: the text is not a cursor.
    """
    try:
        return parse_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except binascii.Error as error:
        raise ValueError("The text is not base64.") from error
