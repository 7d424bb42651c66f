"""Look up the model or version that a request names: models by MLflow name, versions by number.

The rows have only the fields known from the lookup; other fields are loaded on access. Services that write lock the
rows and read them again.
"""

from __future__ import annotations

from audit.actor import Actor
from governance.interfaces.mlflow.errors import model_not_found, version_not_found
from governance.selectors.compact_rows import (
    CompactVersion,
    get_visible_model,
    get_visible_version,
    version_row,
)
from registry import access
from registry.models import ModelVersion, RegisteredModel


def model(actor: Actor, name: str) -> RegisteredModel:
    """Return a model visible to the actor.

    Raises:
        MlflowError: it does not exist or is not visible.
        PermissionDeniedError: the token lacks the scope models:read.
    """
    access.require_scope(actor, "models:read")
    seen = get_visible_model(actor, name)
    if seen is None:
        raise model_not_found(name)
    return seen.as_model()


def version(actor: Actor, name: str, number: int) -> ModelVersion:
    """Return a version of a model visible to the actor. Raises as `model` does."""
    access.require_scope(actor, "models:read")
    seen = get_visible_version(actor, name, number)
    if seen is None:
        raise version_not_found(name, number)
    return seen.as_version()


def row(actor: Actor, name: str, number: int) -> CompactVersion:
    """Return a version for display. Raises MlflowError if it does not exist or is not visible."""
    found = version_row(actor, name, number)
    if found is None:
        raise version_not_found(name, number)
    return found
