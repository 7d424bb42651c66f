"""The same content for both servers: few models through the doors, many by `tests.bench.bulk` and a copy in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import psycopg2
from psycopg2.extras import execute_values

from tests.bench.bulk.loading import SUBJECTS
from tests.bench.mlflow_comparison import running
from tests.bench.mlflow_comparison.asking import Asked, Server

ALIAS = "stable"

_MODELS = """
    SELECT slug, (extract(epoch FROM created_at) * 1000)::bigint, description, tags::text
      FROM registry_registeredmodel ORDER BY id"""
_VERSIONS = """
    SELECT m.slug, v.number, (extract(epoch FROM v.created_at) * 1000)::bigint, v.description, v.run_id
      FROM registry_modelversion v JOIN registry_registeredmodel m ON m.id = v.model_id ORDER BY v.id"""
_THEIR_VERSION = (
    "name, version, creation_time, last_updated_time, description, run_id, source, storage_location, current_stage, "
    "status, user_id, status_message, run_link"
)
_TAGS = "SELECT slug, t.key, t.value FROM registry_registeredmodel, jsonb_each_text(tags) t"
_VERSION_TAGS = """
    SELECT m.slug, v.number, t.key, t.value FROM registry_registeredmodel m
      JOIN registry_modelversion v ON v.model_id = m.id, jsonb_each_text(v.tags) t"""
_ALIASES = """
    SELECT m.slug, a.name, v.number FROM registry_aliasassignment a
      JOIN registry_modelversion v ON v.id = a.version_id JOIN registry_registeredmodel m ON m.id = v.model_id
     WHERE a.closed_at IS NULL"""


def through_the_door(servers: tuple[Server, ...], models: int, versions: int) -> None:
    """Register them with the protocol itself."""
    for server in servers:
        for number in range(models):
            subject = SUBJECTS[number % len(SUBJECTS)]
            name = f"{subject}-{number:05}"
            tags = [{"key": "area", "value": subject}]
            _do(server, "registered-models/create", {"name": name, "tags": tags, "description": f"Model {number}"})
            for version in range(1, versions + 1):
                fields = {
                    "name": name,
                    "source": f"s3://bench/{name}/{version}",
                    "description": f"Retrained on quarter {version}",
                    "tags": [{"key": "quarter", "value": str(version)}],
                }
                _do(server, "model-versions/create", fields)
            _do(server, "registered-models/alias", {"name": name, "alias": ALIAS, "version": str(versions)})
            server.models.append(name)


def in_bulk(var: Path, here: Server, there: Server, models: int, versions: int) -> None:
    """Load ours as `tests.bench.bulk` does, and copy the same names, numbers, tags and aliases into MLflow's tables."""
    here.models, here.reads, here.writes = running.loaded(var, models, versions)
    there.models = list(here.models)
    mine, theirs = psycopg2.connect(here.database), psycopg2.connect(there.database)
    with mine, theirs, mine.cursor() as given, theirs.cursor() as taken:
        taken.execute("SELECT count(*) FROM registered_models")
        if taken.fetchone() != (0,):
            return
        for query, table, columns in (
            (_MODELS, "registered_models", "name, creation_time, last_updated_time, description"),
            (
                _VERSIONS,
                "model_versions",
                _THEIR_VERSION,
            ),
            (_TAGS, "registered_model_tags", "name, key, value"),
            (_VERSION_TAGS, "model_version_tags", "name, version, key, value"),
            (_ALIASES, "registered_model_aliases", "name, alias, version"),
        ):
            given.execute(query)
            rows = [_as_theirs(table, row) for row in given.fetchall()]
            execute_values(taken, f"INSERT INTO {table} ({columns}) VALUES %s", rows, page_size=1000)
    theirs.autocommit = True
    with theirs.cursor() as cursor:
        cursor.execute("ANALYZE")
    mine.close()
    theirs.close()


def _as_theirs(table: str, row: tuple[object, ...]) -> tuple[object, ...]:
    if table == "registered_models":
        return (row[0], row[1], row[1], row[2])
    if table == "model_versions":
        name, number, made, description, run_id = row
        source = f"s3://bench/{name}/{number}"
        return (name, number, made, made, description, run_id, source, source, "None", "READY", "", "", "")
    return row


def _do(server: Server, path: str, fields: Mapping[str, object]) -> None:
    server.ask("filling", Asked("POST", path, fields, writes=True), counted=False)
