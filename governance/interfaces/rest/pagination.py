"""Pages of lists by `registry.selectors.keyset`, forward only, with strict cursors."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from governance.interfaces.rest.endpoint import respond
from governance.interfaces.rest.problem import Problem
from governance.interfaces.rest.schemas import Page, PageQuery
from registry import moments
from registry.selectors import keyset

Row = TypeVar("Row", bound=Model)
Place = TypeVar("Place", bound=str | int)


def encode(place: str | int | list[Any]) -> str:
    """Encode the last key of a page as an opaque cursor."""
    return keyset.encode_cursor(place)


def decode(cursor: str, kind: type[Place]) -> Place:
    """Decode a cursor.

    Raises:
        Problem: 400 for a cursor that was not issued by this API.
    """
    return _sound(_read(cursor), kind)


def _read(cursor: str) -> Any:
    try:
        return keyset.decode_cursor(cursor)
    except ValueError:
        raise refused() from None


def _sound(place: Any, kind: type[Place]) -> Place:
    if type(place) is not kind or (isinstance(place, int) and not 0 <= place < 2**63) or "\x00" in str(place):
        raise refused()
    return place


def refused() -> Problem:
    """400 response for an invalid cursor."""
    detail = "This cursor is invalid: use `next` of the previous page, or omit it."
    return Problem(400, "invalid_request", detail, errors=[{"pointer": "?cursor", "code": "cursor", "detail": detail}])


Keys = tuple[tuple[str, type[str] | type[int] | type[datetime]], ...]
"""Fields that order a list, with `-` for descending, and the types of their values. Together they must be unique."""
OLDEST_FIRST: Keys = (("pk", int),)
NEWEST_FIRST: Keys = (("-pk", int),)


def by_keys(rows: QuerySet[Row], keys: Keys, query: PageQuery) -> tuple[list[Row], str | None]:
    """Return one page of rows ordered by several fields, and the cursor of the next page (None at the end).

    Args:
        rows: the query; without an order.
        keys: the fields that order it.
        query: cursor and page size.

    Raises:
        Problem: 400 for an invalid cursor.
    """
    if query.cursor is not None:
        rows = rows.filter(keyset.rows_after([name for name, _ in keys], _places(query.cursor, keys)))
    found = list(rows.order_by(*(name for name, _ in keys))[: query.limit + 1])
    shown = found[: query.limit]
    if len(found) <= query.limit:
        return shown, None
    last = keyset.values_of(shown[-1], [name for name, _ in keys])
    return shown, encode(last[0] if len(last) == 1 else last)


def _places(cursor: str, keys: Keys) -> list[Any]:
    if len(keys) == 1:
        kind = keys[0][1]
        assert kind is not datetime
        return [decode(cursor, kind)]  # type: ignore[type-var]  # times never order a list alone
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


def respond_page(request: Request, page: Page[Any]) -> Response:
    """Serialize a page of a list, with a `Link` header to the next page (RFC 8288) unless it is the last."""
    if page.next is None:
        return respond(page)
    query = {**request.query_params.dict(), "cursor": page.next}
    return respond(page, headers={"Link": f'<{request.path}?{urlencode(query)}>; rel="next"'})
