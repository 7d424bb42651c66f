"""Search models and versions by clauses parsed from a filter, as SQL over indexed columns.

Comparators are those of MLflow: =, !=, LIKE and ILIKE (both with % and _), IN, NOT IN, and for numbers the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audit.actor import Actor
from governance.selectors.compact_rows import (
    MODEL_NAME,
    VERSION_CHANGED,
    CompactVersion,
    ModelRow,
    model_rows,
    version_rows,
)
from registry import access, prompts

PROMPT = prompts.IS_PROMPT
"""The tag by which MLflow distinguishes prompts from models. Prompts are left out unless the filter names the
tag. A version belongs to a prompt if its model has the tag, whatever the version's own tags are.
"""

_BOUND = 2**62


@dataclass(frozen=True)
class Clause:
    """One comparison. `key` is a column's name, or a tag's key if `tag` is set."""

    key: str
    comparator: str
    value: str | int | tuple[str, ...]
    tag: bool = False


_MODEL_COLUMNS = {"name": MODEL_NAME}
_VERSION_COLUMNS = {
    "name": MODEL_NAME,
    "run_id": "NULLIF(v.run_id, '')",
    "source_path": "v.source",
    "version_number": "v.number",
}
MODEL_ORDER = {"name": MODEL_NAME, "timestamp": "m.updated_at", "last_updated_timestamp": "m.updated_at"}
VERSION_ORDER = {
    "name": MODEL_NAME,
    "version_number": "v.number",
    "creation_timestamp": "v.created_at",
    "last_updated_timestamp": VERSION_CHANGED,
}
_SIGNS = {"=": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "LIKE": "LIKE", "ILIKE": "ILIKE"}

Order = Sequence[tuple[str, bool]]
"""Sort keys, each with whether it is descending."""


def search_models(actor: Actor, clauses: Sequence[Clause], order: Order, *, limit: int, offset: int) -> list[ModelRow]:
    """Return the models visible to the actor that match all clauses.

    Args:
        actor: who searches.
        clauses: comparisons on the name or on tags.
        order: sort keys; the name is always the last.
        limit: maximum number of rows.
        offset: rows to skip.

    Raises:
        PermissionDeniedError: the actor's token lacks the scope `models:read`.
    """
    access.require_scope(actor, "models:read")
    condition, parameters = _condition(clauses, _MODEL_COLUMNS, "m.tags")
    sentence = _order(order, MODEL_ORDER, (("name", False),))
    return model_rows(actor, condition, sentence, parameters, limit=limit, offset=offset)


def search_versions(
    actor: Actor, clauses: Sequence[Clause], order: Order, *, limit: int, offset: int
) -> list[CompactVersion]:
    """Return the versions visible to the actor that match all clauses.

    Args:
        actor: who searches.
        clauses: comparisons on columns of versions or on tags.
        order: sort keys, by default the last change; name and descending number are always the last.
        limit: maximum number of rows.
        offset: rows to skip.
    """
    condition, parameters = _condition(clauses, _VERSION_COLUMNS, "v.tags")
    fallback = (("name", False), ("version_number", True))
    sentence = _order(order or [("last_updated_timestamp", True)], VERSION_ORDER, fallback)
    of_a_model = not order and [(c.key, c.comparator, c.tag) for c in clauses] == [("name", "=", False)]
    return version_rows(actor, condition, sentence, parameters, limit=limit, offset=offset, of_a_model=of_a_model)


def _order(order: Order, columns: dict[str, str], fallback: Order) -> str:
    named: dict[str, bool] = {}
    for key, down in (*order, *fallback):
        named.setdefault(columns[key], down)
    return ", ".join(f"{column} {'DESC' if down else 'ASC'}" for column, down in named.items())


def _condition(clauses: Sequence[Clause], columns: dict[str, str], tags: str) -> tuple[str, dict[str, Any]]:
    parts: list[str] = []
    parameters: dict[str, Any] = {}
    if not any(clause.tag and clause.key == PROMPT for clause in clauses):
        clauses = [*clauses, Clause(PROMPT, "!=", "true", tag=True)]
    for index, clause in enumerate(clauses):
        key, value = f"key_{index}", f"value_{index}"
        given = clause.value
        parameters[value] = max(-_BOUND, min(_BOUND, given)) if isinstance(given, int) else given
        if clause.tag:
            tagged = "m.tags" if clause.key == PROMPT else tags
            parameters[key] = clause.key
            parts.append(_tag(clause, tagged, key, value))
        elif isinstance(given, tuple):
            parameters[value] = list(given)
            sign = "= ANY" if clause.comparator == "IN" else "<> ALL"
            parts.append(f"{columns[clause.key]} {sign} (%({value})s)")
        else:
            parts.append(f"{columns[clause.key]} {_SIGNS[clause.comparator]} %({value})s{_unescaped(clause)}")
    return " AND ".join(f"({part})" for part in parts), parameters


def _tag(clause: Clause, tags: str, key: str, value: str) -> str:
    holds = f"{tags} @> jsonb_build_object(%({key})s::text, %({value})s::text)"
    if clause.key == PROMPT and clause.comparator in ("=", "!="):
        # A model without the tag is not a prompt, whatever value the clause compares with.
        prompt = (clause.comparator == "=") == (str(clause.value).casefold() == "true")
        is_one = f"lower({tags} ->> %({key})s) = 'true'"
        return is_one if prompt else f"({is_one}) IS NOT TRUE"
    if clause.comparator == "=":
        return holds
    return f"({tags} ->> %({key})s) {_SIGNS[clause.comparator]} %({value})s{_unescaped(clause)}"


def _unescaped(clause: Clause) -> str:
    """Return the clause that makes a backslash a normal character."""
    return " ESCAPE ''" if clause.comparator.endswith("LIKE") else ""
