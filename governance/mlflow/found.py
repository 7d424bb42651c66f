"""What a request names, as rows to write to: a model by what MLflow calls it, a version by its number."""

from __future__ import annotations

from audit.actor import Actor
from governance.mlflow.refusals import absent_model, absent_version
from governance.selectors.compact import MAX_NUMBER, VersionRow, seen_model, version_row
from registry import access
from registry.models import ModelVersion, RegisteredModel


def model(actor: Actor, name: str) -> RegisteredModel:
    """A model the actor may see. Raises MlflowError; NotPermitted for a token that may not read models."""
    pk = _seen(actor, name)
    if pk is None:
        raise absent_model(name)
    return RegisteredModel.objects.only("slug", "mlflow_name").get(pk=pk)


def version(actor: Actor, name: str, number: int) -> ModelVersion:
    """A version of a model the actor may see. Raises as `model` does."""
    pk = _seen(actor, name)
    if pk is None or not 0 < number <= MAX_NUMBER:
        raise absent_version(name, number)
    named = ModelVersion.objects.select_related("model", "stage").only(
        "number", "model__slug", "model__mlflow_name", "stage__slug"
    )
    found = named.filter(model=pk, number=number).first()
    if found is None:
        raise absent_version(name, number)
    return found


def row(actor: Actor, name: str, number: int) -> VersionRow:
    """A version to be shown. Raises MlflowError."""
    found = version_row(actor, name, number)
    if found is None:
        raise absent_version(name, number)
    return found


def _seen(actor: Actor, name: str) -> int | None:
    """Sight first, in one sentence that is text already, then the row. Rows found here only say what is meant: whoever
    writes reads them anew under its locks."""
    access.require_scope(actor, "models:read")
    return seen_model(actor, name)
