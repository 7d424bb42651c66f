"""Pages of lists by `registry.selectors.keyset`, in both directions: no counting, and constant cost for every page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import DateField, DateTimeField, Field, Model, Q, QuerySet, Value
from django.http import QueryDict

from registry import moments
from registry.selectors import keyset

M = TypeVar("M", bound=Model)

SIZE = 25


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows in order, and the cursors of the adjacent pages (empty at either end)."""

    rows: list[M]
    newer: str
    older: str


def paginate(rows: QuerySet[M], keys: Sequence[str], params: QueryDict, *, size: int = SIZE) -> Page[M]:
    """Return the page requested by `params` (`after` or `before` with a cursor); the first page for an invalid cursor.

    Args:
        rows: the query.
        keys: fields or annotations that order the list, `-` for descending; together they must be unique.
        params: query parameters of the request.
        size: rows per page.
    """
    backwards = "before" in params and "after" not in params
    ordered = rows.order_by(*(_turned(keys) if backwards else keys))
    given = params.get("before" if backwards else "after", "")
    beyond = _beyond(rows, _turned(keys) if backwards else keys, given)
    if beyond is None:
        backwards, ordered = False, rows.order_by(*keys)
        found = list(ordered[: size + 1])
    else:
        try:
            found = list(ordered.filter(beyond)[: size + 1])
        except (ValueError, TypeError, ValidationError):  # a cursor edited by hand
            return paginate(rows, keys, QueryDict(), size=size)
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    began = beyond is not None
    has_newer = more if backwards else began
    has_older = True if backwards else more
    return Page(
        rows=found,
        newer=_cursor(found[0], keys) if found and has_newer else "",
        older=_cursor(found[-1], keys) if found and has_older else "",
    )


def paginate_union(
    parts: Sequence[QuerySet[M]], shown: QuerySet[M], keys: Sequence[str], params: QueryDict, *, size: int = SIZE
) -> Page[M]:
    """Return the requested page of several lists, one after another. Two queries.

    Each list is ordered by `keys`, so that an index serves each and none is sorted as a whole.

    Args:
        parts: the lists; no row may be in two of them.
        shown: the query that loads the rows of the page.
        keys: fields of the rows, unique within each part.
        params: query parameters of the request.
        size: rows per page.
    """
    backwards = "before" in params and "after" not in params
    read = _read(params.get("before" if backwards else "after", ""))
    place = read[0] if read else None
    if (
        read is None
        or not isinstance(place, int)
        or not 0 <= place < len(parts)
        or not _are_storable(parts[place], keys, read[1:])
    ):
        backwards, place, read = False, 0, None
    turned = _turned(keys) if backwards else list(keys)
    queries = []
    for part in range(place, -1, -1) if backwards else range(place, len(parts)):
        rows = parts[part].order_by(*turned)
        if read is not None and part == place:
            rows = rows.filter(keyset.rows_after(turned, read[1:]))
        queries.append(rows.annotate(part=Value(part)).values_list("part", "pk")[: size + 1])
    try:
        found = list(queries[0].union(*queries[1:], all=True) if len(queries) > 1 else queries[0])
    except (ValueError, TypeError, ValidationError):  # a cursor edited by hand
        return paginate_union(parts, shown, keys, QueryDict(), size=size)
    found.sort(key=lambda row: -row[0] if backwards else row[0])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    by_key = shown.in_bulk([pk for _, pk in found])
    rows_shown = [by_key[pk] for _, pk in found]
    has_newer = more if backwards else read is not None
    has_older = True if backwards else more
    return Page(
        rows=rows_shown,
        newer=_cursor(rows_shown[0], keys, found[0][0]) if found and has_newer else "",
        older=_cursor(rows_shown[-1], keys, found[-1][0]) if found and has_older else "",
    )


def _turned(keys: Sequence[str]) -> list[str]:
    return [key[1:] if key.startswith("-") else f"-{key}" for key in keys]


def _beyond(rows: QuerySet[M], keys: Sequence[str], cursor: str) -> Q | None:
    """The condition for rows after the cursor; None for an invalid cursor."""
    values = _read(cursor)
    if values is None or not _are_storable(rows, keys, values):
        return None
    return keyset.rows_after(keys, values)


def _are_storable(rows: QuerySet[M], keys: Sequence[str], values: Sequence[Any]) -> bool:
    """Whether each value of a cursor can be compared with its column. Dates are parsed strictly, because the database
    rejects some that Django accepts.
    """
    if len(values) != len(keys):
        return False
    for key, value in zip(keys, values, strict=True):
        field = _field(rows, key.lstrip("-"))
        try:
            if isinstance(field, DateTimeField):
                moments.read_moment(str(value))
            elif isinstance(field, DateField):
                moments.read_day(str(value))
        except moments.MomentError:
            return False
    return True


def _field(rows: QuerySet[M], path: str) -> Field[Any, Any] | None:
    """The field or annotation of a key."""
    annotation = rows.query.annotations.get(path)
    if annotation is not None:
        return getattr(annotation, "output_field", None)
    model: Any = rows.model
    field: Any = None
    for step in path.split("__"):
        field = model._meta.get_field(step)
        model = field.related_model
    return field  # type: ignore[no-any-return]  # a step may lead to any field


def _cursor(row: Model, keys: Sequence[str], part: int | None = None) -> str:
    values = keyset.values_of(row, keys)
    return keyset.encode_cursor(values if part is None else [part, *values])


def _read(cursor: str) -> list[Any] | None:
    if not cursor or len(cursor) > 600:
        return None
    try:
        values = keyset.decode_cursor(cursor)
    except ValueError:
        return None
    if not isinstance(values, list) or not all(isinstance(v, str | int) for v in values):
        return None
    return None if any(isinstance(v, str) and "\x00" in v for v in values) else values
