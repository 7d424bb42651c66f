"""Searching models and versions by clauses: what a front room read from a filter, as SQL over indexed columns.

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
"""The tag by which MLflow tells prompts from models. Unless asked for, they are left out. A version is a prompt's where
its model carries the tag, whatever its own tags say."""

_BOUND = 2**62


@dataclass(frozen=True)
class Clause:
    """One comparison. `key` is a column's name, or a tag's key where `tag` is set."""

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
"""Keys to order by, and whether downwards."""


def search_models(actor: Actor, clauses: Sequence[Clause], order: Order, *, limit: int, offset: int) -> list[ModelRow]:
    """The models all clauses hold for; ordered by name last."""
    access.require_scope(actor, "models:read")
    condition, parameters = _condition(clauses, _MODEL_COLUMNS, "m.tags")
    sentence = _order(order, MODEL_ORDER, (("name", False),))
    return model_rows(actor, condition, sentence, parameters, limit=limit, offset=offset)


def search_versions(
    actor: Actor, clauses: Sequence[Clause], order: Order, *, limit: int, offset: int
) -> list[CompactVersion]:
    """The versions all clauses hold for; ordered by name and, newest first, by number last."""
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
        # Whether it is a prompt: what does not carry the tag is none, whatever other value is named.
        prompt = (clause.comparator == "=") == (str(clause.value).casefold() == "true")
        is_one = f"lower({tags} ->> %({key})s) = 'true'"
        return is_one if prompt else f"({is_one}) IS NOT TRUE"
    if clause.comparator == "=":
        return holds
    return f"({tags} ->> %({key})s) {_SIGNS[clause.comparator]} %({value})s{_unescaped(clause)}"


def _unescaped(clause: Clause) -> str:
    """A backslash is a character like any other there."""
    return " ESCAPE ''" if clause.comparator.endswith("LIKE") else ""
