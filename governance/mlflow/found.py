"""What a request names, as rows to write to: a model by what MLflow calls it, a version by its number.

Rows found here only say what is meant, and read what else they are asked for when they are asked: whoever writes reads
them anew under its locks.
"""

from __future__ import annotations

from audit.actor import Actor
from governance.mlflow.refusals import absent_model, absent_version
from governance.selectors.compact import SeenModel, VersionRow, seen_model, seen_version, version_row
from registry import access
from registry.models import ModelVersion, RegisteredModel, Stage


def model(actor: Actor, name: str) -> RegisteredModel:
    """A model the actor may see. Raises MlflowError; NotPermitted for a token that may not read models."""
    access.require_scope(actor, "models:read")
    seen = seen_model(actor, name)
    if seen is None:
        raise absent_model(name)
    return _model(seen)


def version(actor: Actor, name: str, number: int) -> ModelVersion:
    """A version of a model the actor may see. Raises as `model` does."""
    access.require_scope(actor, "models:read")
    seen = seen_version(actor, name, number)
    if seen is None:
        raise absent_version(name, number)
    found = ModelVersion.objects.known(id=seen.pk, number=number, model_id=seen.model.pk, stage_id=seen.stage)
    found.model, found.stage = _model(seen.model), Stage.objects.known(id=seen.stage, slug=seen.stage_slug)
    return found


def row(actor: Actor, name: str, number: int) -> VersionRow:
    """A version to be shown. Raises MlflowError."""
    found = version_row(actor, name, number)
    if found is None:
        raise absent_version(name, number)
    return found


def _model(seen: SeenModel) -> RegisteredModel:
    return RegisteredModel.objects.known(id=seen.pk, slug=seen.slug, mlflow_name=seen.mlflow_name, renamed=seen.renamed)
