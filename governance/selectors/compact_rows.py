"""Models and versions as compact rows for frequent reads: one query for an answer, which includes the visibility; a
search first determines the visibility scope of its reader.

The rows are read-only; a service that writes reads the Django models again, under locks.
Times are milliseconds since 1970.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from audit.actor import Actor
from audit.postgresql import prepared_statements
from governance.gate.approvals import APPROVALS_OF_VERSION, Approval, read_approvals
from registry import access, sources
from registry.access.visibility_lists import visibility_clause_for_list
from registry.access.visibility_sql import visibility_clause
from registry.models import ModelVersion, RegisteredModel, Stage
from registry.selectors.versions import ALIASES_OF_VERSION, MAX_NUMBER, NEWEST, POINTED_AT, REGISTERED

_Ask = Callable[[str, Mapping[str, Any]], list[tuple[Any, ...]]]
"""Executes a query: prepared if its text is always the same, `_rows` for the varying conditions of a search."""


class GateStatus(NamedTuple):
    """The most relevant promotion request of a version: the open one, else the newest that a policy governed."""

    number: int
    state: str
    under_review: bool
    target: str


class CompactVersion(NamedTuple):
    """A version. `stage` is empty in the initial stage."""

    name: str
    number: int
    created: int
    updated: int
    description: str
    tags: Mapping[str, str]
    source: str
    run_id: str
    run_link: str
    registered: bool
    stage: str
    by: str
    aliases: Sequence[str]
    slug: str
    gate: GateStatus | None
    approvals: Sequence[Approval]
    """Of the protected places it holds."""


@dataclass(frozen=True)
class ModelRow:
    """A registered model, with its aliases (name, version number) and the newest version of each stage."""

    name: str
    slug: str
    created: int
    updated: int
    description: str
    tags: Mapping[str, str]
    owner: str
    aliases: list[tuple[str, int]]
    latest: list[CompactVersion] = field(default_factory=list)


class VisibleModel(NamedTuple):
    """Which model a name means."""

    pk: int
    slug: str
    mlflow_name: str | None
    renamed: str | None

    def as_model(self) -> RegisteredModel:
        """Return the model with these fields only; others are loaded on access."""
        return RegisteredModel.objects.from_known_fields(
            id=self.pk, slug=self.slug, mlflow_name=self.mlflow_name, renamed=self.renamed
        )


class VisibleVersion(NamedTuple):
    """Which version a name and a number mean, and the stage it is in."""

    pk: int
    number: int
    stage: int
    stage_slug: str
    model: VisibleModel

    def as_version(self) -> ModelVersion:
        """Return the version, its model and its stage with these fields only; others are loaded on access."""
        found = ModelVersion.objects.from_known_fields(
            id=self.pk, number=self.number, model_id=self.model.pk, stage_id=self.stage
        )
        found.model = self.model.as_model()
        found.stage = Stage.objects.from_known_fields(id=self.stage, slug=self.stage_slug)
        return found


MODEL_NAME = "COALESCE(m.renamed, m.mlflow_name, m.slug)"
VERSION_CHANGED = "COALESCE(v.updated_at, v.created_at)"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMED = f"{MODEL_NAME} = %(name)s"
"""MLflow clients name a model by its MLflow name alone: its slug may be another model's name there."""
_MS = "(extract(epoch FROM {}) * 1000)::bigint"

VERSION_COLUMNS = f"""
    {MODEL_NAME}, v.number, {_MS.format("v.created_at")}, {_MS.format(VERSION_CHANGED)}, v.description, v.tags::text,
    v.source, v.run_id, v.run_link, v.status = 'registered', CASE WHEN s.initial THEN '' ELSE s.name END, u.username,
    {ALIASES_OF_VERSION},
    m.slug, r.id, r.state, r.packet_digest <> '', r.target, {APPROVALS_OF_VERSION}"""
VERSION_TABLES = """
    LEFT JOIN registry_stage s ON s.id = v.stage_id
    LEFT JOIN registry_user u ON u.id = v.registered_by_id
    LEFT JOIN LATERAL (
        SELECT p.id, p.state, p.packet_digest, COALESCE(t.name, '@' || p.target_alias) AS target
          FROM governance_promotionrequest p LEFT JOIN registry_stage t ON t.id = p.target_stage_id
         WHERE p.version_id = v.id AND p.policy_revision_id IS NOT NULL
         ORDER BY p.closed_at IS NULL DESC, p.id DESC LIMIT 1
    ) r ON TRUE"""
MODEL_COLUMNS = f"""
    m.id, {MODEL_NAME}, m.slug, {_MS.format("m.created_at")}, {_MS.format("m.updated_at")}, m.description, m.tags::text,
    COALESCE((SELECT o.username FROM registry_user o WHERE o.id = m.owner_id), ''),
    (SELECT json_agg(json_build_array(a.name, w.number) ORDER BY a.name)
       FROM registry_aliasassignment a JOIN registry_modelversion w ON w.id = a.version_id
      WHERE a.model_id = m.id AND a.closed_at IS NULL)::text"""
_MODEL_WIDTH = 9


def version_row(actor: Actor, name: str, number: int) -> CompactVersion | None:
    """A version by its model's name and its number; None where there is none the actor may see."""
    if not 0 < number <= MAX_NUMBER:
        return None
    found = _versions(actor, f"{_NAMED} AND v.number = %(number)s", {"name": name, "number": number})
    return found[0] if found else None


def new_version(version: ModelVersion) -> CompactVersion:
    """Return the row of a version that was registered just now: it has no alias and no promotion request."""
    model, created = version.model, _milliseconds(version.created_at)
    return CompactVersion(
        name=model.display_name,
        number=version.number,
        created=created,
        updated=created,
        description=version.description,
        tags=version.tags,
        source=version.source,
        run_id=version.run_id,
        run_link=version.run_link,
        registered=version.status == ModelVersion.Status.REGISTERED,
        stage="",
        by=version.registered_by.username,
        aliases=[],
        slug=model.slug,
        gate=None,
        approvals=[],
    )


def new_model(model: RegisteredModel) -> ModelRow:
    """What `model_row` says of a model that was put on record in this request: it has no versions yet."""
    return ModelRow(
        name=model.display_name,
        slug=model.slug,
        created=_milliseconds(model.created_at),
        updated=_milliseconds(model.updated_at),
        description=model.description,
        tags=model.tags,
        owner=model.owner.username if model.owner is not None else "",
        aliases=[],
    )


def _milliseconds(moment: datetime) -> int:
    """As PostgreSQL makes them: rounded, half a millisecond upwards."""
    return ((moment - _EPOCH) // timedelta(microseconds=1) + 500) // 1000


def aliased_row(actor: Actor, name: str, alias: str) -> CompactVersion | None:
    """The version an alias of a model points at now."""
    found = _versions(actor, f"{_NAMED} AND {POINTED_AT}", {"name": name, "alias": alias})
    return found[0] if found else None


def newest_row(actor: Actor, name: str) -> CompactVersion | None:
    """The newest registered version of a model."""
    found = _versions(actor, f"{_NAMED} AND {REGISTERED} {NEWEST}", {"name": name})
    return found[0] if found else None


def latest_rows(actor: Actor, name: str) -> list[CompactVersion]:
    """The newest registered version of each stage that has one, in the order of the lifecycle."""
    newest = (
        "v.id IN (SELECT DISTINCT ON (w.stage_id) w.id FROM registry_modelversion w"
        " WHERE w.model_id = m.id AND w.status = 'registered' AND w.deleted_at IS NULL"
        " ORDER BY w.stage_id, w.number DESC) ORDER BY s.position"
    )
    return _versions(actor, f"{_NAMED} AND {newest}", {"name": name})


def model_row(actor: Actor, name: str) -> ModelRow | None:
    """A model by its name, with the newest version of each stage; None where there is none the actor may see."""
    access.require_scope(actor, "models:read")
    found = _models(
        actor, _NAMED, "m.id", {"name": name, "limit": 1, "offset": 0}, prepared_statements.execute_prepared
    )
    return found[0] if found else None


def model_rows(
    actor: Actor, condition: str, order: str, parameters: Mapping[str, Any], *, limit: int, offset: int
) -> list[ModelRow]:
    """The models for which a condition of SQL over `m` holds. Conditions and orders are made by this package alone."""
    return _models(actor, condition, order, {**parameters, "limit": limit, "offset": offset}, _rows)


def _models(actor: Actor, condition: str, order: str, parameters: Mapping[str, Any], ask: _Ask) -> list[ModelRow]:
    seen = (
        visibility_clause(actor) if ask is prepared_statements.execute_prepared else visibility_clause_for_list(actor)
    )
    query = f"""
        WITH {seen.tables}, page AS (
            SELECT m.* FROM registry_registeredmodel m
             WHERE {condition} AND {seen.condition} ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s
        )
        SELECT {MODEL_COLUMNS}, {VERSION_COLUMNS}
          FROM page m
          LEFT JOIN LATERAL (
              SELECT DISTINCT ON (w.stage_id) w.* FROM registry_modelversion w
               WHERE w.model_id = m.id AND w.status = 'registered' AND w.deleted_at IS NULL
               ORDER BY w.stage_id, w.number DESC
          ) v ON TRUE
          {VERSION_TABLES}
         ORDER BY {order}, s.position"""
    found: dict[int, ModelRow] = {}
    for row in ask(query, {**parameters, **seen.parameters}):
        model = found.get(row[0])
        if model is None:
            model = found[row[0]] = ModelRow(
                name=row[1],
                slug=row[2],
                created=row[3],
                updated=row[4],
                description=row[5],
                tags=json.loads(row[6]),
                owner=row[7],
                aliases=[(alias, number) for alias, number in json.loads(row[8] or "[]")],
            )
        if row[_MODEL_WIDTH + 1] is not None:
            model.latest.append(_version(row[_MODEL_WIDTH:]))
    return list(found.values())


def version_rows(
    actor: Actor,
    condition: str,
    order: str,
    parameters: Mapping[str, Any],
    *,
    limit: int,
    offset: int,
    of_a_model: bool = False,
) -> list[CompactVersion]:
    """The versions for which a condition of SQL over `v` and `m` holds. As with models, made by this package alone.

    Args:
        of_a_model: whether the condition selects the versions of one model by name: constant text is prepared.
    """
    paged = {**parameters, "limit": limit, "offset": offset}
    ask = prepared_statements.execute_prepared if of_a_model else _rows
    return _versions(actor, f"{condition} ORDER BY {order} LIMIT %(limit)s OFFSET %(offset)s", paged, ask)


def resolve_source(actor: Actor, name: str, number: int, *, steps: int) -> str | None:
    """Follow a version's source through copies (`models:/name/3`) to where the files are.

    Each step goes to a recorded parent that is visible to the actor, and to nothing else: the text of a source is
    unchecked input, and a parent was checked when it was recorded.

    Args:
        actor: the actor.
        name: the model's MLflow name.
        number: the version's number.
        steps: how many copies are followed at most.

    Returns:
        The address of the files; empty where the version names none; None where the source names a version that is no
        recorded parent, or one the actor may not see.
    """
    seen = visibility_clause(actor)
    found = prepared_statements.execute_prepared(
        f"""
        WITH {seen.tables} SELECT v.id, v.source
          FROM registry_registeredmodel m JOIN registry_modelversion v ON v.model_id = m.id
         WHERE {_NAMED} AND v.number = %(number)s AND v.deleted_at IS NULL AND {seen.condition}""",
        {"name": name, "number": number, **seen.parameters},
    )
    for _ in range(steps + 1):
        if not found:
            return None
        ((version, source),) = found
        try:
            address = sources.read(source)
        except sources.SourceError:
            return None
        if address.version is None:
            return address.text
        found = prepared_statements.execute_prepared(
            f"""
            WITH {seen.tables} SELECT v.id, v.source
              FROM registry_modelversion_parents p JOIN registry_modelversion v ON v.id = p.to_modelversion_id
              JOIN registry_registeredmodel m ON m.id = v.model_id
             WHERE p.from_modelversion_id = %(version)s AND {_NAMED} AND v.number = %(number)s AND {seen.condition}""",
            {
                "version": version,
                "name": address.version.name,
                "number": address.version.number,
                **seen.parameters,
            },
        )
    return None


def can_see_model(actor: Actor, name: str) -> bool:
    """Whether there is a model of that name the actor may see."""
    return get_visible_model(actor, name) is not None


def get_visible_model(actor: Actor, name: str) -> VisibleModel | None:
    """The model of that MLflow name, where the actor may see it."""
    seen = visibility_clause(actor)
    query = f"""
        WITH {seen.tables} SELECT m.id, m.slug, m.mlflow_name, m.renamed FROM registry_registeredmodel m
         WHERE {_NAMED} AND {seen.condition}"""
    found = prepared_statements.execute_prepared(query, {"name": name, **seen.parameters})
    return VisibleModel._make(found[0]) if found else None


def get_visible_version(actor: Actor, name: str, number: int) -> VisibleVersion | None:
    """A version by its model's name and its number, where the actor may see it."""
    if not 0 < number <= MAX_NUMBER:
        return None
    seen = visibility_clause(actor)
    query = f"""
        WITH {seen.tables} SELECT v.id, s.id, s.slug, m.id, m.slug, m.mlflow_name, m.renamed
          FROM registry_registeredmodel m JOIN registry_modelversion v ON v.model_id = m.id
          JOIN registry_stage s ON s.id = v.stage_id
         WHERE {_NAMED} AND v.number = %(number)s AND v.deleted_at IS NULL AND {seen.condition}"""
    found = prepared_statements.execute_prepared(query, {"name": name, "number": number, **seen.parameters})
    if not found:
        return None
    pk, stage, slug, *model = found[0]
    return VisibleVersion(pk, number, stage, slug, VisibleModel._make(model))


def _versions(
    actor: Actor, condition: str, parameters: Mapping[str, Any], ask: _Ask = prepared_statements.execute_prepared
) -> list[CompactVersion]:
    access.require_scope(actor, "models:read")
    seen = (
        visibility_clause(actor) if ask is prepared_statements.execute_prepared else visibility_clause_for_list(actor)
    )
    query = f"""
        WITH {seen.tables}
        SELECT {VERSION_COLUMNS} FROM registry_registeredmodel m JOIN registry_modelversion v ON v.model_id = m.id
        {VERSION_TABLES} WHERE v.deleted_at IS NULL AND {seen.condition} AND {condition}"""
    return [_version(row) for row in ask(query, {**parameters, **seen.parameters})]


def _version(row: Sequence[Any]) -> CompactVersion:
    gate = GateStatus(*row[14:18]) if row[14] is not None else None
    return CompactVersion._make((*row[:5], json.loads(row[5]), *row[6:14], gate, read_approvals(row[18])))


def _rows(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Execute a query with the conditions of a filter, which varies too much to be prepared."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
