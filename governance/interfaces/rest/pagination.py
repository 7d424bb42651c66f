"""Keyset pagination: a page begins after the last key of the previous page; new rows do not shift it."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from governance.interfaces.rest.problem import Problem
from governance.interfaces.rest.schemas import PageQuery
from registry import moments
from registry.json_text import parse_json

Row = TypeVar("Row", bound=Model)
Place = TypeVar("Place", bound=str | int)


def encode(place: str | int | list[Any]) -> str:
    """Encode the last key of a page as an opaque cursor."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def decode(cursor: str, kind: type[Place]) -> Place:
    """Decode a cursor.

    Raises:
        Problem: 400 for a cursor that was not issued by this API.
    """
    return _sound(_read(cursor), kind)


def _read(cursor: str) -> Any:
    try:
        return parse_json(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        raise refused() from None


def _sound(place: Any, kind: type[Place]) -> Place:
    if type(place) is not kind or (isinstance(place, int) and not 0 <= place < 2**63) or "\x00" in str(place):
        raise refused()
    return place


def refused() -> Problem:
    """400 response for an invalid cursor."""
    detail = "This cursor is invalid: use `next` of the previous page, or omit it."
    return Problem(400, "invalid_request", detail, errors=[{"pointer": "?cursor", "code": "cursor", "detail": detail}])


def page(
    rows: QuerySet[Row],
    *,
    by: str,
    kind: type[str] | type[int],
    descending: bool = False,
    cursor: str | None,
    limit: int,
    place: Callable[[Row], str | int],
) -> tuple[list[Row], str | None]:
    """Return one page of rows ordered by one unique field, and the cursor of the next page (None at the end).

    Args:
        rows: the query; without an order.
        by: the field; an index on it keeps every page as fast as the first.
        kind: type of its values.
        descending: order from the highest value.
        cursor: from the previous page; None for the first page.
        limit: rows per page.
        place: returns the field's value of a row.

    Raises:
        Problem: 400 for an invalid cursor.
    """
    if cursor is not None:
        rows = rows.filter(**{f"{by}__{'lt' if descending else 'gt'}": decode(cursor, kind)})
    found = list(rows.order_by(f"-{by}" if descending else by)[: limit + 1])
    shown = found[:limit]
    return shown, encode(place(shown[-1])) if len(found) > limit else None


Keys = tuple[tuple[str, type[str] | type[int] | type[datetime]], ...]
"""Fields that order a list, with `-` for descending, and the types of their values. Together they must be unique."""


def by_keys(rows: QuerySet[Row], keys: Keys, asked: PageQuery) -> tuple[list[Row], str | None]:
    """Return one page of rows ordered by several fields, and the cursor of the next page (None at the end).

    Args:
        rows: the query; without an order.
        keys: the fields that order it.
        asked: cursor and page size.

    Raises:
        Problem: 400 for an invalid cursor.
    """
    if asked.cursor is not None:
        rows = rows.filter(_after(keys, _places(asked.cursor, keys)))
    found = list(rows.order_by(*(name for name, _ in keys))[: asked.limit + 1])
    shown = found[: asked.limit]
    if len(found) <= asked.limit:
        return shown, None
    last = [_value(shown[-1], name) for name, _ in keys]
    return shown, encode(last[0] if len(last) == 1 else [v.isoformat() if isinstance(v, datetime) else v for v in last])


def _value(row: Any, name: str) -> Any:
    for step in name.lstrip("-").split("__"):
        row = getattr(row, step)
    return row


def _places(cursor: str, keys: Keys) -> list[Any]:
    if len(keys) == 1:
        kind = keys[0][1]
        assert kind is not datetime
        return [decode(cursor, kind)]  # type: ignore[type-var]
    read = _read(cursor)
    if not isinstance(read, list) or len(read) != len(keys):
        raise refused()
    return [_place(value, kind) for value, (_, kind) in zip(read, keys, strict=True)]


def _place(value: Any, kind: type[str] | type[int] | type[datetime]) -> Any:
    if kind is datetime and isinstance(value, str):
        try:
            return moments.read_moment(value)
        except moments.MomentError:
            raise refused() from None
    return _sound(value, str if kind is str else int)


def _after(keys: Keys, places: Sequence[Any]) -> Q:
    """a > x, or a = x and b > y, and so on. The redundant condition a >= x lets an index scan begin at x."""
    condition, equal = Q(), Q()
    for (key, _), place in zip(keys, places, strict=True):
        name = key.lstrip("-")
        condition |= equal & Q(**{f"{name}__{'lt' if key.startswith('-') else 'gt'}": place})
        equal &= Q(**{name: place})
    first = keys[0][0]
    return condition & Q(**{f"{first.lstrip('-')}__{'lte' if first.startswith('-') else 'gte'}": places[0]})


def link(request: Request, cursor: str | None) -> Mapping[str, str]:
    """The `Link` header to the next page (RFC 8288); empty on the last page."""
    if cursor is None:
        return {}
    query: dict[str, Any] = {**request.query_params.dict(), "cursor": cursor}
    return {"Link": f'<{request.path}?{urlencode(query)}>; rel="next"'}
