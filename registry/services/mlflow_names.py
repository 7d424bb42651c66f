"""Names given by MLflow clients: a valid slug is used as the model's slug; for any other name a slug is generated."""

import re
import unicodedata
from typing import Any

from audit.actor import Actor
from registry.exceptions import ValidationFailedError
from registry.models import RegisteredModel
from registry.selectors.catalogue import models_called
from registry.services import name_claims
from registry.services.models import register_model
from registry.validation import ErrorCollector, is_model_slug

_TRIES = 20


def register_model_with_mlflow_name(*, actor: Actor, name: str, **facts: Any) -> RegisteredModel:
    """Register a model under the name that an MLflow client gives.

    “Churn Model” becomes `churn-model` everywhere else, or `churn-model-2` if that is taken, and stays “Churn Model”
    for MLflow clients.

    Args:
        actor: the person who registers it, or a token of theirs.
        name: the name for MLflow clients.
        facts: see `registry.services.models.register_model`.

    Raises:
        PermissionDeniedError: see `register_model`.
        ValidationFailedError: see `register_model`; code `taken` if the actor sees a model with this MLflow name.
        InvalidStateError: another request registers the name at the same time.
    """
    faults = ErrorCollector()
    faults.mlflow_name("/name", name)
    faults.raise_if_any()
    if is_model_slug(name):
        return register_model(actor=actor, slug=name, for_mlflow=True, **facts)
    for slug in _free_slugs(name):
        try:
            return register_model(
                actor=actor, slug=slug, mlflow_name=name, for_mlflow=True, **{"title": name[:200].strip(), **facts}
            )
        except ValidationFailedError as refusal:
            # Another request took the slug at the same time: try the next one. An error about the name itself is final.
            if any(error.pointer != "/slug" for error in refusal.errors):
                raise
    faults.add("/name", "no_slug", f"Every short form of “{name}” is taken: choose another name.")
    raise ValidationFailedError(faults.errors)


def _free_slugs(name: str) -> list[str]:
    stem = slug_of(name)
    slugs = [slug for n in range(1, _TRIES + 1) if is_model_slug(slug := stem if n == 1 else f"{stem}-{n}")]
    taken = name_claims.unavailable(slugs)
    return [slug for slug in slugs if slug not in taken]


def get_by_mlflow_name(name: str) -> RegisteredModel | None:
    """Return the model with this MLflow name, regardless of visibility: for services, which check permission
    themselves.
    """
    return models_called(name).first()


def slug_of(name: str) -> str:
    """Return a valid slug that resembles a name: “Prüfung/2 (neu)” gives `prufung-2-neu`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:190].strip("-") or "model"
