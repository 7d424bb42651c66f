"""Registered models: create, get, search, update, tags; rename and delete models that were never governed."""

from __future__ import annotations

from typing import Any

from audit.actor import Actor
from governance.interfaces.mlflow import approved, filters, lookups, promotion_errors, serializers
from governance.interfaces.mlflow.errors import MlflowError, invalid, model_not_found
from governance.interfaces.mlflow.request import RequestParams
from governance.interfaces.mlflow.stage_names import stage_named
from governance.selectors import compact_rows
from governance.selectors.compact_search import search_models
from registry import access
from registry.exceptions import PermissionDeniedError, ValidationFailedError
from registry.services import deletion, metadata, mlflow_names, models, name_claims

Answer = dict[str, Any]

MAX_RESULTS = 1_000


def create(actor: Actor, given: RequestParams) -> Answer:
    """Register a model owned by the token's person. It has no risk tier; an owner sets that later."""
    name, tags = given.text("name"), given.tags()
    access.require_scope(actor, "models:read")  # the response shows the new model
    description = given.optional("description") or ""
    try:
        made = mlflow_names.register_model_with_mlflow_name(actor=actor, name=name, tags=tags, description=description)
    except ValidationFailedError as refusal:
        if any(error.code == "taken" for error in refusal.errors):
            raise _exists(name) from refusal
        raise
    except PermissionDeniedError as refusal:
        # A caller who may only add versions learns that the model exists, and continues with adding a version.
        if compact_rows.can_see_model(actor, name):
            raise _exists(name) from refusal
        raise
    return {"registered_model": serializers.serialize_model(compact_rows.new_model(made))}


def get(actor: Actor, given: RequestParams) -> Answer:
    """Return a model. One query."""
    return {"registered_model": serializers.serialize_model(_row(actor, given.text("name")))}


def search(actor: Actor, given: RequestParams) -> Answer:
    """Return a page of models that match a filter."""
    limit = given.count("max_results", 100, MAX_RESULTS)
    offset = filters.offset_of(given.optional("page_token"))
    clauses = filters.clauses(given.optional("filter") or "", filters.MODEL_KEYS)
    order = filters.model_order(given.texts("order_by"))
    rows = search_models(actor, clauses, order, limit=limit + 1, offset=offset)
    answer: Answer = {}
    if rows[:limit]:
        answer["registered_models"] = [serializers.serialize_model(row) for row in rows[:limit]]
    if len(rows) > limit:
        answer["next_page_token"] = filters.token_for(offset + limit)
    return answer


def update(actor: Actor, given: RequestParams) -> Answer:
    """Change the description; without one it is cleared."""
    model = lookups.model(actor, given.text("name"))
    models.update_model(actor=actor, model=model, description=given.optional("description") or "")
    return {"registered_model": serializers.serialize_model(_row(actor, model.display_name))}


def rename(actor: Actor, given: RequestParams) -> Answer:
    """Change the MLflow name of a model that was never governed; its slug stays."""
    model, new = lookups.model(actor, given.text("name")), given.text("new_name")
    try:
        deletion.rename_model(
            actor=actor,
            model=model,
            name=new,
            reason=promotion_errors.default_reason(f"rename {model.display_name} to {new}"),
        )
    except ValidationFailedError as refusal:
        if any(error.code == name_claims.TAKEN for error in refusal.errors):
            raise _exists(new) from refusal
        raise
    return {"registered_model": serializers.serialize_model(_row(actor, new))}


def delete(actor: Actor, given: RequestParams) -> Answer:
    """Delete a model that was never governed, with its versions."""
    model = lookups.model(actor, given.text("name"))
    deletion.delete_model(
        actor=actor, model=model, reason=promotion_errors.default_reason(f"delete {model.display_name}")
    )
    return {}


def latest_versions(actor: Actor, given: RequestParams) -> Answer:
    """Return the newest version in each stage, or in the named stages."""
    name = given.text("name")
    wanted = {stage_named(stage).name for stage in given.texts("stages")}
    rows = compact_rows.latest_rows(actor, name)
    if not rows and not compact_rows.can_see_model(actor, name):
        raise model_not_found(name)
    shown = [
        serializers.serialize_version(row)
        for row in rows
        if not wanted or (row.stage or serializers.NO_STAGE) in wanted
    ]
    return {"model_versions": shown} if shown else {}


def set_tag(actor: Actor, given: RequestParams) -> Answer:
    """Set one tag."""
    model, key = lookups.model(actor, given.text("name")), given.text("key")
    metadata.tag_model(actor=actor, model=model, key=key, value=given.optional("value") or "")
    return {}


def delete_tag(actor: Actor, given: RequestParams) -> Answer:
    """Delete one tag; succeeds if the tag does not exist."""
    metadata.tag_model(actor=actor, model=lookups.model(actor, given.text("name")), key=given.text("key"), value=None)
    return {}


def by_alias(actor: Actor, given: RequestParams) -> Answer:
    """Return the version an alias points at; “latest” is the newest version.

    Runs one query, and one more for the additions if the version deviates from what was approved.
    """
    name, alias = given.text("name"), given.text("alias")
    latest = alias.casefold() == "latest"
    row = compact_rows.newest_row(actor, name) if latest else compact_rows.aliased_row(actor, name, alias)
    if row is None:
        if not compact_rows.can_see_model(actor, name):
            raise model_not_found(name)
        if latest:
            raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Latest version not found for model {name}.")
        raise invalid(f"Registered model alias {alias} not found.")
    return {"model_version": approved.version(row, f"@{alias}")}


def _row(actor: Actor, name: str) -> compact_rows.ModelRow:
    row = compact_rows.model_row(actor, name)
    if row is None:
        raise model_not_found(name)
    return row


def _exists(name: str) -> MlflowError:
    return MlflowError("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists")
