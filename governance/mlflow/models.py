"""Registered models: create, get, search, update, tags; rename and delete where nothing was governed."""

from __future__ import annotations

from typing import Any

from audit.actor import Actor
from governance.mlflow import approved, filters, found, gate, spoken
from governance.mlflow.given import Given
from governance.mlflow.refusals import MlflowError, absent_model, invalid
from governance.mlflow.words import stage_named
from governance.selectors import compact
from governance.selectors.compact_search import search_models
from registry import access
from registry.exceptions import InvalidInput, NotPermitted
from registry.services import deletion, labelling, models, name_claims, naming

Answer = dict[str, Any]

MAX_RESULTS = 1_000


def create(actor: Actor, given: Given) -> Answer:
    """Put a model on record; the person behind the token owns it. It has no risk tier yet: an owner sets that."""
    name, tags = given.text("name"), given.tags()
    access.require_scope(actor, "models:read")  # the answer shows what was made
    description = given.optional("description") or ""
    try:
        made = naming.register_called(actor=actor, name=name, tags=tags, description=description)
    except InvalidInput as refusal:
        if any(error.code == "taken" for error in refusal.errors):
            raise _exists(name) from refusal
        raise
    except NotPermitted as refusal:
        # Who may only add versions is told that the model is there, and goes on to add one.
        if compact.sees_model(actor, name):
            raise _exists(name) from refusal
        raise
    return {"registered_model": spoken.model(compact.new_model(made))}


def get(actor: Actor, given: Given) -> Answer:
    """One query."""
    return {"registered_model": spoken.model(_row(actor, given.text("name")))}


def search(actor: Actor, given: Given) -> Answer:
    """A page of those a filter holds for."""
    limit = given.count("max_results", 100, MAX_RESULTS)
    offset = filters.offset_of(given.optional("page_token"))
    clauses = filters.clauses(given.optional("filter") or "", filters.MODEL_KEYS)
    order = filters.model_order(given.texts("order_by"))
    rows = search_models(actor, clauses, order, limit=limit + 1, offset=offset)
    answer: Answer = {}
    if rows[:limit]:
        answer["registered_models"] = [spoken.model(row) for row in rows[:limit]]
    if len(rows) > limit:
        answer["next_page_token"] = filters.token_for(offset + limit)
    return answer


def update(actor: Actor, given: Given) -> Answer:
    """Change the description; without one it is cleared."""
    model = found.model(actor, given.text("name"))
    models.update_model(actor=actor, model=model, description=given.optional("description") or "")
    return {"registered_model": spoken.model(_row(actor, model.called))}


def rename(actor: Actor, given: Given) -> Answer:
    """Give a model of which nothing was ever governed another name; its slug stays."""
    model, new = found.model(actor, given.text("name")), given.text("new_name")
    try:
        deletion.rename_model(actor=actor, model=model, name=new, reason=gate.said(f"rename {model.called} to {new}"))
    except InvalidInput as refusal:
        if any(error.code == name_claims.TAKEN for error in refusal.errors):
            raise _exists(new) from refusal
        raise
    return {"registered_model": spoken.model(_row(actor, new))}


def delete(actor: Actor, given: Given) -> Answer:
    """Delete a model of which nothing was ever governed, with its versions."""
    model = found.model(actor, given.text("name"))
    deletion.delete_model(actor=actor, model=model, reason=gate.said(f"delete {model.called}"))
    return {}


def latest_versions(actor: Actor, given: Given) -> Answer:
    """The newest version of each stage, or of those named."""
    name = given.text("name")
    wanted = {stage_named(stage).name for stage in given.texts("stages")}
    rows = compact.latest_rows(actor, name)
    if not rows and not compact.sees_model(actor, name):
        raise absent_model(name)
    shown = [spoken.version(row) for row in rows if not wanted or (row.stage or spoken.NO_STAGE) in wanted]
    return {"model_versions": shown} if shown else {}


def set_tag(actor: Actor, given: Given) -> Answer:
    """Set one tag."""
    model, key = found.model(actor, given.text("name")), given.text("key")
    labelling.tag_model(actor=actor, model=model, key=key, value=given.optional("value") or "")
    return {}


def delete_tag(actor: Actor, given: Given) -> Answer:
    """Take one tag away; one that is not there is no fault."""
    labelling.tag_model(actor=actor, model=found.model(actor, given.text("name")), key=given.text("key"), value=None)
    return {}


def by_alias(actor: Actor, given: Given) -> Answer:
    """The version an alias points at. One query where it points somewhere; one more with what was added since it was
    approved, where something was. “latest” is the newest version."""
    name, alias = given.text("name"), given.text("alias")
    latest = alias.casefold() == "latest"
    row = compact.newest_row(actor, name) if latest else compact.aliased_row(actor, name, alias)
    if row is None:
        if not compact.sees_model(actor, name):
            raise absent_model(name)
        if latest:
            raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Latest version not found for model {name}.")
        raise invalid(f"Registered model alias {alias} not found.")
    return {"model_version": approved.version(row, f"@{alias}")}


def _row(actor: Actor, name: str) -> compact.ModelRow:
    row = compact.model_row(actor, name)
    if row is None:
        raise absent_model(name)
    return row


def _exists(name: str) -> MlflowError:
    return MlflowError("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists")
