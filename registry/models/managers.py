"""Managers that read, lock and write one row by its key with prepared statements
(`audit.postgresql.prepared_statements`).

The ORM recompiles the SQL on every call; that costs several times the query itself, and every governed write consists
of a dozen of them. `save` keeps the guarantees of Django: defaults, `pre_save` of the fields, conversions, constraints,
errors. Everything else (a filter, an expression as a value) goes through the ORM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models

from audit.postgresql import prepared_statements

_Row = TypeVar("_Row", bound=models.Model)
_AT = "id = %(key)s"
_BY_KEY = "id = ANY (%(keys)s)"
_Converter = Callable[[Any, Any, Any], Any]


class PreparedManager(models.Manager[_Row]):
    """Manager with prepared statements for rows that are read and locked by their key."""

    def get_by_pk(self, pk: int) -> _Row:
        """Return the same as `get(pk=pk)`. Raises DoesNotExist."""
        return self._one(pk, _AT)

    def get_for_update(self, pk: int) -> _Row:
        """Return the row, locked until the transaction ends.

        The lock is FOR NO KEY UPDATE, so rows that only reference it are not blocked.

        Raises:
            DoesNotExist: there is no such row.
            RuntimeError: no transaction is open.
        """
        if not connection.in_atomic_block:
            raise RuntimeError("A row is locked until its transaction ends, and none is open.")
        return self._one(pk, f"{_AT} FOR NO KEY UPDATE")

    def _one(self, pk: int, condition: str) -> _Row:
        found = self.raw_first(condition, key=pk)
        if found is None:
            name = self.model._meta.verbose_name
            # Every model has this exception; the bound of the type variable does not include it.
            raise self.model.DoesNotExist(f"There is no {name} with the key {pk}.")  # type: ignore[attr-defined]  # every model has DoesNotExist
        return found

    def in_bulk_prepared(self, keys: Iterable[int | None]) -> dict[Any, _Row]:
        """Return the existing rows by their keys, as `in_bulk(keys)`. None among the keys is ignored."""
        sought = [key for key in keys if key is not None]
        return {row.pk: row for row in self.raw_filter(_BY_KEY, keys=sought)} if sought else {}

    def from_known_fields(self, **columns: Any) -> _Row:
        """Return an instance with only the given columns loaded, by attribute name, without a query; others are
        read on access, as with `only`.
        """
        names = [field.attname for field in self.model._meta.concrete_fields if field.attname in columns]
        return self.model.from_db(DEFAULT_DB_ALIAS, names, [columns[name] for name in names])

    def raw_filter(self, condition: str, **values: Any) -> list[_Row]:
        """Return the rows that match an SQL condition, which must be a constant in the code.

        Args:
            condition: what follows WHERE, including order and limit; placeholders by name, `%(name)s`.
            values: the values of the placeholders.
        """
        return _read(self.model, _where(self.model, condition), values)

    def raw_first(self, condition: str, **values: Any) -> _Row | None:
        """Return the first row of `raw_filter`; None if there is none."""
        return next(iter(self.raw_filter(condition, **values)), None)


class PreparedModel(models.Model):
    """A model whose single rows are written with prepared statements."""

    objects: ClassVar[PreparedManager[Self]] = PreparedManager()

    class Meta:
        abstract = True

    # Private hooks of Django 5.2 for the statement that inserts or updates a row (django.db.models.Model._save_table).
    # The ignores below: the stubs do not have the first hook, and have the second as in a later Django, where it
    # returns rows.

    def _do_insert(
        self,
        manager: models.Manager[Any],
        using: str | None,
        fields: Sequence[models.Field[Any, Any]],
        returning_fields: Sequence[models.Field[Any, Any]],
        raw: bool,
    ) -> list[tuple[Any, ...]]:
        plain = _plainly()
        given = {
            str(field.column): plain(field, getattr(self, field.attname) if raw else field.pre_save(self, add=True))
            for field in fields
        }
        if using != DEFAULT_DB_ALIAS or _EXPRESSION in given.values():
            return super()._do_insert(manager, using, fields, returning_fields, raw)  # type: ignore[misc,no-any-return]  # a private hook of Django without stubs
        returned = ", ".join(f'"{field.column}"' for field in returning_fields)
        return prepared_statements.execute_prepared(_inserting(self._meta.db_table, tuple(given), returned), given)

    def _do_update(  # type: ignore[override]  # a private hook of Django without stubs
        self,
        base_qs: models.QuerySet[Any],
        using: str | None,
        pk_val: Any,
        values: Sequence[tuple[models.Field[Any, Any], Any, Any]],
        update_fields: Any,
        forced_update: Any,
    ) -> bool:
        plain = _plainly()
        given = {str(field.column): plain(field, value) for field, _, value in values}
        if using != DEFAULT_DB_ALIAS or not given or _EXPRESSION in given.values():
            return super()._do_update(base_qs, using, pk_val, values, update_fields, forced_update)  # type: ignore[call-arg,return-value]  # a private hook of Django without stubs
        pk = self._meta.pk
        assert pk is not None
        assert pk.column is not None
        sentence = _updating(self._meta.db_table, tuple(given), pk.column)
        return bool(prepared_statements.execute_prepared(sentence, {**given, pk.column: plain(pk, pk_val)}))


_EXPRESSION = object()


def _plainly() -> Callable[[models.Field[Any, Any], Any], Any]:
    """Return a function that converts a value for the database, or returns _EXPRESSION for an expression, which
    only the ORM can compile.
    """
    connection = connections[DEFAULT_DB_ALIAS]

    def plain(field: models.Field[Any, Any], value: Any) -> Any:
        return _EXPRESSION if hasattr(value, "resolve_expression") else field.get_db_prep_save(value, connection)

    return plain


@cache
def _inserting(table: str, columns: tuple[str, ...], returned: str) -> str:
    names = ", ".join(f'"{column}"' for column in columns)
    places = ", ".join(f"%({column})s" for column in columns)
    return f'INSERT INTO "{table}" ({names}) VALUES ({places}) RETURNING {returned or 1}'  # noqa: S608 - names of ours


@cache
def _updating(table: str, columns: tuple[str, ...], key: str) -> str:
    named = ", ".join(f'"{column}" = %({column})s' for column in columns)
    return f'UPDATE "{table}" SET {named} WHERE "{key}" = %({key})s RETURNING 1'  # noqa: S608 - names of ours


class Reading(NamedTuple):
    """How rows of a model are read: the SQL, the column names, which values need a conversion, and the index of the
    primary key among the columns."""

    sentence: str
    columns: list[str]
    converted: list[tuple[int, Any, list[_Converter]]]
    key: int


@cache
def reading_of(model: type[models.Model]) -> Reading:
    """Return how rows of a model are read."""
    table, fields = model._meta.db_table, model._meta.concrete_fields
    converted = []
    for index, field in enumerate(fields):
        column = field.get_col(table)
        converters = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
        if converters:
            converted.append((index, column, converters))
    names = ", ".join(f'"{field.column}"' for field in fields)
    return Reading(
        f'SELECT {names} FROM "{table}" WHERE ',  # noqa: S608 - names of ours
        [field.attname for field in fields],
        converted,
        fields.index(model._meta.pk),
    )


@cache
def _where(model: type[models.Model], condition: str) -> str:
    return reading_of(model).sentence + condition


def _read(model: type[_Row], sentence: str, values: dict[str, Any]) -> list[_Row]:
    reading = reading_of(model)
    rows = []
    for found in prepared_statements.execute_prepared(sentence, values):
        row = list(found)
        for index, column, converters in reading.converted:
            for convert in converters:
                row[index] = convert(row[index], column, connection)
        rows.append(model.from_db(DEFAULT_DB_ALIAS, reading.columns, row))
    return rows
