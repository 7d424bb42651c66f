"""The SQL of the database guards of a governed table: no change without its event, and columns that never change.

Each function returns a ``RunSQL``. A migration contains the SQL as text and does not import this module, so that a
later change here changes no landed migration: print ``operation.sql`` and copy it. The triggers are ENABLE ALWAYS and
protected: the owner of the tables can neither drop nor disable them, so only a superuser can remove a guard. A refused
statement raises ``IntegrityError`` (SQLSTATE 23514) whose constraint name is that of the trigger. Columns are looked up
by name when a row changes; a migration must not rename a guarded column.

:mod:`audit.accounting` declares the actions that account for the rows of each table. The owner alters tables only in a
declared migration (``governance/database/sql``), which rewrites, renames, hides and empties no governed table.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from django.db.migrations.operations import RunSQL

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# An event of this transaction, with an action that is declared for the table (audit.accounting) if any is declared.
_ACCOUNTED = (
    "e.began_at = transaction_timestamp() AND (EXISTS (SELECT FROM fence.accounting a "
    "WHERE a.table_name = TG_TABLE_NAME AND a.action = e.action) "
    "OR NOT EXISTS (SELECT FROM fence.accounting a WHERE a.table_name = TG_TABLE_NAME))"
)
Via = tuple[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class EventRequirement:
    """One way to account for a row: an event about the object ``object_type`` with the uid of the row.

    ``via`` leads to the row that has the uid: a pair (foreign key column, parent table), or several such steps upwards.
    Parents are addressed by their bigint ``id``.
    """

    object_type: str
    uid_column: str = "uid"
    via: Via | None = None

    def arguments(self) -> list[str]:
        """Return the arguments of the trigger function: type, uid column, and the query for the uid ('' for the row
        itself).
        """
        steps = self._steps()
        if not steps:
            return [_known(self.object_type), _known(self.uid_column), ""]
        query = (  # every name went through _known(), nothing here comes from outside a migration
            f"SELECT {self._uid()}::text FROM {self._parents()} "  # noqa: S608  # every name is checked by _known
            f"WHERE p0.id = ($1 ->> '{_known(steps[0][0])}')::bigint"
        )
        return [_known(self.object_type), self.uid_column, query]

    def fast_path_condition(self) -> str:
        """Return the SQL condition of the common case: the parent is unchanged and an event of this transaction touches
        it.
        """
        column = f'"{_known(self._steps()[0][0])}"'
        return (
            f"TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR OLD.{column} = NEW.{column}) AND EXISTS ("
            f"SELECT FROM {self._parents()} "
            f"JOIN public.audit_event e ON e.touched @> ARRAY['{_known(self.object_type)}:' || {self._uid()}::text] "
            f"WHERE p0.id = NEW.{column} AND e.xid = pg_current_xact_id() AND {_ACCOUNTED})"
        )

    def _uid(self) -> str:
        return f'p{len(self._steps()) - 1}."{_known(self.uid_column)}"'

    def _parents(self) -> str:
        joins = []
        for level, (column, parent) in enumerate(self._steps()):
            if level == 0:
                joins.append(f'public."{_known(parent)}" AS p0')
            else:
                joins.append(
                    f'JOIN public."{_known(parent)}" AS p{level} ON p{level}.id = p{level - 1}."{_known(column)}"'
                )
        return " ".join(joins)

    def _steps(self) -> Sequence[tuple[str, str]]:
        if self.via is None:
            return ()
        if isinstance(self.via[0], str):
            return (cast("tuple[str, str]", self.via),)
        return cast("Sequence[tuple[str, str]]", self.via)


def require_event(
    table: str,
    object_type: str,
    uid_column: str = "uid",
    via: Via | None = None,
    *,
    alternatives: Sequence[EventRequirement] = (),
    unrecorded: Sequence[str] = (),
) -> RunSQL:
    """Refuse the commit of an INSERT, UPDATE or DELETE in ``table`` without its event in the same transaction.

    An event accounts for a row if its object, or one of its related objects, is ``object_type`` with the uid of the
    row, or matches one of the ``alternatives``. A row that changes its parent needs an event about each parent.
    TRUNCATE is refused.

    Args:
        table: the governed table.
        object_type: the ``type`` of the :class:`audit.recorder.ObjectRef`.
        uid_column: the column that holds its ``id``, in the row or in the parent reached by ``via``.
        via: for a child row, (foreign key column, parent table), or several such steps upwards.
        alternatives: further ways to account for the row; one is enough.
        unrecorded: columns that may change alone without an event, such as ``last_login``.
    """
    accounts = [EventRequirement(object_type, uid_column, via), *alternatives]
    arguments = [json.dumps([_known(column) for column in unrecorded])]
    for account in accounts:
        arguments += account.arguments()
    given = ", ".join(_literal(argument) for argument in arguments)
    function, made = "public.audit_require_event", []
    if via is not None and not alternatives:
        function = f"public.{_known(f'audit_event_of_{table}')}"
        made = [_child_guard(function, accounts[0]), f"SELECT fence.take('{function}()'::regprocedure)"]
    return _sealed(
        table,
        {
            "audit_event_required": "CREATE CONSTRAINT TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE ON {table} "
            f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {function}({given})",
            "audit_truncate_refused": _truncate_refused(),
        },
        made,
    )


def require_named_change(
    table: str, object_type: str, uid_column: str, *columns: str, on_insert: bool = False
) -> RunSQL:
    """Refuse a change of ``columns`` unless the changes of its event contain the field and the new value.

    For columns that grant or remove power, which an event about another change of the same row must not cover.

    Args:
        table: the governed table.
        object_type: the ``type`` of the :class:`audit.recorder.ObjectRef`.
        uid_column: the column that holds its ``id``.
        columns: the guarded columns. The ``Change`` of the event has the name of the column and the value written.
        on_insert: also apply the rule to new rows, for those of the columns that are true.
    """
    given = ", ".join(_literal(_known(argument)) for argument in (object_type, uid_column, *columns))
    moment = "AFTER INSERT OR UPDATE" if on_insert else "AFTER UPDATE"
    return _sealed(
        table,
        {
            f"audit_named_{'_'.join(columns)}": f"CREATE CONSTRAINT TRIGGER {{name}} {moment} ON {{table}} DEFERRABLE "
            f"INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_require_named_change({given})"
        },
    )


def refuse_delete(table: str, way_out: str = "Close or archive the row instead.") -> RunSQL:
    """Refuse DELETE and TRUNCATE: rows of ``table`` are kept permanently. ``way_out`` is the remedy in the error
    message.
    """
    return _sealed(
        table,
        {
            "audit_delete_refused": "CREATE TRIGGER {name} BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION "
            f"public.audit_refuse('what is governed is kept for good', {_literal(way_out)})",
            "audit_delete_all_refused": _truncate_refused(),
        },
    )


def refuse_truncate(table: str) -> RunSQL:
    """Refuse TRUNCATE only; :func:`require_event` and :func:`refuse_delete` already do so."""
    return _sealed(table, {"audit_emptying_refused": _truncate_refused()})


def immutable_columns(table: str, *columns: str) -> RunSQL:
    """Refuse any later change of ``columns``: they are fixed when the row is created."""
    return _kept(table, "fixed", columns)


def write_once_columns(table: str, *columns: str) -> RunSQL:
    """Allow each of ``columns`` to change from NULL to a value once.

    The type of the columns is fixed too: the trigger names them, and PostgreSQL refuses to change it.
    """
    again = " OR ".join(
        f'(OLD."{_known(column)}" IS NOT NULL AND OLD."{column}" IS DISTINCT FROM NEW."{column}")' for column in columns
    )
    return _kept(table, "once", columns, when=f" WHEN ({again})")


def allow_close_only(table: str, *columns: str) -> RunSQL:
    """Refuse every UPDATE except one: ``columns`` (closed_at, closed_event …) change from NULL to values together."""
    return _kept(table, "close", columns)


def _kept(table: str, way: str, columns: Sequence[str], when: str = "") -> RunSQL:
    if not columns:
        raise ValueError(f"Say which columns of {table} are kept.")
    given = ", ".join(_literal(argument) for argument in (way, *map(_known, columns)))
    name = f"audit_{way}_{'_'.join(columns)}"
    if len(name) > 63:
        name = f"{name[:54]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    statement = f"CREATE TRIGGER {{name}} AFTER UPDATE ON {{table}} FOR EACH ROW{when} EXECUTE FUNCTION "
    return _sealed(table, {name: statement + f"public.audit_keep_columns({given})"})


def _child_guard(function: str, account: EventRequirement) -> str:
    """Return a trigger function for child rows: as audit_require_event(), with the query for the parent inlined,
    because a query passed as an argument is planned again for every row.
    """
    return f"""CREATE FUNCTION {function}() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF {account.fast_path_condition()} THEN
        RETURN NULL;
    END IF;
    PERFORM public.audit_demand_event(TG_OP, TG_TABLE_NAME, TG_NAME, TG_ARGV, to_jsonb(OLD), to_jsonb(NEW));
    RETURN NULL;
END
$$"""


def _truncate_refused() -> str:
    return (
        "CREATE TRIGGER {name} BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION "
        "public.audit_refuse('governed rows are never emptied away', 'Change rows one by one, through the services.')"
    )


def _sealed(table: str, triggers: dict[str, str], made: Sequence[str] = ()) -> RunSQL:
    """Create the triggers after the statements in `made`, enable them always, and protect them.

    Deferred constraints are checked first, because PostgreSQL cannot alter a table with pending trigger events.
    """
    where = f'public."{_known(table)}"'
    statements = ["SET CONSTRAINTS ALL IMMEDIATE", "SET CONSTRAINTS ALL DEFERRED", *made]
    for name, create in triggers.items():
        statements += [
            create.replace("{name}", f'"{_known(name)}"').replace("{table}", where),
            f'ALTER TABLE {where} ENABLE ALWAYS TRIGGER "{name}"',
            f"SELECT fence.seal({_literal(where)}::regclass, {_literal(name)})",
        ]
    # Irreversible: only a superuser can drop a protected trigger. To roll back, restore a backup.
    return RunSQL(sql=tuple(statements))


def _known(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a plain lower-case SQL name of at most 63 characters.")
    return name


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
