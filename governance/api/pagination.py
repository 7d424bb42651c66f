"""Pages of lists: by where the last one ended, never by number, so that nothing new shifts or repeats a row."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from rest_framework.request import Request

from governance.api.problem import Problem

Row = TypeVar("Row", bound=Model)
Place = TypeVar("Place", bound=str | int)


def encode(place: str | int) -> str:
    """Where a page ended, as an opaque text."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def decode(cursor: str, kind: type[Place]) -> Place:
    """Where a page ended. Raises Problem for a cursor we did not make."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        raise refused() from None
    if type(place) is not kind or (isinstance(place, int) and not 0 <= place < 2**63) or "\x00" in str(place):
        raise refused()
    return place


def refused() -> Problem:
    """The answer to a cursor that is none."""
    detail = "This cursor is none of ours: take `next` of the page before, or leave it out."
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
    """One page of rows in the order of one unique field, and the cursor of the next (None at the end).

    Args:
        by: the field; an index on it makes every page as cheap as the first.
        kind: type of its values.
        place: the field's value of a row.
    """
    if cursor is not None:
        rows = rows.filter(**{f"{by}__{'lt' if descending else 'gt'}": decode(cursor, kind)})
    found = list(rows.order_by(f"-{by}" if descending else by)[: limit + 1])
    shown = found[:limit]
    return shown, encode(place(shown[-1])) if len(found) > limit else None


def link(request: Request, cursor: str | None) -> Mapping[str, str]:
    """The `Link` header to the next page (RFC 8288); nothing at the end."""
    if cursor is None:
        return {}
    query: dict[str, Any] = {**request.query_params.dict(), "cursor": cursor}
    return {"Link": f'<{request.path}?{urlencode(query)}>; rel="next"'}
