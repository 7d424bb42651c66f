"""Rows with their related rows, read by statements that the database plans once per connection.

They read what `select_related` reads, for frequent responses: compiling and planning such a query takes several times
as long as executing it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, models

from audit.postgresql import prepared_statements
from registry.models.managers import Reading, reading_of

_Row = TypeVar("_Row", bound=models.Model)
_NONE: frozenset[str] = frozenset()


class _Relation(NamedTuple):
    """A relation that is followed: its path, the path of the rows it starts from, and its field."""

    path: str
    holder: str
    field: models.ForeignKey[Any, Any] | models.OneToOneRel
    target: type[models.Model]


_Known = dict[tuple[type[models.Model], Any], models.Model]
"""The joined rows of one result by key: a row that several others refer to is created once."""


class _Built(NamedTuple):
    """The parts of the statement: the columns it selects, the tables with their joins, the relations in that order."""

    columns: Sequence[str]
    tables: str
    relations: Sequence[_Relation]


class JoinedRows(Generic[_Row]):
    """Reads rows of one model together with the rows that their foreign keys refer to.

    Args:
        model: the model.
        alias: alias of its table in the statements.
        related: foreign keys, and one-to-one relations to this row, to follow, in the form of `select_related`.
        aliases: aliases of the joined tables, by path; the default is the path.
        deferred: paths of large columns that are not read, as with `defer`; a use of one reads it with another query.
    """

    def __init__(
        self,
        model: type[_Row],
        alias: str,
        related: Sequence[str] = (),
        aliases: Mapping[str, str] | None = None,
        *,
        deferred: Sequence[str] = (),
    ) -> None:
        self._model, self._alias = model, alias
        self._related, self._aliases = _with_beginnings(related), aliases or {}
        self._deferred: dict[str, frozenset[str]] = {}
        for path in deferred:
            before, _, name = path.rpartition("__")
            self._deferred[before] = self._deferred.get(before, _NONE) | {name}
        self._built: _Built | None = None

    def fetch(self, ending: str, values: Mapping[str, Any], *, beginning: str = "") -> list[_Row]:
        """Read the rows that satisfy a condition. The condition is constant text of the code.

        Args:
            ending: the text after WHERE, with order and limit; values by name, `%(name)s`.
            values: the value of each name.
            beginning: common table expressions, WITH included.

        Returns:
            The rows, with their related rows in Django's caches of the foreign keys.
        """
        return [row for row, _ in self.fetch_with((), ending, values, beginning=beginning)]

    def fetch_with(
        self, columns: Sequence[str], ending: str, values: Mapping[str, Any], *, beginning: str = ""
    ) -> list[tuple[_Row, tuple[Any, ...]]]:
        """Read rows as `fetch` does, each with further columns.

        Args:
            columns: expressions over the tables of the statement, such as those from `column`.
            ending: as for `fetch`.
            values: as for `fetch`.
            beginning: as for `fetch`.

        Returns:
            Each row with the values of `columns`.
        """
        built = self._parts()
        selected = ", ".join([*built.columns, *columns])
        statement = f"{beginning} SELECT {selected} FROM {built.tables} WHERE {ending}"  # noqa: S608 - text of ours
        width, known = len(built.columns), _Known()
        rows = prepared_statements.execute_prepared(statement, values)
        return [(self._made(row, known, of_text=True), tuple(row[width:])) for row in rows]

    def column(self, ending: str) -> str:
        """Return a column for `fetch_with` of another model: the rows that satisfy a condition, as JSON.

        Args:
            ending: the text after WHERE, with order; it may name the tables of the surrounding statement.
        """
        built = self._parts()
        rows = f"SELECT json_build_array({', '.join(built.columns)}) AS row FROM {built.tables} WHERE {ending}"  # noqa: S608 - text of ours
        return f"(SELECT json_agg(listed.row)::text FROM ({rows}) listed)"  # noqa: S608 - text of ours

    def of_column(self, text: str | None) -> list[_Row]:
        """Return the rows in the value of a column from `column`; none for NULL."""
        known = _Known()
        return [self._made(row, known, of_text=False) for row in json.loads(text)] if text is not None else []

    def _parts(self) -> _Built:
        if self._built is None:
            self._built = self._build()
        return self._built

    def _build(self) -> _Built:
        relations = []
        of: dict[str, type[models.Model]] = {"": self._model}
        aliases = {"": self._alias}
        joins = [f'"{self._model._meta.db_table}" {self._alias}']
        for path in self._related:
            before, _, name = path.rpartition("__")
            field = of[before]._meta.get_field(name)
            assert isinstance(field, models.ForeignKey | models.OneToOneRel)
            target = field.related_model
            if target._meta.parents:
                raise TypeError(f"{target.__name__} has columns in several tables.")
            of[path], aliases[path] = target, f'"{self._aliases.get(path, path)}"'
            relations.append(_Relation(path, before, field, target))
            forward = field.field if isinstance(field, models.OneToOneRel) else field
            there, here = forward.target_field.column, forward.column
            if isinstance(field, models.OneToOneRel):
                there, here = here, there
            joins.append(
                f'LEFT JOIN "{target._meta.db_table}" {aliases[path]} '
                f'ON {aliases[path]}."{there}" = {aliases[before]}."{here}"'
            )
        columns = [
            f'{aliases[path]}."{field.column}"'
            for path, model in of.items()
            for field in model._meta.concrete_fields
            if field.attname not in self._deferred.get(path, _NONE)
        ]
        return _Built(columns, " ".join(joins), relations)

    def _made(self, row: Sequence[Any], known: _Known, *, of_text: bool) -> _Row:
        reading = _reading_of_text if of_text else _reading_of_json
        values = iter(row)
        root = _instance(reading(self._model, self._deferred.get("", _NONE)), self._model, values)
        assert root is not None
        made: dict[str, models.Model | None] = {"": root}
        for relation in self._parts().relations:
            target = relation.target
            found = made[relation.path] = _instance(
                reading(target, self._deferred.get(relation.path, _NONE)), target, values, known
            )
            holder = made[relation.holder]
            if holder is not None:
                relation.field.set_cached_value(holder, found)
        return root  # type: ignore[return-value]  # the root is of the requested model


def attach(holders: Collection[models.Model], name: str, rows: Iterable[models.Model]) -> None:
    """Give rows the rows that refer to them, as `prefetch_related` does.

    Args:
        holders: rows of one model.
        name: what the relation is called there.
        rows: the rows that refer to any of `holders`, in the order in which each is to have them.
    """
    if not holders:
        return
    relation: Any = next(iter(holders))._meta.get_field(name)
    forward = relation.field
    of_holder: dict[Any, list[models.Model]] = {holder.pk: [] for holder in holders}
    for row in rows:
        of_holder[getattr(row, forward.attname)].append(row)
    none = _read_already(relation.related_model, [])
    for holder in holders:
        found = of_holder[holder.pk]
        queryset = _read_already(relation.related_model, found) if found else none
        for row in found:
            forward.set_cached_value(row, holder)
        # Where `prefetch_related` keeps them: django.db.models.query.prefetch_one_level.
        holder.__dict__.setdefault("_prefetched_objects_cache", {})[name] = queryset


def _read_already(model: type[models.Model], rows: list[models.Model]) -> Any:
    queryset: Any = models.QuerySet(model, using=DEFAULT_DB_ALIAS)
    queryset._result_cache, queryset._prefetch_done = rows, True
    return queryset


def _with_beginnings(paths: Sequence[str]) -> list[str]:
    """The paths, each after those it begins with."""
    found: dict[str, None] = {}
    for path in paths:
        steps = path.split("__")
        found |= {"__".join(steps[: length + 1]): None for length in range(len(steps))}
    return list(found)


@cache
def _reading_of_text(model: type[models.Model], deferred: frozenset[str]) -> Reading:
    """How rows of a model are read from what the driver makes of their columns, without those that are deferred."""
    reading = reading_of(model)
    if not deferred:
        return reading
    left = [index for index, name in enumerate(reading.columns) if name not in deferred]
    places = {index: place for place, index in enumerate(left)}
    return reading._replace(
        columns=[reading.columns[index] for index in left],
        converted=[(places[index], *rest) for index, *rest in reading.converted if index in places],
        key=places[reading.key],
    )


@cache
def _reading_of_json(model: type[models.Model], deferred: frozenset[str]) -> Reading:
    """How rows of a model are read from a JSON array of their values."""
    if deferred:
        raise TypeError("Rows with deferred columns are not read from JSON.")
    reading = reading_of(model)
    converted = []
    for index, field in enumerate(model._meta.concrete_fields):
        kind = field.output_field if isinstance(field, models.GeneratedField) else field
        if isinstance(kind, models.BinaryField | models.DecimalField):
            raise TypeError(f"{model.__name__}.{field.name} has no exact form in JSON.")
        convert = next((_OF_JSON[base] for base in _OF_JSON if isinstance(kind, base)), None)
        if convert is not None:
            converted.append((index, None, [_if_any(convert)]))
    return reading._replace(converted=converted)


_OF_JSON: dict[type[models.Field[Any, Any]], Callable[[Any], Any]] = {
    models.UUIDField: UUID,
    models.DateTimeField: datetime.fromisoformat,
    models.DateField: date.fromisoformat,
    models.FloatField: float,
}
"""Types of columns whose values JSON has as text. A column of type jsonb is part of the document, and read with it."""


def _if_any(convert: Callable[[Any], Any]) -> Callable[[Any, Any, Any], Any]:
    return lambda value, column, connection: convert(value) if value is not None else None


def _instance(
    reading: Reading, model: type[models.Model], values: Any, known: _Known | None = None
) -> models.Model | None:
    row = list(islice(values, len(reading.columns)))
    if (key := row[reading.key]) is None:
        return None
    if known is not None and (model, key) in known:
        return known[model, key]
    for index, column, converters in reading.converted:
        for convert in converters:
            row[index] = convert(row[index], column, connection)
    made = model.from_db(DEFAULT_DB_ALIAS, reading.columns, row)
    if known is not None:
        known[model, key] = made
    return made
