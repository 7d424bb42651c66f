"""What a request names, as rows to write to: a model by what MLflow calls it, a version by its number."""

from __future__ import annotations

from audit.actor import Actor
from governance.mlflow.refusals import absent_model, absent_version
from governance.selectors.compact import MAX_NUMBER, VersionRow, seen_model, version_row
from registry import access, selectors
from registry.models import ModelVersion, RegisteredModel


def model(actor: Actor, name: str) -> RegisteredModel:
    """A model the actor may see. Raises MlflowError; NotPermitted for a token that may not read models."""
    found = _model(actor, name)
    if found is None:
        raise absent_model(name)
    return found


def version(actor: Actor, name: str, number: int) -> ModelVersion:
    """A version of a model the actor may see. Raises as `model` does."""
    model = _model(actor, name)
    if model is None or not 0 < number <= MAX_NUMBER:
        raise absent_version(name, number)
    found = selectors.versions_of(model).filter(number=number).first()
    if found is None:
        raise absent_version(name, number)
    found.model = model
    return found


def row(actor: Actor, name: str, number: int) -> VersionRow:
    """A version to be shown. Raises MlflowError."""
    found = version_row(actor, name, number)
    if found is None:
        raise absent_version(name, number)
    return found


def _model(actor: Actor, name: str) -> RegisteredModel | None:
    """Sight first, in one sentence that is text already, then the row: composing both as one costs more than asking."""
    access.require_scope(actor, "models:read")
    pk = seen_model(actor, name)
    return RegisteredModel.objects.select_related("owner").get(pk=pk) if pk is not None else None
